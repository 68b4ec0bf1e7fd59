//! Files of boot partitions: where Azure Disk Encryption on Linux keeps the LUKS header of the system's disk.

mod block_cache;
mod ext;
mod file_inside;
mod xfs;

pub(crate) use file_inside::{FileInside, FileSystemKind};

/// Runs the parsers of this module on the bytes as a file system, as a fuzzer does.
pub(crate) fn parse_anything(bytes: &[u8]) {
    let cache = block_cache::BlockCache::filled(bytes);
    let mut buffer = [0; 512];
    for path in ["/luks/osluksheader", "/boot/luks/osluksheader"] {
        drop(ext::length(&cache, path));
        drop(ext::read(&cache, path, 0, &mut buffer));
        drop(xfs::length(&cache, path));
        drop(xfs::read(&cache, path, 0, &mut buffer));
    }
}
