//! What the fuzz targets call: each parser of foreign bytes, with the checksums put right that would stop a fuzzer before
//! it gets to what lies behind them.

mod disk;

use crate::file_system::{self, FileSystemKind};
use crate::{DiskKey, ExternalKeyFile, bitlocker, luks, table};

/// Runs one parser of foreign bytes of this crate on the bytes.
///
/// Which one is named by `target`, one of [`FUZZ_TARGETS`]. What it says is not kept; a name that is not known does nothing.
pub fn fuzz(target: &str, bytes: &[u8]) {
    match target {
        "bitlocker" => bitlocker::parse_volume(bytes),
        "key_file" => drop(ExternalKeyFile::parse(bytes)),
        "luks1" => luks::parse_version_1(bytes),
        "luks2" => luks::parse_version_2(bytes),
        "luks2_json" => luks::parse_json(bytes),
        "gpt" => table::parse_gpt(bytes),
        "mbr" => table::parse_mbr(bytes),
        "ext" => file_system::parse(FileSystemKind::Ext, bytes),
        "xfs" => file_system::parse(FileSystemKind::Xfs, bytes),
        "disk_key" => drop(DiskKey::from_bytes(bytes)),
        "disk" => disk::prove(bytes),
        _ => {}
    }
}

/// The names that [`fuzz`] knows: a parser each, and a file in `fuzz/fuzz_targets`.
pub const FUZZ_TARGETS: [&str; 11] = [
    "bitlocker",
    "key_file",
    "luks1",
    "luks2",
    "luks2_json",
    "gpt",
    "mbr",
    "ext",
    "xfs",
    "disk_key",
    "disk",
];
