use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::{Bytes, Disk, DiskPlacement, Scenario};
use crate::azure_sim::world::World;

/// A managed disk as it is now.
#[derive(Clone, Debug)]
pub(crate) struct DiskState {
    pub(crate) disk: Disk,
    pub(crate) id: String,
    pub(crate) unique_id: String,
    pub(crate) content: Content,
    pub(crate) guest_state: Option<Content>,
    pub(crate) vhdx: Option<Content>,
    /// The machine that has it, and whether that machine is running.
    pub(crate) attached_to: Option<(String, bool)>,
    pub(crate) created: Timestamp,
}

pub(crate) fn content_of(bytes: &Bytes) -> io::Result<Content> {
    Ok(match bytes {
        Bytes::File(path) => Content::of_file(path)?,
        Bytes::Exactly(bytes) => Content::of_bytes(bytes.clone()),
        Bytes::Pattern {
            length,
            seed,
            allocated,
        } => {
            let ranges = allocated
                .iter()
                .map(|(start, end)| *start..(*end).min(*length))
                .collect();
            Content::of_pattern(*length, *seed, ranges)
        }
    })
}

impl DiskState {
    pub(crate) fn new(scenario: &Scenario, disk: Disk, now: Timestamp) -> io::Result<Self> {
        let id = disk.id(scenario.subscription(None));
        let holder = scenario.machines.iter().find(|machine| {
            std::iter::once(&machine.os_disk)
                .chain(&machine.data_disks)
                .any(|attached| attached.placement == DiskPlacement::Managed && attached.name == disk.name)
        });
        let attached_to = holder.map(|machine| {
            let subscription = scenario.subscription(machine.subscription.as_deref());
            (
                machine.id(subscription),
                machine.power_state == "PowerState/running",
            )
        });
        Ok(Self {
            unique_id: keyed::guid(&id),
            content: content_of(&disk.bytes)?,
            guest_state: disk.guest_state.as_ref().map(content_of).transpose()?,
            vhdx: disk.vhdx.as_ref().map(content_of).transpose()?,
            attached_to,
            created: now,
            id,
            disk,
        })
    }

    fn render(&self, has_access: bool) -> Value {
        let disk = &self.disk;
        let bytes = self.content.length();
        let state = match (has_access, &self.attached_to) {
            (true, _) => "ActiveSAS",
            (false, Some((_, true))) => "Attached",
            (false, Some((_, false))) => "Reserved",
            (false, None) => "Unattached",
        };
        let mut body = json!({
            "name": disk.name, "id": self.id, "type": "Microsoft.Compute/disks", "location": disk.location,
            "tags": disk.tags, "sku": {"name": disk.sku, "tier": tier(&disk.sku)},
            "properties": {
                "creationData": {"createOption": "Empty", "logicalSectorSize": disk.logical_sector_size},
                "diskSizeGB": size_in_gb(bytes), "diskSizeBytes": bytes,
                "encryption": {"type": disk.encryption}, "provisioningState": "Succeeded", "diskState": state,
                "timeCreated": long_date(self.created), "uniqueId": self.unique_id,
                "networkAccessPolicy": disk.network.network_access_policy,
                "publicNetworkAccess": disk.network.public_network_access,
                "dataAccessAuthMode": disk.network.data_access_auth_mode,
                "maxShares": disk.max_shares
            }
        });
        if !disk.zones.is_empty() {
            body["zones"] = json!(disk.zones);
        }
        if let Some((machine, _)) = &self.attached_to {
            body["managedBy"] = json!(machine);
            if disk.max_shares > 1 {
                body["managedByExtended"] = json!([machine]);
            }
        }
        describe(&mut body["properties"], disk);
        body
    }
}

/// Properties that a disk and its snapshots share, and that are absent when they do not apply.
pub(crate) fn describe(properties: &mut Value, disk: &Disk) {
    if let Some(os) = &disk.os_type {
        properties["osType"] = json!(os);
        properties["hyperVGeneration"] = json!("V2");
    }
    if let Some(settings) = &disk.encryption_settings {
        properties["encryptionSettingsCollection"] = settings.clone();
    }
    if let Some(set) = &disk.disk_encryption_set {
        properties["encryption"]["diskEncryptionSetId"] = json!(set);
    }
    if !disk.security_type.is_empty() {
        properties["securityProfile"] = json!({"securityType": disk.security_type});
    }
}

pub(crate) fn tier(sku: &str) -> &str {
    sku.split(['V', '_'])
        .next()
        .filter(|tier| !tier.is_empty())
        .unwrap_or("Standard")
}

/// Whole gigabytes, at least one, as ARM reports sizes.
pub(crate) fn size_in_gb(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 30).max(1)
}

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let disk = world.disks.get(&key).ok_or_else(|| missing(arm))?;
    let body = disk.render(world.has_access(&key, arm.call.at));
    Ok(Answer::json(200, &body))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let below = format!("{}/", arm.path.scope.to_lowercase());
    let found = world.disks.iter().filter(|(key, _)| key.starts_with(&below));
    let value: Vec<Value> = found
        .map(|(key, disk)| disk.render(world.has_access(key, arm.call.at)))
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

pub(crate) fn missing(arm: &ArmCall<'_>) -> Refusal {
    let group = arm.path.group.as_deref().unwrap_or_default();
    Refusal::not_found(arm.path.kind_as_given(), arm.path.name(), group)
}
