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
        self.refuse(range, format!("{name} {place}"));
    }

    /// Says why it cannot be told what lies there.
    pub(crate) fn refuse(&mut self, range: ByteRange, reason: String) {
        self.refused.push(RefusedSlice { range, reason });
    }

    /// Takes the disk as one volume.
    pub(crate) fn add_whole(&mut self, disk: ByteRange) {
        self.slices.push(Slice {
            range: disk,
            kind: SliceKind::WholeDisk,
        });
    }

    /// Takes all that another table says.
    pub(crate) fn take(&mut self, other: Self) {
        self.slices.extend(other.slices);
        self.refused.extend(other.refused);
        self.notes.extend(other.notes);
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

/// Types of GPT partitions that say more than that a volume lies there.
///
/// Source: UEFI specification 2.10, section 5.3.3; Microsoft, "PARTITION_INFORMATION_GPT"; the Discoverable Partitions
/// Specification; `sgdisk --list-types`. Read 2026-11-28.
const KNOWN_TYPES: [(&str, Expectation); 8] = [
    // Microsoft reserved, BIOS boot, PReP boot.
    ("e3c9e316-0b5c-4db8-817d-f92df00215ae", Expectation::NoVolume),
    ("21686148-6449-6e6f-744e-656564454649", Expectation::NoVolume),
    ("9e1a2d38-c612-4316-aa26-8b49521e5a8b", Expectation::NoVolume),
    // Metadata and data of the Logical Disk Manager.
    (
        "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",
        Expectation::Member("a dynamic disk of Windows"),
    ),
    (
        "af9b60a0-1431-4f62-bc68-3311714a69ad",
        Expectation::Member("a dynamic disk of Windows"),
    ),
    (
        "e75caf8f-f680-4cee-afa3-b001e56efc2d",
        Expectation::Member("Storage Spaces"),
    ),
    (
        "ca7d7ccb-63ed-4c53-861c-1742536059cc",
        Expectation::Encrypted("a LUKS volume"),
    ),
    (
        "7ffec5c9-2d00-49b7-8941-3ea10a5586b7",
        Expectation::Encrypted("a plain dm-crypt volume"),
    ),
];

impl SliceKind {
    pub(crate) fn expectation(self) -> Expectation {
        match self {
            Self::Gpt(kind) => KNOWN_TYPES
                .iter()
                .find(|(text, _)| Guid::of(text) == kind)
                .map_or(Expectation::Anything, |(_, expectation)| *expectation),
            Self::Mbr(0x42) => Expectation::Member("a dynamic disk of Windows"),
            Self::Mbr(0xe8) => Expectation::Encrypted("a LUKS volume"),
            Self::Mbr(_) | Self::WholeDisk => Expectation::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_type_is_written_as_its_document_writes_it() {
        for (text, _) in KNOWN_TYPES {
            assert_eq!(Guid::of(text).to_string(), text);
        }
    }
}
