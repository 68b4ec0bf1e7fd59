//! Where a stream's chunks begin and end, and which of them are holes.

use std::num::NonZeroU64;

use crate::Piece;

/// The position of a stream within its chunks.
///
/// Zeros at the start of a chunk are only counted until either the chunk is full of them, and a hole, or data follows
/// and makes it an ordinary chunk.
#[derive(Debug, Clone)]
pub(crate) struct ChunkCutter {
    chunk_bytes: NonZeroU64,
    at_bytes: u64,
    /// Whether the chunk at hand has bytes that are being hashed.
    open: bool,
}

/// What to do with the first bytes of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// They complete that many chunks of nothing but zeros.
    ZeroChunks { taken_bytes: u64, chunks: u64 },
    /// All of them are zeros at the start of a chunk; the cutter remembers how many.
    Held,
    /// They go into the chunk at hand.
    Hash(HashCut),
}

/// Bytes of the chunk at hand, to be hashed after the zeros at its start that were held back until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashCut {
    pub(crate) leading_zero_bytes: u64,
    pub(crate) taken_bytes: u64,
    pub(crate) chunk: AfterCut,
}

/// The chunk at hand once a cut is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterCut {
    GoesOn,
    Ends,
}

/// The chunk at hand when the stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastChunk {
    /// The stream ended with the chunk before.
    None,
    /// Nothing but zeros, too few to be a hole.
    Zeros { length_bytes: u64 },
    /// It is being hashed.
    Open,
}

impl ChunkCutter {
    pub(crate) fn new(chunk_bytes: NonZeroU64) -> Self {
        Self {
            chunk_bytes,
            at_bytes: 0,
            open: false,
        }
    }

    pub(crate) fn chunk_bytes(&self) -> NonZeroU64 {
        self.chunk_bytes
    }

    /// Goes on from where another stood.
    pub(crate) fn resume(&mut self, at_bytes: u64, open: bool) {
        (self.at_bytes, self.open) = (at_bytes, open);
    }

    /// Whether the chunk at hand has bytes that are being hashed.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether every byte of the chunk at hand was hashed: no zeros at its start wait for what follows.
    pub(crate) fn is_in_step(&self) -> bool {
        self.open || self.at_bytes == 0
    }

    /// Bytes up to the end of the chunk at hand.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.chunk_bytes.get() - self.at_bytes
    }

    /// The first cut of a piece that is not empty.
    pub(crate) fn cut(&mut self, piece: &Piece) -> Cut {
        match piece {
            Piece::Zero { length_bytes } if !self.open => self.cut_hole(*length_bytes),
            _ => Cut::Hash(self.cut_bytes(piece.length_bytes())),
        }
    }

    /// The first cut of bytes that make their chunk an ordinary one.
    pub(crate) fn cut_bytes(&mut self, length_bytes: u64) -> HashCut {
        let leading_zero_bytes = if self.open { 0 } else { self.at_bytes };
        let taken_bytes = length_bytes.min(self.chunk_bytes.get() - self.at_bytes);
        self.at_bytes += taken_bytes;
        self.open = true;
        HashCut {
            leading_zero_bytes,
            taken_bytes,
            chunk: self.after_cut(),
        }
    }

    fn cut_hole(&mut self, length_bytes: u64) -> Cut {
        // Cannot overflow: both are part of one image, and its length is a u64.
        let zero_bytes = self.at_bytes + length_bytes;
        let chunks = zero_bytes / self.chunk_bytes;
        if chunks == 0 {
            self.at_bytes = zero_bytes;
            return Cut::Held;
        }
        let taken_bytes = chunks * self.chunk_bytes.get() - self.at_bytes;
        self.at_bytes = 0;
        Cut::ZeroChunks { taken_bytes, chunks }
    }

    /// Ends the stream; what is cut afterwards starts a new one.
    pub(crate) fn end(&mut self) -> LastChunk {
        let length_bytes = std::mem::take(&mut self.at_bytes);
        match (std::mem::take(&mut self.open), length_bytes) {
            (true, _) => LastChunk::Open,
            (false, 0) => LastChunk::None,
            (false, length_bytes) => LastChunk::Zeros { length_bytes },
        }
    }

    fn after_cut(&mut self) -> AfterCut {
        if self.at_bytes < self.chunk_bytes.get() {
            return AfterCut::GoesOn;
        }
        self.at_bytes = 0;
        self.open = false;
        AfterCut::Ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutter() -> ChunkCutter {
        ChunkCutter::new(NonZeroU64::new(10).unwrap())
    }

    fn zeros(length_bytes: u64) -> Piece {
        Piece::Zero { length_bytes }
    }

    fn hash(leading_zero_bytes: u64, taken_bytes: u64, chunk: AfterCut) -> HashCut {
        HashCut {
            leading_zero_bytes,
            taken_bytes,
            chunk,
        }
    }

    #[test]
    fn zeros_that_fill_chunks_are_holes() {
        let mut cutter = cutter();
        assert_eq!(cutter.cut(&zeros(4)), Cut::Held);
        assert_eq!(
            cutter.cut(&zeros(29)),
            Cut::ZeroChunks {
                taken_bytes: 26,
                chunks: 3
            }
        );
        assert_eq!(cutter.cut(&zeros(3)), Cut::Held);
        assert_eq!(cutter.end(), LastChunk::Zeros { length_bytes: 3 });
    }

    #[test]
    fn data_in_a_chunk_makes_its_zeros_bytes_to_hash() {
        let mut cutter = cutter();
        cutter.cut(&zeros(4));
        assert_eq!(cutter.cut_bytes(1), hash(4, 1, AfterCut::GoesOn));
        assert_eq!(cutter.cut(&zeros(25)), Cut::Hash(hash(0, 5, AfterCut::Ends)));
        assert_eq!(
            cutter.cut(&zeros(20)),
            Cut::ZeroChunks {
                taken_bytes: 20,
                chunks: 2
            }
        );
        assert_eq!(cutter.end(), LastChunk::None);
    }

    #[test]
    fn what_could_not_be_read_is_no_hole() {
        let mut cutter = cutter();
        assert_eq!(
            cutter.cut(&Piece::Unread { length_bytes: 30 }),
            Cut::Hash(hash(0, 10, AfterCut::Ends))
        );
        cutter.cut(&zeros(9));
        assert_eq!(
            cutter.cut(&Piece::Unread { length_bytes: 1 }),
            Cut::Hash(hash(9, 1, AfterCut::Ends))
        );
    }

    #[test]
    fn a_last_chunk_with_data_is_open() {
        let mut cutter = cutter();
        cutter.cut_bytes(10);
        cutter.cut_bytes(1);
        assert_eq!(cutter.end(), LastChunk::Open);
    }
}
