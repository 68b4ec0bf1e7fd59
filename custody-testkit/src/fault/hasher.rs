use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use custody_core::Result;
use custody_core::digest::{ImageDigests, Sha256Digest};
use custody_core::extent::{ByteRange, Extent, ZeroWord};
use custody_core::port::{ChunkRun, HashOptions, ImageHash, ImageHasher};

/// How a [`FaultyHasher`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HasherFault {
    /// The stored file's digest is another one.
    OtherStoredFile,
    /// The chunk digests that come at the end come twice.
    RepeatsTheLastChunks,
    /// The root is another one.
    OtherRoot,
    /// The disk data's digest is another one.
    OtherDiskData,
    /// Two tiny extents behind each other change the digest.
    StumblesOverTinyExtents,
    /// Gaps are filled with zeros.
    FillsGaps,
    /// Everything that is pushed is kept until the end.
    HoardsExtents,
    /// An image that ends among others has another digest than alone.
    MixesImages,
    /// Side digests that it does not have are left out.
    LeavesOutUnknownSideDigests,
}

/// A hasher with one fault.
#[derive(Debug)]
pub struct FaultyHasher {
    inner: Arc<dyn ImageHasher>,
    fault: HasherFault,
    under_way: Arc<AtomicUsize>,
}

impl FaultyHasher {
    /// This hasher with this fault.
    #[must_use]
    pub fn new(inner: Arc<dyn ImageHasher>, fault: HasherFault) -> Self {
        Self {
            inner,
            fault,
            under_way: Arc::default(),
        }
    }
}

impl fmt::Display for FaultyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[deny(clippy::missing_trait_methods)]
impl ImageHasher for FaultyHasher {
    fn start(&self, length: u64, options: HashOptions) -> Result<Box<dyn ImageHash>> {
        let mut options = options;
        if self.fault == HasherFault::LeavesOutUnknownSideDigests {
            options.side.clear();
        }
        let inner = self.inner.start(length, options)?;
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FaultyHash {
            inner: Some(inner),
            fault: self.fault,
            under_way: Arc::clone(&self.under_way),
            length,
            next: 0,
            last: u64::MAX,
            stumbled: false,
            hoard: Vec::new(),
        }))
    }
}

/// Extents below this size are tiny.
const TINY_BYTES: u64 = 100;

/// An image with its hasher's fault.
#[derive(Debug)]
struct FaultyHash {
    /// `None` once it was finished.
    inner: Option<Box<dyn ImageHash>>,
    fault: HasherFault,
    under_way: Arc<AtomicUsize>,
    length: u64,
    next: u64,
    /// How long the extent before was.
    last: u64,
    stumbled: bool,
    hoard: Vec<Extent>,
}

impl FaultyHash {
    fn inner(&mut self) -> &mut dyn ImageHash {
        &mut **self
            .inner
            .as_mut()
            .expect("a hash ends once: finishing consumes it")
    }

    async fn fill_to(&mut self, at: u64) -> Result<Vec<ChunkRun>> {
        if self.fault != HasherFault::FillsGaps || at <= self.next {
            return Ok(Vec::new());
        }
        let range = ByteRange::at(self.next, at - self.next);
        self.next = at;
        let word = ZeroWord::FileSystemHole;
        self.inner().push(Extent::Zero { range, word }).await
    }
}

impl Drop for FaultyHash {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

fn other(digest: &mut Option<Sha256Digest>) {
    *digest = digest.map(|digest| Sha256Digest::of(digest.as_bytes()));
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ImageHash for FaultyHash {
    async fn push(&mut self, extent: Extent) -> Result<Vec<ChunkRun>> {
        let range = extent.range();
        let mut runs = self.fill_to(range.start()).await?;
        self.stumbled |= range.length() < TINY_BYTES && self.last < TINY_BYTES;
        self.last = range.length();
        self.next = range.end();
        if self.fault == HasherFault::HoardsExtents {
            self.hoard.push(extent.clone());
        }
        runs.extend(self.inner().push(extent).await?);
        Ok(runs)
    }

    async fn finish(mut self: Box<Self>) -> Result<(Vec<ChunkRun>, ImageDigests)> {
        let mut runs = self.fill_to(self.length).await?;
        let inner = self
            .inner
            .take()
            .expect("a hash ends once: finishing consumes it");
        let (rest, mut digests) = inner.finish().await?;
        runs.extend(rest);
        let among_others = self.under_way.load(Ordering::SeqCst) > 1;
        match self.fault {
            HasherFault::OtherStoredFile => other(&mut digests.stored_file),
            HasherFault::StumblesOverTinyExtents if self.stumbled => other(&mut digests.stored_file),
            HasherFault::MixesImages if among_others => other(&mut digests.stored_file),
            HasherFault::OtherRoot => digests.root = Sha256Digest::of(digests.root.as_bytes()),
            HasherFault::RepeatsTheLastChunks => runs.extend(runs.clone()),
            HasherFault::OtherDiskData => other(&mut digests.disk_data),
            _ => {}
        }
        Ok((runs, digests))
    }
}
