//! Chunk digests beside the list that they should equal.

use std::ops::Range;

use crate::{CHUNK_BYTES, ChunkRun, Error, Result};

/// Compares chunk digests, as they become final, with a list of what they should be, and names the ranges that differ.
///
/// Feed it the runs of any pass: of [`Engine::hash_tree`](crate::Engine::hash_tree) to check an image against a chunk
/// list on all cores, or of a pass that makes other digests as well. Memory: 16 bytes for each damaged range; chunks
/// that follow one another are one.
///
/// # Examples
/// ```
/// use custody_hash::{ChunkComparison, Engine, EngineOptions, digest};
///
/// let mut disk = vec![7_u8; 10 << 20];
/// let list = disk.chunks(4 << 20).map(digest).collect::<Vec<_>>();
/// disk[5 << 20] = 8; // somebody was here
/// let mut comparison = ChunkComparison::new(10 << 20, list.into_iter().map(Ok));
/// let engine = Engine::new(EngineOptions::default())?;
/// engine.hash_tree(&disk, 10 << 20, |run| comparison.push(&run).map_err(std::io::Error::other))?;
/// let outcome = comparison.finish()?;
/// assert_eq!(outcome.damaged, [4 << 20..8 << 20]);
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Debug)]
pub struct ChunkComparison<L> {
    length_bytes: u64,
    list: L,
    chunks: u64,
    damaged: Vec<Range<u64>>,
}

/// How an image compares with a chunk list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComparedChunks {
    /// How many chunks were compared.
    pub chunks: u64,
    /// The byte ranges whose digests differ, in order.
    pub damaged: Vec<Range<u64>>,
}

impl<L: Iterator<Item = Result<[u8; 32]>>> ChunkComparison<L> {
    /// For an image of that length and the digests that its chunks should have: a
    /// [`ChunkListReader`](crate::chunk_list::ChunkListReader), for one.
    #[must_use]
    pub fn new(length_bytes: u64, list: L) -> Self {
        Self {
            length_bytes,
            list,
            chunks: 0,
            damaged: Vec::new(),
        }
    }

    /// Compares the next chunks.
    ///
    /// # Errors
    /// What the list says, and [`Error::ListLength`] if it ends before the image: none of these is ever taken for a
    /// difference, or for the absence of one.
    pub fn push(&mut self, run: &ChunkRun) -> Result<()> {
        for found in run.digests() {
            let expected = self.list.next().ok_or(Error::ListLength {
                listed: self.chunks,
                chunks: self.length_bytes.div_ceil(CHUNK_BYTES),
            })??;
            if found != expected {
                self.add_damaged();
            }
            self.chunks += 1;
        }
        Ok(())
    }

    /// The outcome, when all chunks were compared.
    ///
    /// # Errors
    /// [`Error::ListLength`] if the list goes on, or if the image has more chunks than came; what the list says.
    pub fn finish(mut self) -> Result<ComparedChunks> {
        let (chunks, mut listed) = (self.length_bytes.div_ceil(CHUNK_BYTES), self.chunks);
        for more in self.list.by_ref() {
            more?;
            listed += 1;
        }
        if listed != chunks || self.chunks != chunks {
            return Err(Error::ListLength { listed, chunks });
        }
        Ok(ComparedChunks {
            chunks,
            damaged: self.damaged,
        })
    }

    fn add_damaged(&mut self) {
        let start_bytes = self.chunks.saturating_mul(CHUNK_BYTES);
        let end_bytes = start_bytes.saturating_add(CHUNK_BYTES).min(self.length_bytes);
        match self.damaged.last_mut() {
            Some(last) if last.end == start_bytes => last.end = end_bytes,
            _ => self.damaged.push(start_bytes..end_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: u64 = 4 * CHUNK_BYTES + 5;

    fn compare(list: Vec<Result<[u8; 32]>>) -> Result<ComparedChunks> {
        let mut comparison = ChunkComparison::new(LENGTH, list.into_iter());
        comparison.push(&ChunkRun::Zero { chunks: 2 })?;
        comparison.push(&ChunkRun::Data(vec![[1; 32], [2; 32], [3; 32]]))?;
        comparison.finish()
    }

    fn good() -> Vec<Result<[u8; 32]>> {
        let zero = crate::ZERO_CHUNK_DIGEST;
        [zero, zero, [1; 32], [2; 32], [3; 32]].map(Ok).into()
    }

    #[test]
    fn damaged_neighbours_are_one_range_and_the_last_ends_with_the_image() {
        assert_eq!(compare(good()).unwrap().damaged, []);
        let mut list = good();
        for at in [1, 2, 4] {
            list[at] = Ok([9; 32]);
        }
        let damaged = compare(list).unwrap().damaged;
        assert_eq!(damaged, [CHUNK_BYTES..3 * CHUNK_BYTES, 4 * CHUNK_BYTES..LENGTH]);
    }

    #[test]
    fn a_list_of_another_length_or_with_a_flaw_is_no_comparison() {
        let mut short = good();
        short.pop();
        assert!(matches!(
            compare(short),
            Err(Error::ListLength { listed: 4, chunks: 5 })
        ));
        let mut long = good();
        long.push(Ok([0; 32]));
        assert!(matches!(
            compare(long),
            Err(Error::ListLength { listed: 6, chunks: 5 })
        ));
        let mut flawed = good();
        flawed[3] = Err(Error::TreeFull);
        assert!(matches!(compare(flawed), Err(Error::TreeFull)));
    }
}
