//! BitLocker: key files, and the metadata of volumes from Windows 7 to 11.

mod boot_sector;
mod datum;
mod external_key_file;
mod metadata;
mod method;
mod protector;
mod sealed_key;
mod unlock;
mod volume;

pub use external_key_file::ExternalKeyFile;

pub(crate) use boot_sector::BootSector;
pub(crate) use volume::prove;

/// Reads the bytes as a boot sector, as a copy of the metadata whose checksum is put right, and as what a key opens, as a
/// fuzzer does; what they say is not kept.
pub(crate) fn parse_volume(bytes: &[u8]) {
    drop(BootSector::parse(bytes));
    drop(sealed_key::OpenedKey::parse(bytes));
    let bytes = metadata::with_checksum(bytes);
    let copies = [0, 1, 2].map(|index| {
        let at = 32 + 8 * index;
        bytes
            .get(at..at + 8)
            .and_then(|field| field.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    });
    if let Ok(copy) = metadata::Metadata::parse(&bytes, copies) {
        drop(copy.is_sealed_by(&[0; 32]));
        drop(volume::describe_and_judge(&[copy]));
    }
}

/// Puts the checksums of the metadata's copies right of a volume with whose boot sector these bytes begin, for a fuzzer.
pub(crate) fn mend(disk: &mut [u8]) {
    let Ok(boot) = BootSector::parse(disk) else {
        return;
    };
    for at in boot.copies.map(|at| usize::try_from(at).unwrap_or(usize::MAX)) {
        let bytes = disk.get(at..).unwrap_or_default();
        let most = usize::try_from(metadata::MAX_COPY_BYTES).unwrap_or(usize::MAX);
        let mended = metadata::with_checksum(bytes.get(..most).unwrap_or(bytes));
        for (to, from) in disk.iter_mut().skip(at).zip(mended) {
            *to = from;
        }
    }
}
