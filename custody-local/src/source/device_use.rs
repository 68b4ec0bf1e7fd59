use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use custody_core::{Error, Result, visible};

use super::block_device::{BlockDevice, file_name};
use super::errno;
use super::kernel_tree::{KernelTree, attribute};

/// Holders of holders are followed so deep: a mapped device on a volume on an array on a partition, and more.
const MAX_DEPTH: usize = 8;

/// Who uses a device, each in one phrase for people: mounts, swap, mapped devices. Empty when nobody does,
/// as far as this mount namespace tells; the kernel's own claim (`O_EXCL`) tells the rest.
///
/// # Errors
/// `Provider` or `PermissionDenied` when the mounts cannot be read: then nobody knows.
pub(super) fn uses(tree: &KernelTree, device: &BlockDevice) -> Result<Vec<String>> {
    let mut stack = BTreeMap::new();
    let mut uses = Vec::new();
    collect(&device.folder, &mut stack, &mut uses, 0);
    for partition in device.partitions() {
        collect(&partition, &mut stack, &mut uses, 0);
    }
    if device.partition.is_some() {
        // What holds the whole disk (an array, a multipath map) holds its partitions.
        for holder in holders(&device.disk_folder) {
            uses.push(format!(
                "{} is held by {}",
                device.disk_name(),
                file_name(&holder)
            ));
        }
    }
    uses.extend(mounts(&text(&tree.proc.join("self/mountinfo"))?, &stack));
    // A kernel without swap has no such file.
    match text(&tree.proc.join("swaps")) {
        Ok(swaps) => uses.extend(swap(&swaps, &stack)),
        Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(uses)
}

fn text(path: &Path) -> Result<String> {
    let name = visible::escape_bytes(path.as_os_str().as_bytes());
    let bytes = std::fs::read(path).map_err(|error| errno::of_path(&name, "read", error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Adds the device of this folder, and what holds it, to `stack`: device numbers to names.
fn collect(folder: &Path, stack: &mut BTreeMap<String, String>, uses: &mut Vec<String>, depth: usize) {
    let name = file_name(folder);
    if let Some(numbers) = attribute(&folder.join("dev"))
        && stack.insert(numbers, name.clone()).is_some()
    {
        return;
    }
    for holder in holders(folder) {
        uses.push(format!("{name} is held by {}", holder_name(&holder)));
        if depth < MAX_DEPTH {
            collect(&holder, stack, uses, depth + 1);
        }
    }
}

fn holders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("holders"));
    let mut holders: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().canonicalize().unwrap_or_else(|_| entry.path()))
        .collect();
    holders.sort();
    holders
}

fn holder_name(folder: &Path) -> String {
    match attribute(&folder.join("dm/name")) {
        Some(mapped) => format!("{} ({mapped})", file_name(folder)),
        None => file_name(folder),
    }
}

/// The mounts of these devices.
///
/// A line is `id parent major:minor root mount-point options … - type source super-options`. File systems over
/// several devices (btrfs) have a number of their own there; their source still names a device.
///
/// Source: Linux `Documentation/filesystems/proc.rst`, section 3.5.
fn mounts(mountinfo: &str, stack: &BTreeMap<String, String>) -> Vec<String> {
    let mut mounts = Vec::new();
    for line in mountinfo.lines() {
        let mut fields = line.split(' ');
        let (Some(numbers), Some(point)) = (fields.nth(2), fields.nth(1)) else {
            continue;
        };
        let source = line
            .split_once(" - ")
            .and_then(|(_, tail)| tail.split(' ').nth(1))
            .map(octal_unescaped)
            .unwrap_or_default();
        let device = stack.get(numbers).or_else(|| by_path(&source, stack));
        if let Some(device) = device {
            let point = visible::escape_bytes(&octal_unescaped(point));
            mounts.push(format!("{device} is mounted on {point}"));
        }
    }
    mounts.sort();
    mounts.dedup();
    mounts
}

/// The swap areas on these devices. A line is `path type size used priority` after one of headings.
fn swap(swaps: &str, stack: &BTreeMap<String, String>) -> Vec<String> {
    let paths = swaps
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next());
    paths
        .filter_map(|path| by_path(&octal_unescaped(path), stack))
        .map(|device| format!("{device} is used as swap space"))
        .collect()
}

/// The device of the stack that this path leads to.
fn by_path<'a>(path: &[u8], stack: &'a BTreeMap<String, String>) -> Option<&'a String> {
    let path = Path::new(OsStr::from_bytes(path));
    // Elsewhere a look could wait for a file server, and no device lies there.
    if !path.starts_with("/dev") {
        return None;
    }
    let number = std::fs::metadata(path).ok()?.rdev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    stack.get(&format!("{major}:{minor}"))
}

/// `\040` and the like as the bytes they stand for.
fn octal_unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, byte) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::kernel_tree::{MadeTree, made_tree};
    use super::*;

    const SDA: &str = "devices/pci0/ata1/block/sda";

    /// A disk with two partitions; the second is held by a mapped device.
    fn disk(mountinfo: &str, swaps: &str) -> MadeTree {
        let made = made_tree(&[
            (&format!("{SDA}/dev"), "8:0\n"),
            (&format!("{SDA}/sda1/dev"), "8:1\n"),
            (&format!("{SDA}/sda1/partition"), "1\n"),
            (&format!("{SDA}/sda2/dev"), "8:2\n"),
            (&format!("{SDA}/sda2/partition"), "2\n"),
            ("devices/virtual/block/dm-0/dev", "252:0\n"),
            ("devices/virtual/block/dm-0/dm/name", "vg-root\n"),
            ("proc/self/mountinfo", mountinfo),
            ("proc/swaps", swaps),
        ]);
        made.link(
            "../../../../../../virtual/block/dm-0",
            &format!("{SDA}/sda2/holders/dm-0"),
        );
        for (numbers, folder) in [("8:0", ""), ("8:1", "/sda1"), ("8:2", "/sda2")] {
            made.link(&format!("../../{SDA}{folder}"), &format!("dev/block/{numbers}"));
        }
        made
    }

    fn uses_of(made: &MadeTree, minor: u32) -> Vec<String> {
        uses(&made.tree, &BlockDevice::find(&made.tree, 8, minor).unwrap()).unwrap()
    }

    #[test]
    fn a_disk_is_in_use_by_what_uses_its_partitions_and_their_holders() {
        let made = disk(
            "36 1 8:1 / /boot\\040old rw,noatime master:1 - ext4 /dev/none rw\n\
             37 1 252:0 / / rw shared:1 - xfs /dev/mapper/none rw\n\
             38 1 0:21 / /proc rw - proc proc rw\n",
            "Filename\tType\tSize\tUsed\tPriority\n",
        );
        assert_eq!(
            uses_of(&made, 0),
            [
                "sda2 is held by dm-0 (vg-root)",
                "dm-0 is mounted on /",
                "sda1 is mounted on /boot old"
            ]
        );
        assert_eq!(uses_of(&made, 1), ["sda1 is mounted on /boot old"]);
        assert_eq!(
            uses_of(&made, 2),
            ["sda2 is held by dm-0 (vg-root)", "dm-0 is mounted on /"]
        );
    }

    #[test]
    fn a_free_disk_has_no_uses() {
        let made = disk("38 1 0:21 / /proc rw - proc proc rw\n", "Filename\n");
        assert!(uses_of(&made, 1).is_empty());
    }

    #[test]
    fn a_mount_point_with_control_characters_is_shown_safely() {
        let made = disk("36 1 8:1 / /a\\012\u{1b}[31m rw - ext4 x rw\n", "");
        assert_eq!(uses_of(&made, 1), ["sda1 is mounted on /a\\u{a}\\u{1b}[31m"]);
    }

    #[test]
    fn mounts_that_cannot_be_read_are_an_error_and_not_an_absence() {
        let made = disk("", "");
        std::fs::remove_file(made.tree.proc.join("self/mountinfo")).unwrap();
        let device = BlockDevice::find(&made.tree, 8, 1).unwrap();
        assert!(uses(&made.tree, &device).is_err());
    }

    #[test]
    fn lines_of_another_form_are_passed() {
        let made = disk("\nnonsense\n1 2\n36 1 8:1\n", "Filename\n\nx\n");
        assert!(uses_of(&made, 1).is_empty());
    }
}
