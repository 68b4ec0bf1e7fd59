//! Ranges of an image, and what is known of each.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A half-open range of bytes, `start..end`, of an image or object.
///
/// Invariant: `start <= end`. `Display` is `start..end` in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    start: u64,
    end: u64,
}

impl ByteRange {
    /// The range `start..end`.
    ///
    /// # Errors
    /// [`Error::Misuse`] when `end < start`.
    pub fn new(start: u64, end: u64) -> Result<Self> {
        if end < start {
            return Err(Error::misuse(format!(
                "range {start}..{end} ends before it starts"
            )));
        }
        Ok(Self { start, end })
    }

    /// The range of `length` bytes at `start`, cut at `u64::MAX`.
    #[must_use]
    pub const fn at(start: u64, length: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(length),
        }
    }

    /// The first byte.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// One past the last byte.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// How many bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.end - self.start
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes in both, or `None` where there are none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }

    /// The range cut into consecutive pieces of at most `piece` bytes; `piece` 0 counts as 1.
    pub fn pieces(self, piece: u64) -> impl Iterator<Item = Self> {
        let piece = piece.max(1);
        let mut at = self.start;
        std::iter::from_fn(move || {
            (at < self.end).then(|| {
                let end = at.saturating_add(piece).min(self.end);
                let part = Self { start: at, end };
                at = end;
                part
            })
        })
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Stored as `{"end":"…","start":"…"}`: sizes are strings in our records.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRange {
    start: crate::ids::ByteLength,
    end: crate::ids::ByteLength,
}

impl Serialize for ByteRange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        StoredRange {
            start: self.start.into(),
            end: self.end.into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ByteRange {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let stored = StoredRange::deserialize(deserializer)?;
        Self::new(stored.start.bytes(), stored.end.bytes()).map_err(serde::de::Error::custom)
    }
}

/// On whose word a range is zero without having been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ZeroWord {
    /// The file system reports a hole (`SEEK_HOLE`).
    FileSystemHole,
    /// The storage service's list of pages leaves it out.
    ServicePageList,
    /// The image format's own allocation table leaves it out.
    ImageFormat,
}

/// What a reader says of a range before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new kind of span must break every reader of spans"
)]
pub enum Span {
    /// Must be read.
    Data(ByteRange),
    /// Reads as zeros, on this word.
    Zero(ByteRange, ZeroWord),
}

impl Span {
    /// The range it speaks of.
    #[must_use]
    pub const fn range(self) -> ByteRange {
        match self {
            Self::Data(range) | Self::Zero(range, _) => range,
        }
    }
}

/// Why a range of a source could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReadFault {
    /// The operating system's or the service's word for the error, for example `EIO`.
    pub error: String,
    /// How often the range was tried in all.
    pub tries: u32,
}

impl ReadFault {
    /// A fault with this error after so many tries.
    pub fn new(error: impl Into<String>, tries: u32) -> Self {
        Self {
            error: error.into(),
            tries,
        }
    }
}

/// A piece of an image as it was obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new kind of extent must break every sink, hasher and record"
)]
pub enum Extent {
    /// Bytes that were read.
    Data {
        /// The offset of the first byte.
        at: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// Zeros that were not read, on this word.
    Zero {
        /// Where.
        range: ByteRange,
        /// On whose word.
        word: ZeroWord,
    },
    /// Bytes that could not be read; a copy holds zeros in their place. Never a hole.
    Unread {
        /// Where.
        range: ByteRange,
        /// Why.
        fault: ReadFault,
    },
}

impl Extent {
    /// The range of the image that it covers.
    #[must_use]
    pub fn range(&self) -> ByteRange {
        match self {
            Self::Data { at, bytes } => ByteRange::at(*at, bytes.len() as u64),
            Self::Zero { range, .. } | Self::Unread { range, .. } => *range,
        }
    }
}
