use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use custody_core::{Error, Result, visible};

use super::kernel_tree::{KernelTree, attribute, attribute_bytes};

/// A block device, as the kernel's `/sys` tells of it.
///
/// Source: Linux `Documentation/ABI/stable/sysfs-block`, `Documentation/ABI/testing/sysfs-bus-nvme`,
/// `drivers/scsi/scsi_sysfs.c`, read for 6.12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockDevice {
    /// The kernel's name for it, escaped: `sdb`, `nvme0n1p2`.
    pub(super) name: String,
    /// Its number on the disk, when it is a partition.
    pub(super) partition: Option<u32>,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The folder of the whole disk; the same when it is one.
    pub(super) disk_folder: PathBuf,
}

/// How often a device was read and written since it was attached. Sectors of 512 bytes.
///
/// Source: Linux `Documentation/block/stat.rst`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IoCounters {
    pub(super) reads: u64,
    pub(super) sectors_read: u64,
    pub(super) writes: u64,
    pub(super) sectors_written: u64,
    /// Discards change what reads give, as writes do.
    pub(super) discards: u64,
    pub(super) sectors_discarded: u64,
}

impl IoCounters {
    fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<u64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let at = |index: usize| numbers.get(index).copied();
        Some(Self {
            reads: at(0)?,
            sectors_read: at(2)?,
            writes: at(4)?,
            sectors_written: at(6)?,
            // Kernels before 4.18 have none.
            discards: at(11).unwrap_or(0),
            sectors_discarded: at(13).unwrap_or(0),
        })
    }
}

impl BlockDevice {
    /// The device with these numbers.
    ///
    /// # Errors
    /// `NotFound` when the kernel has none.
    pub(super) fn find(tree: &KernelTree, major: u32, minor: u32) -> Result<Self> {
        let link = tree.sys.join(format!("dev/block/{major}:{minor}"));
        let folder = link.canonicalize().map_err(|_gone| Error::NotFound {
            object: format!(
                "block device {major}:{minor} in {}",
                visible::escape_bytes(tree.sys.as_os_str().as_bytes())
            ),
        })?;
        let partition = attribute(&folder.join("partition")).and_then(|number| number.parse().ok());
        let disk_folder = match (partition, folder.parent()) {
            (Some(_), Some(disk)) => disk.to_owned(),
            _ => folder.clone(),
        };
        Ok(Self {
            name: file_name(&folder),
            partition,
            folder,
            disk_folder,
        })
    }

    /// The kernel's name of the whole disk.
    pub(super) fn disk_name(&self) -> String {
        file_name(&self.disk_folder)
    }

    /// What the device itself counted.
    pub(super) fn counters(&self) -> Option<IoCounters> {
        counters(&self.folder)
    }

    /// What the whole disk counted.
    pub(super) fn disk_counters(&self) -> Option<IoCounters> {
        counters(&self.disk_folder)
    }

    /// Whether the kernel counts at all: it can be told not to.
    pub(super) fn is_counting(&self) -> bool {
        self.of_disk("queue/iostats").as_deref() != Some("0")
    }

    /// A number that is another one each time a disk is attached, in one run of the kernel.
    pub(super) fn disk_sequence(&self) -> Option<String> {
        self.of_disk("diskseq")
    }

    /// The serial number that the disk, or else the bridge it hangs on, gives.
    pub(super) fn serial(&self) -> Option<String> {
        self.of_disk("device/serial")
            .or_else(|| self.of_disk("serial"))
            .or_else(|| self.unit_serial_page())
            .or_else(|| self.of_usb("serial"))
    }

    /// The world wide name, or the identifier that stands in its place.
    pub(super) fn wwn(&self) -> Option<String> {
        self.of_disk("wwid").or_else(|| self.of_disk("device/wwid"))
    }

    /// SCSI vital product data page 0x80: four bytes of header, then the serial number.
    fn unit_serial_page(&self) -> Option<String> {
        let page = attribute_bytes(&self.disk_folder.join("device/vpd_pg80"))?;
        let serial = visible::escape_bytes(page.get(4..)?.trim_ascii());
        (!serial.is_empty()).then_some(serial)
    }

    /// How the disk is attached, from the path of its device.
    pub(super) fn bus(&self) -> String {
        let path = self.disk_folder.to_string_lossy();
        let known = [
            ("/usb", "usb"),
            ("/nvme", "nvme"),
            ("/ata", "ata"),
            ("/mmc_host", "mmc"),
            ("/virtio", "virtio"),
            ("/session", "iscsi"),
            ("/expander", "sas"),
            ("/end_device", "sas"),
            ("/rport", "fibre-channel"),
            ("/virtual/", "virtual"),
        ];
        let found = known.into_iter().find(|(part, _)| path.contains(part));
        let subsystem = || {
            let link = self.disk_folder.join("device/subsystem").canonicalize().ok()?;
            Some(file_name(&link))
        };
        found
            .map(|(_, bus)| bus.to_owned())
            .or_else(subsystem)
            .unwrap_or_else(|| "unknown".to_owned())
    }

    /// What an examiner's notes name a device by.
    pub(super) fn attributes(&self) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::from([
            ("bus", self.bus()),
            ("disk", self.disk_name()),
            (
                "extent-of-disk",
                match self.partition {
                    None => "whole disk".to_owned(),
                    Some(number) => format!("partition {number}"),
                },
            ),
        ]);
        let named = [
            ("vendor", self.of_disk("device/vendor")),
            (
                "model",
                self.of_disk("device/model")
                    .or_else(|| self.of_disk("device/name"))
                    .or_else(|| self.of_usb("product")),
            ),
            (
                "firmware",
                self.of_disk("device/firmware_rev")
                    .or_else(|| self.of_disk("device/rev")),
            ),
            ("serial", self.serial()),
            ("wwn", self.wwn()),
            ("read-only", self.of_device("ro").map(yes_or_no)),
            ("removable", self.of_disk("removable").map(yes_or_no)),
            ("rotational", self.of_disk("queue/rotational").map(yes_or_no)),
            ("zoned", self.of_disk("queue/zoned").filter(|kind| kind != "none")),
            ("backing-file", self.of_disk("loop/backing_file")),
            ("mapped-name", self.of_disk("dm/name")),
            ("mapped-uuid", self.of_disk("dm/uuid")),
            ("raid-level", self.of_disk("md/level")),
            ("diskseq", self.disk_sequence()),
            (
                "partition-start-sector",
                self.partition.and_then(|_| self.of_device("start")),
            ),
        ];
        attributes.extend(named.into_iter().filter_map(|(name, value)| Some((name, value?))));
        attributes
    }

    /// The folders of what lies on the disk: its partitions. None of a partition.
    pub(super) fn partitions(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut partitions: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.join("partition").is_file())
            .collect();
        partitions.sort();
        partitions
    }

    fn of_device(&self, name: &str) -> Option<String> {
        attribute(&self.folder.join(name))
    }

    fn of_disk(&self, name: &str) -> Option<String> {
        attribute(&self.disk_folder.join(name))
    }

    /// An attribute of the USB device on which the disk hangs.
    fn of_usb(&self, name: &str) -> Option<String> {
        self.disk_folder
            .ancestors()
            .find(|folder| folder.join("idVendor").is_file())
            .and_then(|usb| attribute(&usb.join(name)))
    }
}

fn counters(folder: &Path) -> Option<IoCounters> {
    IoCounters::parse(&attribute(&folder.join("stat"))?)
}

pub(super) fn file_name(path: &Path) -> String {
    visible::escape_bytes(path.file_name().unwrap_or_default().as_bytes())
}

fn yes_or_no(flag: String) -> String {
    match flag.as_str() {
        "0" => "no".to_owned(),
        "1" => "yes".to_owned(),
        _ => flag,
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel_tree::made_tree;
    use super::*;

    const DISK: &str = "devices/pci0000:00/usb1/1-1/1-1:1.0/host0/target0:0:0/0:0:0:0/block/sdb";

    #[test]
    fn a_usb_disk_is_known_by_what_its_files_say() {
        let made = made_tree(&[
            (&format!("{DISK}/dev"), "8:16\n"),
            (&format!("{DISK}/ro"), "1\n"),
            (&format!("{DISK}/removable"), "0\n"),
            (&format!("{DISK}/diskseq"), "17\n"),
            (&format!("{DISK}/queue/rotational"), "1\n"),
            (&format!("{DISK}/device/vendor"), "WDC     \n"),
            (&format!("{DISK}/device/model"), "Elements \u{202e}25A3\n"),
            (&format!("{DISK}/device/vpd_pg80"), "\0\u{80}\0\u{c}WX1-SERIAL  "),
            (&format!("{DISK}/device/wwid"), "naa.50014ee2\n"),
            (
                &format!("{DISK}/stat"),
                " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
            ),
            ("devices/pci0000:00/usb1/1-1/idVendor", "1058\n"),
            ("devices/pci0000:00/usb1/1-1/serial", "BRIDGE\n"),
        ]);
        made.link(&format!("../../{DISK}"), "dev/block/8:16");
        let device = BlockDevice::find(&made.tree, 8, 16).unwrap();
        assert_eq!((device.name.as_str(), device.partition), ("sdb", None));
        let attributes = device.attributes();
        for (name, value) in [
            ("bus", "usb"),
            ("vendor", "WDC"),
            ("model", "Elements \\u{202e}25A3"),
            ("serial", "WX1-SERIAL"),
            ("wwn", "naa.50014ee2"),
            ("read-only", "yes"),
            ("removable", "no"),
            ("rotational", "yes"),
            ("extent-of-disk", "whole disk"),
            ("diskseq", "17"),
        ] {
            assert_eq!(attributes[name], value, "{name}");
        }
        let counters = device.counters().unwrap();
        assert_eq!((counters.reads, counters.sectors_read), (1, 3));
        assert_eq!((counters.writes, counters.sectors_written), (5, 7));
        assert_eq!((counters.discards, counters.sectors_discarded), (12, 14));
        assert!(device.is_counting());
    }

    #[test]
    fn a_partition_has_its_own_counters_and_its_disks_identity() {
        let disk = "devices/pci0000:00/nvme/nvme0/nvme0n1";
        let made = made_tree(&[
            (&format!("{disk}/dev"), "259:0\n"),
            (&format!("{disk}/wwid"), "eui.0025\n"),
            (&format!("{disk}/device/serial"), "S4EV    \n"),
            (&format!("{disk}/stat"), "1 1 1 1 100 1 800 1 0 0 0\n"),
            (&format!("{disk}/queue/iostats"), "0\n"),
            (&format!("{disk}/nvme0n1p2/partition"), "2\n"),
            (&format!("{disk}/nvme0n1p2/dev"), "259:2\n"),
            (&format!("{disk}/nvme0n1p2/start"), "2048\n"),
            (&format!("{disk}/nvme0n1p2/stat"), "0 0 0 0 4 0 32 0 0 0 0\n"),
        ]);
        made.link(&format!("../../{disk}/nvme0n1p2"), "dev/block/259:2");
        made.link(&format!("../../{disk}"), "dev/block/259:0");
        let partition = BlockDevice::find(&made.tree, 259, 2).unwrap();
        assert_eq!(partition.partition, Some(2));
        assert_eq!(partition.disk_name(), "nvme0n1");
        assert_eq!(partition.counters().unwrap().sectors_written, 32);
        assert_eq!(partition.disk_counters().unwrap().sectors_written, 800);
        assert!(!partition.is_counting());
        let attributes = partition.attributes();
        assert_eq!(attributes["bus"], "nvme");
        assert_eq!(attributes["serial"], "S4EV");
        assert_eq!(attributes["wwn"], "eui.0025");
        assert_eq!(attributes["extent-of-disk"], "partition 2");
        assert_eq!(attributes["partition-start-sector"], "2048");
        let disk = BlockDevice::find(&made.tree, 259, 0).unwrap();
        assert_eq!(disk.partitions().len(), 1);
    }

    #[test]
    fn a_device_that_the_kernel_does_not_know_is_not_found() {
        let made = made_tree(&[]);
        let error = BlockDevice::find(&made.tree, 8, 0).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }

    #[test]
    fn counters_that_are_no_numbers_are_none() {
        assert_eq!(IoCounters::parse("a b c"), None);
        assert_eq!(IoCounters::parse("1 2 3"), None);
        assert_eq!(IoCounters::parse(""), None);
    }
}
