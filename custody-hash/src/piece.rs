//! What a stream is made of.

use bytes::Bytes;

use crate::zeros::zero_slices;

/// The next piece of an image's stream, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new kind of piece must break whoever makes them"
)]
pub enum Piece {
    /// Bytes that were read. Hashing shares them and copies nothing but pieces below 64 KiB.
    Data(Bytes),
    /// Bytes that are known to be zero and that nobody read. They are hashed as zeros, and never exist in memory.
    Zero {
        /// How many.
        length_bytes: u64,
    },
    /// Bytes that should have been read and could not be; a copy holds zeros in their place. They are hashed as
    /// those zeros, and are no hole: a chunk that has one of them is never part of
    /// [`ChunkRun::Zero`](crate::ChunkRun::Zero).
    Unread {
        /// How many.
        length_bytes: u64,
    },
}

impl Piece {
    /// How much of the image it covers.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        match self {
            Self::Data(bytes) => bytes.len() as u64,
            Self::Zero { length_bytes } | Self::Unread { length_bytes } => *length_bytes,
        }
    }

    /// Takes at most `length_bytes` off the front.
    pub(crate) fn split_to(&mut self, length_bytes: u64) -> Self {
        let taken_bytes = length_bytes.min(self.length_bytes());
        match self {
            Self::Data(bytes) => {
                Self::Data(bytes.split_to(usize::try_from(taken_bytes).unwrap_or(bytes.len())))
            }
            Self::Zero { length_bytes } => {
                *length_bytes -= taken_bytes;
                Self::Zero {
                    length_bytes: taken_bytes,
                }
            }
            Self::Unread { length_bytes } => {
                *length_bytes -= taken_bytes;
                Self::Unread {
                    length_bytes: taken_bytes,
                }
            }
        }
    }

    /// What there is to hash.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (bytes, zero_bytes): (&[u8], _) = match self {
            Self::Data(bytes) => (bytes, 0),
            Self::Zero { length_bytes } | Self::Unread { length_bytes } => (&[], *length_bytes),
        };
        std::iter::once(bytes).chain(zero_slices(zero_bytes))
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Data(bytes)
    }
}
