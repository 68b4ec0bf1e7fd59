use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use custody_core::digest::Sha256Digest;
use custody_core::port::SourceState;
use custody_core::{Error, Result};

use super::block_device::{BlockDevice, IoCounters};
use super::file_medium::{instant, modified};
use super::item::{LookedPart, SourceItem};
use super::kernel_tree::{KernelTree, attribute};
use super::opening::SourceKind;

/// Sectors in `/sys` have this size, whatever the device's have.
const SYS_SECTOR_BYTES: u64 = 512;

/// What tells whether the source changed, by looking at it; nothing is opened for reading.
///
/// Of a file: length, device and inode number, times of the last modification and of the last change of
/// the inode; its access time is noted. Of a split set all that for each part. Of a device: length,
/// numbers, serial, world wide name, the sequence number of its attachment, and how often it was written and
/// discarded; how often it was read is noted, and for a partition how often the whole disk was written.
///
/// Times are as exact as the file system keeps them; a kernel before 6.13 stamps two writes within one
/// tick (at most 10 ms) alike.
///
/// # Errors
/// `NotFound` when the source, or a part of it, is gone; otherwise the host's.
pub(super) fn state(tree: &KernelTree, item: &SourceItem) -> Result<SourceState> {
    let parts = item.look()?;
    if let [LookedPart { looked, .. }] = parts.as_slice() {
        return match looked.kind {
            SourceKind::File => Ok(of_file(SourceState::default(), "", &looked.metadata)),
            SourceKind::Device { major, minor } => of_device(tree, item, major, minor),
        };
    }
    let length: u64 = parts.iter().map(|part| part.looked.metadata.len()).sum();
    let whole = SourceState::default()
        .with_pinned("length", length.to_string())
        .with_pinned("parts", parts.len().to_string());
    let states = parts.iter().zip(1_u32..).fold(whole, |state, (part, number)| {
        of_file(state, &format!("part-{number:05}."), &part.looked.metadata)
    });
    Ok(states)
}

fn of_file(state: SourceState, prefix: &str, metadata: &Metadata) -> SourceState {
    let name = |name: &str| format!("{prefix}{name}");
    state
        .with_pinned(name("length"), metadata.len().to_string())
        .with_pinned(name("device"), device_numbers(metadata.dev()))
        .with_pinned(name("inode"), metadata.ino().to_string())
        .with_pinned(name("modified"), modified(metadata))
        .with_pinned(name("changed"), instant(metadata.ctime(), metadata.ctime_nsec()))
        .with_noted(name("accessed"), instant(metadata.atime(), metadata.atime_nsec()))
}

fn device_numbers(device: u64) -> String {
    format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
}

fn of_device(tree: &KernelTree, item: &SourceItem, major: u32, minor: u32) -> Result<SourceState> {
    let device = BlockDevice::find(tree, major, minor)?;
    let sectors: u64 = attribute(&device.folder.join("size"))
        .and_then(|sectors| sectors.parse().ok())
        .ok_or_else(|| Error::NotFound {
            object: format!("{} (the kernel tells no size of it)", item.disk),
        })?;
    let mut state = SourceState::default()
        .with_pinned("length", sectors.saturating_mul(SYS_SECTOR_BYTES).to_string())
        .with_pinned("device", format!("{major}:{minor}"));
    let named = [
        ("serial", device.serial()),
        ("wwn", device.wwn()),
        ("diskseq", device.disk_sequence()),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            state = state.with_pinned(name, value);
        }
    }
    state = match device.counters().filter(|_| device.is_counting()) {
        Some(counters) => with_counters(state, counters),
        None => state.with_noted(
            "write-counters",
            "not kept by this kernel: a write would not show",
        ),
    };
    if device.partition.is_some()
        && let Some(disk) = device.disk_counters()
    {
        state = state
            .with_noted("disk-writes", disk.writes.to_string())
            .with_noted("disk-sectors-written", disk.sectors_written.to_string());
    }
    Ok(state)
}

fn with_counters(state: SourceState, counters: IoCounters) -> SourceState {
    state
        .with_pinned("writes", counters.writes.to_string())
        .with_pinned("sectors-written", counters.sectors_written.to_string())
        .with_pinned("discards", counters.discards.to_string())
        .with_pinned("sectors-discarded", counters.sectors_discarded.to_string())
        .with_noted("reads", counters.reads.to_string())
        .with_noted("sectors-read", counters.sectors_read.to_string())
}

/// The pinned names that tell of writes to a device, and not of which device it is.
pub(super) const WRITE_COUNTERS: [&str; 4] = ["writes", "sectors-written", "discards", "sectors-discarded"];

/// What tells a source from another one that took its path, also in a later process and, for a disk that
/// gives a serial number or a name, after the host was started anew.
///
/// # Errors
/// `NotFound` when the device is gone.
pub(super) fn identity(tree: &KernelTree, parts: &[(SourceKind, Metadata)]) -> Result<String> {
    let of_file = |metadata: &Metadata| format!("inode {}, modified {}", metadata.ino(), modified(metadata));
    match parts {
        [(SourceKind::Device { major, minor }, _)] => {
            let device = BlockDevice::find(tree, *major, *minor)?;
            Ok(match (device.serial(), device.wwn()) {
                (None, None) => format!(
                    "{}, attachment {} of run {}",
                    device.name,
                    device.disk_sequence().unwrap_or_else(|| "unknown".to_owned()),
                    tree.boot_id().unwrap_or_else(|| "unknown".to_owned())
                ),
                (serial, wwn) => format!(
                    "serial {}, wwn {}, {}",
                    serial.as_deref().unwrap_or("none"),
                    wwn.as_deref().unwrap_or("none"),
                    device
                        .partition
                        .map_or_else(|| "whole disk".to_owned(), |number| format!("partition {number}"))
                ),
            })
        }
        [(SourceKind::File, metadata)] => Ok(of_file(metadata)),
        many => {
            let lines: Vec<String> = many.iter().map(|(_, metadata)| of_file(metadata)).collect();
            let digest = Sha256Digest::of(lines.join("\n").as_bytes());
            Ok(format!(
                "{} parts, their inodes and times have the digest {digest}",
                many.len()
            ))
        }
    }
}
