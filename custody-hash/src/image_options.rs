//! How one image is hashed.

use std::{
    fmt,
    num::{NonZeroU64, NonZeroUsize},
};

use digest::DynDigest;

use crate::{CHUNK_BYTES, DEFAULT_CHUNK_BYTES, Error, Progress, Result};

/// What [`Engine::start`](crate::Engine::start) makes of an image besides its chunk digests, and in how much memory.
///
/// # Examples
/// ```
/// use custody_hash::{ImageOptions, WholeDigests};
///
/// let capture = ImageOptions::default().with_side_digest("md5", Box::new(md5::Md5::default()));
/// let read_back = ImageOptions::default().with_whole_digests(WholeDigests::Omit);
/// ```
#[non_exhaustive]
pub struct ImageOptions {
    in_flight_bytes: Option<u64>,
    pub(crate) whole_digests: WholeDigests,
    pub(crate) side_digests: Vec<NamedDigest>,
    pub(crate) chunk_bytes: NonZeroU64,
    pub(crate) progress: Progress,
}

/// Whether the stored file as a whole, and its disk data, are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum WholeDigests {
    /// Yes: one sequential pass, which no number of threads makes faster.
    #[default]
    Hash,
    /// No: chunk digests and the tree only, on all threads. Enough to compare with a chunk list.
    Omit,
}

/// A side digest and its name.
pub(crate) struct NamedDigest {
    pub(crate) name: String,
    pub(crate) digest: Box<dyn DynDigest + Send>,
}

impl ImageOptions {
    /// Bytes of an image with a whole digest that may wait to be hashed before a push has to wait, unless told
    /// otherwise: 4 MiB. One thread at a time hashes them, and more would not make it faster.
    pub const DEFAULT_IN_FLIGHT_BYTES: u64 = 4 << 20;

    /// The same of an image whose chunks alone are hashed: 16 MiB, and 4 MiB for each thread beyond four, so that each
    /// can have a chunk.
    pub const DEFAULT_CHUNKS_IN_FLIGHT_BYTES: u64 = 16 << 20;

    /// Bounds the bytes that are accepted and not hashed by every lane yet.
    ///
    /// A piece that is larger than the bound is accepted when nothing else is in flight. Any bound works; a small one
    /// costs speed.
    #[must_use]
    pub fn with_in_flight_bytes(mut self, in_flight_bytes: u64) -> Self {
        self.in_flight_bytes = Some(in_flight_bytes);
        self
    }

    /// Whether to hash the stored file as a whole; yes by default.
    #[must_use]
    pub fn with_whole_digests(mut self, whole_digests: WholeDigests) -> Self {
        self.whole_digests = whole_digests;
        self
    }

    /// Adds a digest of the stored file by any other algorithm, in the same pass and on a thread of its own.
    ///
    /// The digest must be in its initial state. If it panics, the image fails with
    /// [`Error::LanePanicked`](crate::Error::LanePanicked) and others go on; if it never returns, it keeps one thread
    /// of the engine for good.
    #[must_use]
    pub fn with_side_digest(mut self, name: impl Into<String>, digest: Box<dyn DynDigest + Send>) -> Self {
        self.side_digests.push(NamedDigest {
            name: name.into(),
            digest,
        });
        self
    }

    /// Shows how far the image is, to whoever kept a clone of this: for the passes that begin and end in one call.
    #[must_use]
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Whether every byte is hashed in order, a hole's zeros too.
    pub(crate) fn goes_through_holes(&self) -> bool {
        self.whole_digests == WholeDigests::Hash || !self.side_digests.is_empty()
    }

    /// What was asked for, or what so many threads can use.
    pub(crate) fn in_flight_bytes(&self, threads: NonZeroUsize) -> u64 {
        self.in_flight_bytes.unwrap_or_else(|| match self.whole_digests {
            WholeDigests::Hash => Self::DEFAULT_IN_FLIGHT_BYTES,
            WholeDigests::Omit => {
                let all_threads_bytes = CHUNK_BYTES.saturating_mul(threads.get() as u64);
                Self::DEFAULT_CHUNKS_IN_FLIGHT_BYTES.max(all_threads_bytes)
            }
        })
    }

    /// Smaller chunks, so that tests need no large images. The format knows one size only.
    #[cfg(test)]
    pub(crate) fn with_chunk_bytes(mut self, chunk_bytes: NonZeroU64) -> Self {
        self.chunk_bytes = chunk_bytes;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let mut names: Vec<_> = self.side_digests.iter().map(|side| &side.name).collect();
        names.sort_unstable();
        match names
            .iter()
            .zip(names.iter().skip(1))
            .find(|(name, next)| name == next)
        {
            Some((name, _)) => Err(Error::DuplicateSideDigest {
                name: (*name).clone(),
            }),
            None => Ok(()),
        }
    }
}

impl Default for ImageOptions {
    fn default() -> Self {
        Self {
            in_flight_bytes: None,
            whole_digests: WholeDigests::default(),
            side_digests: Vec::new(),
            chunk_bytes: DEFAULT_CHUNK_BYTES,
            progress: Progress::default(),
        }
    }
}

impl fmt::Debug for ImageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageOptions")
            .field("in_flight_bytes", &self.in_flight_bytes)
            .field("whole_digests", &self.whole_digests)
            .field("side_digests", &self.side_digests)
            .field("chunk_bytes", &self.chunk_bytes)
            .finish()
    }
}

impl fmt::Debug for NamedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
