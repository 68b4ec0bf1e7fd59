use custody_core::extent::ByteRange;

use crate::guid::Guid;

/// Where volumes lie on a disk, and what the table says that cannot be so.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) slices: Vec<Slice>,
    /// Entries that lie beyond the disk, or whose place makes no sense: with their numbers.
    pub(crate) refused: Vec<RefusedSlice>,
    pub(crate) notes: Vec<String>,
}

/// A partition, or the whole disk where it has no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) range: ByteRange,
    pub(crate) kind: SliceKind,
}

/// What the table says that a slice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SliceKind {
    WholeDisk,
    Gpt(Guid),
    Mbr(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedSlice {
    pub(crate) range: ByteRange,
    pub(crate) reason: String,
}

impl Layout {
    /// Takes a partition of so many sectors, or refuses it with the numbers.
    pub(crate) fn add(
        &mut self,
        name: &str,
        first: u64,
        sectors: u64,
        sector_bytes: u64,
        disk: u64,
        kind: SliceKind,
    ) {
        let start = first.saturating_mul(sector_bytes);
        let range = ByteRange::at(start, sectors.saturating_mul(sector_bytes));
        let place = if range.is_empty() {
            "has no sector".to_owned()
        } else if start >= disk {
            format!("claims to start at byte {start}, beyond the disk, which has {disk}")
        } else if range.end() > disk {
            format!(
                "claims to end at byte {}, beyond the disk, which has {disk}",
                range.end()
            )
        } else {
            self.slices.push(Slice { range, kind });
            return;
        };
        self.refused.push(RefusedSlice {
            range,
            reason: format!("{name} {place}"),
        });
    }
}

/// What is known of a partition by its type alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Nothing: what it holds decides.
    Anything,
    /// Bytes that are no volume.
    NoVolume,
    /// Part of something that lies on several partitions or disks, which is not put together here.
    Member(&'static str),
    /// An encrypted volume, also where none is recognised.
    Encrypted(&'static str),
}

impl SliceKind {
    /// Source: UEFI specification 2.10, section 5.3.3; Microsoft, "PARTITION_INFORMATION_GPT"; the Discoverable
    /// Partitions Specification; `sgdisk --list-types`. Read 2026-11-28.
    pub(crate) fn expectation(self) -> Expectation {
        const MICROSOFT_RESERVED: Guid = Guid::of(
            0xe3c9_e316,
            0x0b5c,
            0x4db8,
            [0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15, 0xae],
        );
        const BIOS_BOOT: Guid = Guid::of(
            0x2168_6148,
            0x6449,
            0x6e6f,
            [0x74, 0x4e, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49],
        );
        const PREP_BOOT: Guid = Guid::of(
            0x9e1a_2d38,
            0xc612,
            0x4316,
            [0xaa, 0x26, 0x8b, 0x49, 0x52, 0x1e, 0x5a, 0x8b],
        );
        const LDM_METADATA: Guid = Guid::of(
            0x5808_c8aa,
            0x7e8f,
            0x42e0,
            [0x85, 0xd2, 0xe1, 0xe9, 0x04, 0x34, 0xcf, 0xb3],
        );
        const LDM_DATA: Guid = Guid::of(
            0xaf9b_60a0,
            0x1431,
            0x4f62,
            [0xbc, 0x68, 0x33, 0x11, 0x71, 0x4a, 0x69, 0xad],
        );
        const STORAGE_SPACES: Guid = Guid::of(
            0xe75c_af8f,
            0xf680,
            0x4cee,
            [0xaf, 0xa3, 0xb0, 0x01, 0xe5, 0x6e, 0xfc, 0x2d],
        );
        const LUKS: Guid = Guid::of(
            0xca7d_7ccb,
            0x63ed,
            0x4c53,
            [0x86, 0x1c, 0x17, 0x42, 0x53, 0x60, 0x59, 0xcc],
        );
        const PLAIN_DM_CRYPT: Guid = Guid::of(
            0x7ffe_c5c9,
            0x2d00,
            0x49b7,
            [0x89, 0x41, 0x3e, 0xa1, 0x0a, 0x55, 0x86, 0xb7],
        );
        match self {
            Self::Gpt(MICROSOFT_RESERVED | BIOS_BOOT | PREP_BOOT) => Expectation::NoVolume,
            Self::Gpt(LDM_METADATA | LDM_DATA) => Expectation::Member("a dynamic disk of Windows"),
            Self::Gpt(STORAGE_SPACES) => Expectation::Member("Storage Spaces"),
            Self::Gpt(LUKS) => Expectation::Encrypted("a LUKS volume"),
            Self::Gpt(PLAIN_DM_CRYPT) => Expectation::Encrypted("a plain dm-crypt volume"),
            Self::Mbr(0x42) => Expectation::Member("a dynamic disk of Windows"),
            Self::Mbr(0xe8) => Expectation::Encrypted("a LUKS volume"),
            _ => Expectation::Anything,
        }
    }
}
