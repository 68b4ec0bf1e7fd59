//! BitLocker: key files, and the metadata of volumes from Windows 7 to 11.

mod boot_sector;
mod datum;
mod external_key_file;
mod metadata;
mod protector;
mod sealed_key;
mod unlock;
mod volume;

pub use external_key_file::ExternalKeyFile;

pub(crate) use boot_sector::BootSector;
pub(crate) use volume::prove;

/// Reads the bytes as a boot sector and as a copy of the metadata, as a fuzzer does; what they say is not kept.
pub(crate) fn parse_volume(bytes: &[u8]) {
    drop(BootSector::parse(bytes));
    let copies = [0, 1, 2].map(|index| {
        let at = 32 + 8 * index;
        bytes
            .get(at..at + 8)
            .and_then(|field| field.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    });
    if let Ok(metadata) = metadata::Metadata::parse(bytes, copies) {
        drop(metadata.opened_by_clear_key());
        drop(metadata.is_sealed_by(&[0; 32]));
    }
}
