use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::extent::ByteRange;
use crate::ids::{ByteLength, DiskId, EvidenceItemId, ExhibitNumber, Segment, SnapshotName};

/// An item as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedItem {
    /// Its number in the acquisition.
    pub item: EvidenceItemId,
    /// Its label in proceedings, as stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhibit: Option<ExhibitNumber>,
    /// The disk.
    pub disk: DiskId,
    /// The name of its disk snapshot.
    pub snapshot: SnapshotName,
    /// The name under which it is stored.
    pub file: Segment,
}

impl PlannedItem {
    /// An item stored as `file`.
    #[must_use]
    pub const fn new(item: EvidenceItemId, disk: DiskId, snapshot: SnapshotName, file: Segment) -> Self {
        Self {
            item,
            exhibit: None,
            disk,
            snapshot,
            file,
        }
    }

    /// The name of attempt number `attempt` (from 1): the first has the plain name.
    #[must_use]
    pub fn file_of_attempt(&self, attempt: u32) -> Segment {
        if attempt <= 1 {
            self.file.clone()
        } else {
            self.file.with_infix(&format!("attempt-{attempt}"))
        }
    }
}

/// The zeros of an item that were not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ZeroSummary {
    /// How many ranges.
    pub ranges: u64,
    /// How many bytes in all.
    pub bytes: ByteLength,
    /// The object that lists them, one `<start> <length> <word>` a line; none when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<SealedObject>,
}

/// The sectors of an item that could not be read and are zeros in the copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnreadSummary {
    /// How many sectors.
    pub sectors: u64,
    /// How many bytes in all.
    pub bytes: ByteLength,
    /// The first ranges, at most 1000, with what the system said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<UnreadRange>,
    /// The ddrescue map file that lists them all; none when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<SealedObject>,
}

/// A run of sectors that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnreadRange {
    /// Where, in bytes.
    pub range: ByteRange,
    /// The first sector.
    pub first_sector: u64,
    /// How many sectors.
    pub sectors: u64,
    /// The system's word for the error.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
}

impl UnreadRange {
    /// A run of unread sectors.
    pub fn new(range: ByteRange, sector_bytes: u32, error: impl Into<String>, tries: u32) -> Self {
        let sector = u64::from(sector_bytes.max(1));
        Self {
            range,
            first_sector: range.start() / sector,
            sectors: range.length().div_ceil(sector),
            error: error.into(),
            tries,
        }
    }
}

/// A stored object, by its name in the acquisition's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SealedObject {
    /// Its file name.
    pub file: Segment,
    /// Its length.
    pub length: ByteLength,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
}

impl SealedObject {
    /// An object of these bytes' length and digest.
    #[must_use]
    pub fn of(file: Segment, bytes: &[u8]) -> Self {
        Self {
            file,
            length: (bytes.len() as u64).into(),
            sha256: Sha256Digest::of(bytes),
        }
    }

    /// An object whose digest is known.
    #[must_use]
    pub fn new(file: Segment, length: u64, sha256: Sha256Digest) -> Self {
        Self {
            file,
            length: length.into(),
            sha256,
        }
    }
}

/// What came of comparing a stored copy, read back, with what was read from the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a new verdict must break callers")]
pub enum ItemVerdict {
    /// The stored copy is what was read from the source, all of it.
    Matched {
        /// Root of the chunk digests as read back.
        root: Sha256Digest,
    },
    /// The stored copy differs in these ranges (the first 1000; whole chunks).
    Mismatched {
        /// Where.
        ranges: Vec<ByteRange>,
        /// How many chunks differ in all.
        chunks: u64,
    },
    /// The source changed while it was read: the copy shows no one state of it.
    SourceChanged {
        /// What changed: name, before, after.
        changes: Vec<(String, Option<String>, Option<String>)>,
    },
}
