use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use custody_core::digest::{CHUNK_BYTES, ImageDigests, Sha256Digest};
use custody_core::extent::Extent;
use custody_core::port::{ChunkRun, HashOptions, ImageHasher};

use crate::conformance::clause::ClauseFailure;

/// What an engine gave for an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The chunk digests in the order in which they came, zero runs written out.
    pub(super) chunks: Vec<Sha256Digest>,
    pub(super) digests: ImageDigests,
}

fn write_out(runs: Vec<ChunkRun>, chunks: &mut Vec<Sha256Digest>) {
    for run in runs {
        match run {
            ChunkRun::Data(digests) => chunks.extend(digests),
            ChunkRun::Zero { chunks: count } => {
                let zeros = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or_default()];
                let digest = Sha256Digest::of(&zeros);
                chunks.extend((0..count).map(|_| digest));
            }
        }
    }
}

/// Pushes the extents through an engine.
pub(super) async fn hash(
    hasher: &dyn ImageHasher,
    length: u64,
    extents: impl IntoIterator<Item = Extent>,
    options: HashOptions,
) -> Result<Taken, ClauseFailure> {
    let mut hash = hasher.start(length, options)?;
    let mut chunks = Vec::new();
    for extent in extents {
        write_out(hash.push(extent).await?, &mut chunks);
    }
    let (runs, digests) = hash.finish().await?;
    write_out(runs, &mut chunks);
    Ok(Taken { chunks, digests })
}

/// The bytes as extents whose sizes follow each other in a circle.
pub(super) fn cut(bytes: &Bytes, sizes: &[usize]) -> Vec<Extent> {
    let mut rest = bytes.clone();
    let mut at = 0;
    let mut extents = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let piece = rest.split_to((*size).clamp(1, rest.len()));
        let length = piece.len() as u64;
        extents.push(Extent::Data { at, bytes: piece });
        at += length;
    }
    extents
}

/// Bytes that tell when nobody holds them any longer.
pub(super) struct Counted {
    bytes: Bytes,
    alive: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn bytes(bytes: Bytes, alive: &Arc<AtomicU64>) -> Bytes {
        alive.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Bytes::from_owner(Self {
            bytes,
            alive: Arc::clone(alive),
        })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len() as u64, Ordering::SeqCst);
    }
}
