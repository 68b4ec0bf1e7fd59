//! Chunk digests on their way out: in stream order, holes as counts.

use crate::{Error, Result, ZERO_CHUNK_DIGEST, merkle::MerkleFrontier};

/// Digests of consecutive chunks.
///
/// The runs of one image, one after the other, cover its chunks in order. How digests are grouped into runs depends
/// on timing and means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever writes a chunk list must handle every kind of run"
)]
pub enum ChunkRun {
    /// The digest of each chunk.
    Data(Vec<[u8; 32]>),
    /// Full chunks that came in as [`Piece::Zero`](crate::Piece::Zero) only, so that each has the digest
    /// [`ZERO_CHUNK_DIGEST`]. A last chunk that is shorter than the others is never among them. Chunks whose bytes
    /// were read and happened to be zero are `Data`: the difference is who says so.
    Zero {
        /// How many.
        chunks: u64,
    },
}

impl ChunkRun {
    /// How many chunks it covers.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        match self {
            Self::Data(digests) => digests.len() as u64,
            Self::Zero { chunks } => *chunks,
        }
    }

    /// One digest per chunk, whatever the kind. A hole of 1 TiB yields 262,144 times the same.
    pub fn digests(&self) -> impl Iterator<Item = [u8; 32]> {
        let (read, zero): (&[_], u64) = match self {
            Self::Data(digests) => (digests, 0),
            Self::Zero { chunks } => (&[], *chunks),
        };
        read.iter().copied().chain((0..zero).map(|_| ZERO_CHUNK_DIGEST))
    }
}

/// Final chunk digests that nobody has collected yet, and the tree over all there ever were.
#[derive(Debug, Clone)]
pub(crate) struct ChunkTally {
    zero_chunk_digest: [u8; 32],
    runs: Vec<ChunkRun>,
    tree: MerkleFrontier,
    /// Whether a digest found no room in the tree, so that its root is that of something else.
    overfull: bool,
}

impl ChunkTally {
    pub(crate) fn new(zero_chunk_digest: [u8; 32]) -> Self {
        Self {
            zero_chunk_digest,
            runs: Vec::new(),
            tree: MerkleFrontier::new(),
            overfull: false,
        }
    }

    pub(crate) fn zero_chunk_digest(&self) -> [u8; 32] {
        self.zero_chunk_digest
    }

    pub(crate) fn push_digest(&mut self, digest: [u8; 32]) {
        self.overfull |= self.tree.push(digest).is_err();
        append_run(&mut self.runs, ChunkRun::Data(vec![digest]));
    }

    pub(crate) fn push_zeros(&mut self, more: u64) {
        self.overfull |= self.tree.push_run(self.zero_chunk_digest, more).is_err();
        append_run(&mut self.runs, ChunkRun::Zero { chunks: more });
    }

    /// The right edge of the tree.
    pub(crate) fn peaks(&self) -> &[[u8; 32]] {
        self.tree.peaks()
    }

    /// Goes on from where another stood.
    pub(crate) fn resume(&mut self, tree: MerkleFrontier) {
        self.tree = tree;
    }

    /// What became final since the last call.
    pub(crate) fn take_runs(&mut self) -> Vec<ChunkRun> {
        std::mem::take(&mut self.runs)
    }

    /// The tree over all digests, none of which is missing.
    pub(crate) fn tree(&self) -> Result<&MerkleFrontier> {
        if self.overfull {
            Err(Error::TreeFull)
        } else {
            Ok(&self.tree)
        }
    }
}

/// Appends a run, to the last one if that is of its kind.
pub(crate) fn append_run(runs: &mut Vec<ChunkRun>, run: ChunkRun) {
    match (runs.last_mut(), run) {
        (Some(ChunkRun::Data(digests)), ChunkRun::Data(more)) => digests.extend(more),
        (Some(ChunkRun::Zero { chunks }), ChunkRun::Zero { chunks: more }) => {
            *chunks = chunks.saturating_add(more);
        }
        (_, run) => runs.push(run),
    }
}
