//! A disk in memory whose reads are counted, and the short way to a proof.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use custody_core::Result;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{ImageReader, ProofVerdict};
use custody_keys::{DiskKey, DiskProof, ProofLimits, Prover};
use custody_testkit::fake::{MemoryImage, pattern};
use futures::executor::block_on;
use futures::stream::BoxStream;

/// An image that counts what is read of it.
#[derive(Debug)]
pub(crate) struct CountedImage {
    inner: MemoryImage,
    bytes: AtomicU64,
    ranges: Mutex<Vec<ByteRange>>,
}

impl CountedImage {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryImage::new("disk", bytes),
            bytes: AtomicU64::new(0),
            ranges: Mutex::default(),
        })
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn ranges(&self) -> Vec<ByteRange> {
        self.ranges.lock().unwrap().clone()
    }
}

impl fmt::Display for CountedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counted({})", self.inner)
    }
}

#[async_trait]
impl ImageReader for CountedImage {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.inner.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        self.bytes.fetch_add(range.length(), Ordering::Relaxed);
        self.ranges.lock().unwrap().push(range);
        self.inner.read(range).await
    }
}

pub(crate) fn key(bytes: &[u8]) -> Arc<DiskKey> {
    Arc::new(DiskKey::from_bytes(bytes).unwrap())
}

pub(crate) fn prove(image: Vec<u8>, bytes: &[u8]) -> DiskProof {
    prove_within(image, bytes, ProofLimits::default())
}

pub(crate) fn prove_within(image: Vec<u8>, bytes: &[u8], limits: ProofLimits) -> DiskProof {
    let image = CountedImage::new(image);
    let proof =
        block_on(Prover::new(limits).prove_disk(Arc::<CountedImage>::clone(&image), key(bytes))).unwrap();
    assert_eq!(
        proof.bytes_read,
        image.bytes_read(),
        "what the proof says that it read"
    );
    proof
}

/// The reason of a verdict that could not be told.
pub(crate) fn reason(verdict: &ProofVerdict) -> &str {
    match verdict {
        ProofVerdict::CannotTell { reason } => reason,
        other => panic!("{other:?} instead of what cannot be told"),
    }
}

/// Whether one of the notes says this.
pub(crate) fn has_note(notes: &[String], part: &str) -> bool {
    notes.iter().any(|note| note.contains(part))
}

/// Content that is no file system: text, so that it does not look random.
pub(crate) fn content(length: usize) -> Vec<u8> {
    b"the quick brown fox jumps over the lazy dog\n"
        .iter()
        .copied()
        .cycle()
        .take(length)
        .collect()
}

/// Bytes that look random.
pub(crate) fn random(length: usize, seed: u8) -> Vec<u8> {
    pattern(length, seed)
}
