//! Bounded, counted reads of an image, and of a part of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use custody_core::extent::ByteRange;
use custody_core::port::{ImageReader, ImageReaderExt as _};

/// Why a step of a proof ends: the volume cannot be told, or the reader failed for a reason of its own.
#[derive(Debug)]
pub(crate) enum Halt {
    CannotTell(String),
    Reader(custody_core::Error),
}

pub(crate) type Step<T> = Result<T, Halt>;

impl Halt {
    pub(crate) fn cannot_tell(reason: impl Into<String>) -> Self {
        Self::CannotTell(reason.into())
    }
}

impl From<crate::Error> for Halt {
    fn from(error: crate::Error) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        Self::CannotTell(format!("{error}{}", cause.unwrap_or_default()))
    }
}

/// An image of which at most so many bytes are read.
#[derive(Debug)]
pub(crate) struct MeteredImage {
    image: Arc<dyn ImageReader>,
    limit: u64,
    read: AtomicU64,
}

impl MeteredImage {
    pub(crate) fn new(image: Arc<dyn ImageReader>, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            image,
            limit,
            read: AtomicU64::new(0),
        })
    }

    pub(crate) fn length(&self) -> u64 {
        self.image.length()
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    async fn read(&self, range: ByteRange) -> Step<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end() > self.length() {
            let length = self.length();
            return Err(Halt::cannot_tell(format!(
                "bytes {range} lie beyond the disk, which has {length}"
            )));
        }
        let within = |read: u64| {
            read.checked_add(range.length())
                .filter(|read| *read <= self.limit)
        };
        if self
            .read
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_err()
        {
            let limit = self.limit;
            return Err(Halt::cannot_tell(format!(
                "more than {limit} bytes of the disk would have to be read"
            )));
        }
        match self.image.read_bytes(range).await {
            Ok(bytes) => Ok(bytes),
            Err(error) if matches!(error.meaning(), custody_core::Error::Unreadable { .. }) => {
                Err(Halt::CannotTell(error.to_string()))
            }
            Err(error) => Err(Halt::Reader(error)),
        }
    }
}

/// A part of an image: a volume. Places are counted from its start.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    image: Arc<MeteredImage>,
    range: ByteRange,
}

impl Window {
    pub(crate) const fn new(image: Arc<MeteredImage>, range: ByteRange) -> Self {
        Self { image, range }
    }

    pub(crate) const fn range(&self) -> ByteRange {
        self.range
    }

    pub(crate) const fn length(&self) -> u64 {
        self.range.length()
    }

    /// A part of the image that this window shows, by its place in the image.
    pub(crate) fn part(&self, range: ByteRange) -> Self {
        Self::new(Arc::clone(&self.image), range)
    }

    /// Exactly these bytes.
    pub(crate) async fn read(&self, at: u64, length: u64) -> Step<Bytes> {
        let end = at.checked_add(length).filter(|end| *end <= self.length());
        if end.is_none() {
            let has = self.length();
            return Err(Halt::cannot_tell(format!(
                "{length} bytes at {at} lie beyond the volume, which has {has}"
            )));
        }
        self.image
            .read(ByteRange::at(self.range.start().saturating_add(at), length))
            .await
    }

    /// These bytes, cut at the volume's end.
    pub(crate) async fn read_up_to(&self, at: u64, length: u64) -> Step<Bytes> {
        match self.length().saturating_sub(at) {
            0 => Ok(Bytes::new()),
            rest => self.read(at, length.min(rest)).await,
        }
    }
}
