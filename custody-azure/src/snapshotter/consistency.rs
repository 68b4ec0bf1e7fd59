use custody_core::port::DiskDescription;
use custody_core::visible;

use super::made::only_incremental;
use super::tag::MAX_MEMBERS;
use super::{SnapshotNetwork, SnapshotPlace, unread_disk};
use crate::arm::{MachineDisk, ResourceId, VirtualMachine, id_of};

/// How the instants of a machine's disks lie to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Consistency {
    /// A disk snapshot of each disk, all requested together: their instants lie a little apart.
    #[default]
    DiskSnapshots,
    /// One crash-consistent restore point: one instant for all disks, as after a loss of power, without a part in it
    /// for the guest. Where the machine does not support it the capture is refused; nothing else is done in its place.
    RestorePoint,
}

/// What to do where a restore point cannot be made.
pub(super) const INSTEAD: &str = "take a disk snapshot of each disk instead (--consistency disk-snapshots): their instants lie a little apart";

/// Whether one crash-consistent restore point can be made of a machine.
///
/// Source: MicrosoftDocs/azure-compute-docs, "Overview of VM restore points" and "Support matrix for VM restore
/// points", read 2026-11-21. What only the service can tell (whether the size supports Premium storage) it refuses
/// itself.
#[derive(Debug)]
pub(super) struct Support<'a> {
    pub(super) id: &'a ResourceId,
    pub(super) machine: &'a VirtualMachine,
    pub(super) disks: &'a [DiskDescription],
    pub(super) place: &'a SnapshotPlace,
    pub(super) network: &'a SnapshotNetwork,
}

impl Support<'_> {
    /// Why none can be made, and what to do; `None` where nothing is known against it.
    pub(super) fn obstacle(&self) -> Option<String> {
        let mut reasons = self.of_machine();
        for disk in self.named() {
            let name = visible::escape(disk.name.as_deref().unwrap_or("(no name)"));
            reasons.extend(why_not_attached(disk).map(|why| format!("disk {name} {why}")));
        }
        for disk in self.disks {
            reasons.extend(why_not_disk(disk).map(|why| format!("disk {} {why}", name_of(disk))));
        }
        if reasons.is_empty() {
            return None;
        }
        let reasons = reasons.join("; ");
        Some(format!(
            "no crash-consistent restore point can be made of {}: {reasons}. Do this: {INSTEAD}",
            self.id.name()
        ))
    }

    /// Why one instant for all disks is not guaranteed although a restore point can be made: for the record.
    pub(super) fn doubts(&self) -> Vec<String> {
        let cached = |disk: &&MachineDisk| {
            let caching = disk.caching.as_deref().unwrap_or_default();
            caching.eq_ignore_ascii_case("ReadWrite")
        };
        let mut doubts: Vec<String> = self
            .named()
            .filter(cached)
            .map(|disk| {
                let name = visible::escape(disk.name.as_deref().unwrap_or("(no name)"));
                format!("disk {name} has read/write host caching")
            })
            .collect();
        let size = self.machine.properties.hardware_profile.vm_size.as_deref();
        let size = size.unwrap_or_default().to_ascii_lowercase();
        let boost = size.ends_with("_v6") || size.ends_with("_v7");
        if boost && self.machine.properties.storage_profile.data_disks.len() > 1 {
            doubts.push(format!(
                "the size {} may run on Azure Boost, and the machine has more than one data disk",
                visible::escape(&size)
            ));
        }
        doubts
    }

    fn named(&self) -> impl Iterator<Item = &MachineDisk> {
        let profile = &self.machine.properties.storage_profile;
        profile.os_disk.iter().chain(&profile.data_disks)
    }

    fn of_machine(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let security = self.machine.properties.security_profile.security_type.as_deref();
        if security.is_some_and(|kind| kind.eq_ignore_ascii_case("ConfidentialVM")) {
            reasons.push("it is a confidential virtual machine".into());
        }
        if !self
            .id
            .subscription()
            .eq_ignore_ascii_case(&self.place.subscription)
        {
            reasons.push(format!(
                "custody makes restore points in the machine's own subscription {}, and the settings name {} for what it makes",
                self.id.subscription(),
                self.place.subscription
            ));
        }
        if *self.network != SnapshotNetwork::AsTheDisk {
            reasons.push(
                "its parts can be exported from where the disks can be and from nowhere else, and the settings ask for another network".into(),
            );
        }
        if self.disks.len() > MAX_MEMBERS {
            reasons.push(format!(
                "it has {} disks, and custody can mark a restore point of at most {MAX_MEMBERS}",
                self.disks.len()
            ));
        }
        reasons
    }
}

/// What the machine's own record says against a disk.
fn why_not_attached(disk: &MachineDisk) -> Option<&'static str> {
    let local = disk
        .diff_disk_settings
        .as_ref()
        .and_then(|settings| settings.option.as_deref());
    if local.is_some_and(|option| option.eq_ignore_ascii_case("Local")) {
        return Some("is ephemeral");
    }
    if id_of(disk.managed_disk.as_ref().and_then(|managed| managed.id.as_ref())).is_none() {
        return Some("is unmanaged");
    }
    (disk.write_accelerator_enabled == Some(true)).then_some("is write-accelerated")
}

/// What the disk's own record says against it.
fn why_not_disk(disk: &DiskDescription) -> Option<String> {
    let told = |name: &str| disk.attributes.get(name).map(String::as_str);
    if let Some(why) = told(unread_disk::NOT_READ) {
        return Some(format!("could not be read ({why})"));
    }
    let sku = told("sku").unwrap_or_default();
    if only_incremental(sku) {
        return Some(format!("is of the type {sku}"));
    }
    if disk.length.is_none() {
        return Some(format!(
            "has sectors of {} bytes: only opening a part tells its length",
            disk.sector_bytes
        ));
    }
    if let Some(shares) = told("maxShares") {
        return Some(format!("is shared (maxShares {shares})"));
    }
    let denies = told("networkAccessPolicy").is_some_and(|policy| policy.eq_ignore_ascii_case("DenyAll"));
    denies.then(|| "denies export from everywhere, and a part of a restore point takes that over".into())
}

fn name_of(disk: &DiskDescription) -> &str {
    disk.disk.as_str().rsplit('/').next().unwrap_or_default()
}
