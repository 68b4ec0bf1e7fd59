use std::str::FromStr;

use custody_core::ids::MachineRef;
use custody_core::port::{Machine, NotAcquired};
use custody_core::{Error, Result, visible};

use super::disk_size::DiskSize;
use super::{disk_description, guest_state};
use crate::arm::{Arm, DiskResource, MachineDisk, ResourceId, RestorePoint, id_of, region};

/// The kind of a disk's part of a restore point.
pub(super) const DISK_RESTORE_POINT: &str =
    "microsoft.compute/restorepointcollections/restorepoints/diskrestorepoints";

/// The kind of a restore point.
pub(crate) const RESTORE_POINT: &str = "microsoft.compute/restorepointcollections/restorepoints";

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AzureSource {
    /// A virtual machine.
    Machine(ResourceId),
    /// Unattached disks, existing disk snapshots.
    Parts(Vec<ResourceId>),
    /// A restore point that is there.
    RestorePoint(ResourceId),
}

impl FromStr for AzureSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let ids = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<ResourceId>>>()?;
        let kinds: Vec<String> = ids.iter().map(ResourceId::kind).collect();
        let is = |kind: &str| kinds.iter().all(|found| found == kind);
        let part = |found: &String| {
            matches!(
                found.as_str(),
                "microsoft.compute/disks" | "microsoft.compute/snapshots"
            )
        };
        match ids.as_slice() {
            [one] if is("microsoft.compute/virtualmachines") => Ok(Self::Machine(one.clone())),
            [one] if is(RESTORE_POINT) => Ok(Self::RestorePoint(one.clone())),
            [_, ..] if kinds.iter().all(part) => Ok(Self::Parts(ids)),
            _ => Err(Error::malformed(
                "machine",
                "names neither one virtual machine, nor one restore point, nor disks and disk snapshots",
            )),
        }
    }
}

/// Why the guest state beside a snapshot or a restore point that was there before is left out.
pub(super) const NO_GUEST_STATE: &str = "only the disk is read of what was there before: a grant on the guest state would \
    be the disk's own. Capture the machine, or its disk, to have it";

/// What a plan says of something that was there before: others may have access to it, and lose it (I6).
///
/// Source: "Revoke Access" in Microsoft's REST reference of snapshots, which names no grant; that it ends all of them is
/// reckoned with and not verified.
pub(super) fn shared_access(id: &ResourceId, found: &DiskResource) -> String {
    const ENDS: &str = "custody is given access to it and ends that, and Azure may end everybody's access to it then \
                        (endGetAccess)";
    let state = found.properties.disk_state.as_deref().unwrap_or_default();
    if state.to_ascii_lowercase().starts_with("activesas") {
        format!(
            "somebody has access to {id} NOW (diskState {}): {ENDS}. Find out whose it is before you go on",
            visible::escape(state)
        )
    } else {
        format!("{id} was there before: {ENDS}, also what somebody is granted meanwhile")
    }
}

/// What is not there when only disks are looked at.
pub(super) fn what_parts_leave_out() -> Vec<NotAcquired> {
    vec![NotAcquired::new(
        "memory",
        "what ran on the machine is not on its disks",
    )]
}

pub(super) async fn describe_restore_point(
    arm: &Arm,
    machine: &MachineRef,
    id: &ResourceId,
) -> Result<Machine> {
    let point: RestorePoint = arm.restore_point(id).await?.value;
    let (mut disks, mut cautions) = (Vec::new(), Vec::new());
    let mut not_acquired = what_parts_leave_out();
    for part in parts(&point) {
        let Some(part_id) = id_of(
            part.disk_restore_point
                .as_ref()
                .and_then(|point| point.id.as_ref()),
        ) else {
            continue;
        };
        let found = arm.disk(&part_id).await?.value;
        cautions.push(shared_access(&part_id, &found));
        let description = disk_description::describe(&part_id, &found, Some(size_of(part, &part_id)?))?;
        if guest_state::security_type(&found, None).is_some() {
            not_acquired.push(guest_state::left_out(&description.name, NO_GUEST_STATE));
        }
        disks.push(description);
    }
    not_acquired.push(NotAcquired::new(
        "disks that the restore point leaves out",
        "only what it holds can be read",
    ));
    let properties = &point.properties;
    let mut described = Machine::new(machine.clone(), "azure", disks, not_acquired);
    described.cautions = cautions;
    described.region = region(properties.source_metadata.location.as_deref().unwrap_or_default());
    for (name, value) in [
        ("restorePoint consistencyMode", &properties.consistency_mode),
        ("restorePoint timeCreated", &properties.time_created),
        ("vmId", &properties.source_metadata.vm_id),
        ("location", &properties.source_metadata.location),
    ] {
        if let Some(value) = value {
            described = described.with_attribute(name, visible::escape(value));
        }
    }
    Ok(described)
}

/// The size of a disk in a restore point: told by the restore point, not by the disk's part of it.
pub(super) async fn restore_point_disk_size(arm: &Arm, part_id: &ResourceId) -> Result<DiskSize> {
    let Some(id) = part_id.parent() else {
        return Err(Error::malformed(part_id.to_string(), "is in no restore point"));
    };
    let point: RestorePoint = arm.restore_point(&id).await?.value;
    let part = parts(&point).find(|part| {
        let found = id_of(
            part.disk_restore_point
                .as_ref()
                .and_then(|point| point.id.as_ref()),
        );
        found.as_ref() == Some(part_id)
    });
    match part {
        Some(part) => size_of(part, part_id),
        None => Err(Error::NotFound {
            object: part_id.to_string(),
        }),
    }
}

fn parts(point: &RestorePoint) -> impl Iterator<Item = &MachineDisk> {
    let profile = &point.properties.source_metadata.storage_profile;
    profile.os_disk.iter().chain(&profile.data_disks)
}

fn size_of(part: &MachineDisk, id: &ResourceId) -> Result<DiskSize> {
    part.disk_size_gb
        .map(DiskSize::Gib)
        .ok_or_else(|| Error::malformed(id.to_string(), "the restore point does not tell the disk's size"))
}

#[cfg(test)]
#[expect(clippy::unreachable, reason = "tests")]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";

    #[test]
    fn a_source_is_a_machine_a_restore_point_or_parts() {
        let parse = |text: String| text.parse::<AzureSource>();
        assert!(matches!(
            parse(format!("{GROUP}/virtualMachines/v")),
            Ok(AzureSource::Machine(_))
        ));
        assert!(matches!(
            parse(format!("{GROUP}/restorePointCollections/c/restorePoints/r")),
            Ok(AzureSource::RestorePoint(_))
        ));
        let Ok(AzureSource::Parts(ids)) = parse(format!("{GROUP}/disks/a,{GROUP}/snapshots/b")) else {
            unreachable!("parts were named");
        };
        assert_eq!(ids.get(1).unwrap().name(), "b");
        for wrong in [
            format!("{GROUP}/virtualMachines/v,{GROUP}/disks/d"),
            format!("{GROUP}/images/i"),
            format!("{GROUP}/disks/d,"),
            "web-01".into(),
        ] {
            assert!(parse(wrong.clone()).is_err(), "{wrong} was taken");
        }
    }
}
