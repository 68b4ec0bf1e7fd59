//! Files of boot partitions: where Azure Disk Encryption on Linux keeps the LUKS header of the system's disk.

mod block_cache;
mod ext;
mod file_inside;
mod xfs;

pub(crate) use file_inside::{FileInside, FileSystemKind};

/// Looks for the header in the bytes as a file system of this kind, as a fuzzer does.
pub(crate) fn parse(kind: FileSystemKind, bytes: &[u8]) {
    let cache = block_cache::BlockCache::filled(bytes);
    let mut buffer = [0; 512];
    for path in ["/luks/osluksheader", "/boot/luks/osluksheader"] {
        match kind {
            FileSystemKind::Ext => {
                drop(ext::length(&cache, path));
                drop(ext::read(&cache, path, 0, &mut buffer));
            }
            FileSystemKind::Xfs => {
                drop(xfs::length(&cache, path));
                drop(xfs::read(&cache, path, 0, &mut buffer));
            }
        }
    }
}
