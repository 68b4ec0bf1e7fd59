use custody_core::digest::DiskData;
use custody_core::port::{DiskDescription, NotAcquired, SnapshotKind};
use custody_core::{Result, visible};

use super::Consistency;
use super::part::Part;
use crate::arm::{DiskResource, ResourceId};

/// Whether the guest state of Trusted Launch and Confidential machines is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum GuestState {
    /// As an item of its own, from a disk snapshot of its own.
    #[default]
    Take,
    /// Left out, and named as not acquired.
    Omit,
}

impl GuestState {
    /// Why it is left out, if it is.
    pub(super) const fn left_out_because(self, consistency: Consistency) -> Option<&'static str> {
        match (self, consistency) {
            (Self::Omit, _) => Some(
                "it was asked to be left out; what the virtual TPM and the firmware's variables hold is lost with the machine",
            ),
            (Self::Take, Consistency::RestorePoint) => Some(
                "a restore point holds disks alone; take a disk snapshot of each disk instead to have it",
            ),
            (Self::Take, Consistency::DiskSnapshots) => None,
        }
    }
}

/// The bytes that a guest state is reckoned with; only how long grants live depends on it. Its real size is told by the
/// export alone.
const RECKONED_BYTES: u64 = 64 * 1024 * 1024;

/// What is described beside the disk of an operating system.
pub(super) enum Beside {
    /// It has no guest state that is told of.
    Nothing,
    /// Its guest state, as an item.
    Item(DiskDescription),
    /// It has one, which is left out.
    LeftOut(NotAcquired),
}

/// The security type that tells of a guest state, if it does.
///
/// Source: `DiskSecurityTypes` in Microsoft's OpenAPI document, DiskRP 2023-10-02, read 2026-11-21. A machine's own
/// `securityType` has fewer words for the same.
pub(super) fn security_type<'a>(disk: &'a DiskResource, machine: Option<&'a str>) -> Option<&'a str> {
    let profile = disk.properties.security_profile.as_ref();
    let of_disk = profile.and_then(|profile| profile.security_type.as_deref());
    of_disk.or(machine).filter(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind == "trustedlaunch" || kind.starts_with("confidentialvm")
    })
}

/// What is beside a disk that can be snapshotted.
pub(super) fn beside(
    disk: &DiskDescription,
    id: &ResourceId,
    security: Option<&str>,
    left_out_because: Option<&str>,
) -> Result<Beside> {
    let Some(security) = security else {
        return Ok(Beside::Nothing);
    };
    if let Some(reason) = left_out_because {
        return Ok(Beside::LeftOut(left_out(&disk.name, reason)));
    }
    let stem = disk
        .name
        .strip_suffix(".vhdx")
        .or_else(|| disk.name.strip_suffix(".vhd"))
        .unwrap_or(&disk.name);
    let mut item = DiskDescription::new(Part::GuestState.id_of(id.as_str())?, format!("{stem}.vmgs"), 0)
        .with_length_at_opening(Some(RECKONED_BYTES))
        .with_format(
            "vmgs",
            DiskData::NotComputed {
                reason: "a machine's guest state is no disk".into(),
            },
        )
        .with_snapshot(SnapshotKind::Made)
        .with_attribute("role", format!("guest state beside {}", disk.name))
        .with_attribute("securityType", visible::escape(security));
    // What a record passes on must not be taken for more than it is: [K] in the notes on Azure, so a possibility only.
    if security.to_ascii_lowercase().starts_with("confidentialvm") {
        item = item.with_attribute(
            "note",
            "of a Confidential machine: its content may not be readable outside Azure",
        );
    }
    Ok(Beside::Item(item))
}

/// A guest state that is not taken.
pub(super) fn left_out(disk: &str, reason: &str) -> NotAcquired {
    NotAcquired::new(format!("guest state (VMGS) beside disk {disk}"), reason)
}
