use crate::access::{Step, Window};
use crate::bitlocker::BootSector;
use crate::luks;

/// What a volume holds, by its signatures.
///
/// Source: the file systems' own documents, as `blkid` and `file` know them. Read 2026-11-28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    BitLocker,
    Luks,
    /// A file system or swap space that is not encrypted.
    FileSystem(&'static str),
    /// Something that holds volumes of its own, which are not looked into.
    Container(&'static str),
    /// Nothing that is known.
    Unknown,
}

/// Enough for every signature but the two that lie further behind.
pub(crate) const HEAD_BYTES: u64 = 8192;
/// From where the second header of LUKS2 may lie to the end of the superblock of Btrfs.
const FAR_AT: u64 = 16 << 10;
const FAR_BYTES: u64 = (64 << 10) + 4096 - FAR_AT;
const BTRFS_MAGIC_AT: usize = (64 << 10) + 64 - (16 << 10);

/// A name, where its signature lies, and the signature.
type Signature = (&'static str, usize, &'static [u8]);

const FILE_SYSTEMS: &[Signature] = &[
    ("NTFS", 3, b"NTFS    "),
    ("ReFS", 3, b"ReFS\0\0\0\0"),
    ("exFAT", 3, b"EXFAT   "),
    ("FAT32", 82, b"FAT32   "),
    ("FAT", 54, b"FAT12   "),
    ("FAT", 54, b"FAT16   "),
    ("XFS", 0, b"XFSB"),
    ("ext2, ext3 or ext4", 1080, b"\x53\xef"),
    ("squashfs", 0, b"hsqs"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("swap space", 4086, b"SWAP-SPACE"),
];

const CONTAINERS: &[Signature] = &[
    ("an LVM physical volume", 512, b"LABELONE"),
    ("an LVM physical volume", 0, b"LABELONE"),
    ("an LVM physical volume", 1024, b"LABELONE"),
    ("an LVM physical volume", 1536, b"LABELONE"),
    ("a member of a Linux software RAID", 0, b"\xfc\x4e\x2b\xa9"),
    ("a member of a Linux software RAID", 4096, b"\xfc\x4e\x2b\xa9"),
    ("a member of Storage Spaces", 4096, b"SPACEDB "),
    ("a VHDX container", 0, b"vhdxfile"),
    ("a dynamic VHD container", 0, b"conectix"),
    ("a qcow2 container", 0, b"QFI\xfb"),
    ("an EWF container", 0, b"EVF\x09\x0d\x0a\xff\x00"),
    (
        "bcache",
        4120,
        b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81",
    ),
];

impl Content {
    /// What begins so; fewer bytes know fewer signatures.
    pub(crate) fn of_start(head: &[u8]) -> Self {
        let found = |signatures: &[Signature]| {
            let here =
                |(_, at, bytes): &&Signature| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes));
            signatures.iter().find(here).map(|(name, ..)| *name)
        };
        if luks::is_claimed_by(head) {
            Self::Luks
        } else if BootSector::is_claimed_by(head) {
            Self::BitLocker
        } else if let Some(name) = found(CONTAINERS) {
            Self::Container(name)
        } else if let Some(name) = found(FILE_SYSTEMS) {
            Self::FileSystem(name)
        } else {
            Self::Unknown
        }
    }

    /// What the volume holds; reads 8 KiB, and 52 KiB more where they do not tell.
    pub(crate) async fn read(volume: &Window) -> Step<Self> {
        let head = volume.read_up_to(0, HEAD_BYTES).await?;
        let near = Self::of_start(&head);
        if near != Self::Unknown {
            return Ok(near);
        }
        let far = volume.read_up_to(FAR_AT, FAR_BYTES).await?;
        let far_is = |at: usize, magic: &[u8]| far.get(at..).is_some_and(|rest| rest.starts_with(magic));
        Ok(if far_is(BTRFS_MAGIC_AT, b"_BHRfS_M") {
            Self::FileSystem("Btrfs")
        } else if [0, 0x4000, 0xc000]
            .iter()
            .any(|at| far_is(*at, luks::SECOND_MAGIC))
        {
            // The first header is gone; the second one, at the usual places, says what this was.
            Self::Luks
        } else {
            Self::Unknown
        })
    }

    pub(crate) const fn is_encrypted(self) -> bool {
        matches!(self, Self::BitLocker | Self::Luks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_found_where_they_lie() {
        for (name, at, bytes) in FILE_SYSTEMS.iter().chain(CONTAINERS) {
            let mut head = vec![0; 8192];
            head[*at..*at + bytes.len()].copy_from_slice(bytes);
            let found = match Content::of_start(&head) {
                Content::FileSystem(found) | Content::Container(found) => found,
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(found, *name);
        }
        assert_eq!(Content::of_start(&[0; 8192]), Content::Unknown);
        assert_eq!(Content::of_start(b""), Content::Unknown);
    }
}
