//! A disk that could not be read when it was described. It keeps no other disk waiting, and nobody overlooks it: it is
//! planned by what its machine says of it, and its disk snapshot alone fails until it can be read.

use custody_core::digest::DiskData;
use custody_core::port::{DiskDescription, DiskEncryption, DiskSnapshot, SnapshotKind};
use custody_core::{Error, Result, visible};

use super::disk_description::{DISK_BYTES, VHD_FOOTER_BYTES};
use super::part::Part;
use crate::arm::{MachineDisk, ResourceId};
use crate::export_form::VHD_FIXED;

/// The attribute that says why it could not.
pub(super) const NOT_READ: &str = "could not be read";
const NOT_KNOWN: &str =
    "the disk could not be read when it was planned, so that whether its content is encrypted is not known";

/// What is planned of it. Whether its content is encrypted is not known, which is not the same as "not stated".
pub(super) fn describe(id: &ResourceId, named: &MachineDisk, error: &Error) -> Result<DiskDescription> {
    let settings = named.encryption_settings.as_ref();
    let is_encrypted = settings.and_then(|settings| settings.enabled);
    let reckoned = named.disk_size_gb.map(|gib| gib.saturating_mul(1 << 30));
    let name = format!("{}.vhd", visible::escape(id.name()));
    let words: Vec<String> = std::iter::once(error.to_string()).chain(error.causes()).collect();
    Ok(DiskDescription::new(Part::Disk.id_of(id.as_str())?, name, 0)
        .with_length_at_opening(reckoned.filter(|bytes| *bytes > 0))
        .with_format(
            VHD_FIXED,
            DiskData::NotComputed {
                reason: "the disk could not be read when it was planned; its form is told when it is opened"
                    .into(),
            },
        )
        .with_encryption(DiskEncryption::Encrypted {
            statement: if is_encrypted == Some(true) {
                "Azure Disk Encryption, by the machine's own settings".into()
            } else {
                NOT_KNOWN.into()
            },
        })
        .with_snapshot(SnapshotKind::Made)
        .with_attribute(NOT_READ, visible::escape(&words.join(": "))))
}

/// The same description; where it is of a disk that could not be read, it claims nothing of the key to read it.
pub(super) fn without_claim(description: DiskDescription) -> DiskDescription {
    match &description.encryption {
        DiskEncryption::Encrypted { statement } if statement == NOT_KNOWN => {
            description.with_attribute(DiskDescription::KEY_TO_READ, format!("not known: {NOT_KNOWN}"))
        }
        _ => description,
    }
}

/// What a plan says of it.
pub(super) fn caution(disk: &DiskDescription) -> Option<String> {
    let why = disk.attributes.get(NOT_READ)?;
    Some(format!(
        "disk {} could not be read, and is planned by what its machine says of it: {why}. Its disk snapshot is tried beside \
         the others; until it is taken, or is given up by order, nothing is sealed",
        disk.name
    ))
}

/// The snapshot of one, once it could be taken: what its description does not tell, opening does.
pub(super) fn told_at_opening(snapshot: DiskSnapshot) -> DiskSnapshot {
    match snapshot.length {
        Some(length) => {
            let bytes = length.bytes().saturating_sub(VHD_FOOTER_BYTES);
            snapshot
                .with_length_at_opening()
                .with_attribute(DISK_BYTES, bytes.to_string())
        }
        None => snapshot,
    }
}
