use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent, Span, ZeroWord};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::fake::MemoryImage;
use crate::turn::give_way;

/// How a [`FaultyImage`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageFault {
    /// The length grows by one byte with each call.
    LengthDrifts,
    /// The last span is cut short by a byte.
    SpansLeaveAGap,
    /// The first span of data is told as a hole.
    CallsDataZero,
    /// A read leaves out its last byte.
    ReadsShort,
    /// A read behind the end gives zeros.
    PadsBehindTheEnd,
    /// A read goes on in whatever object is there now.
    FollowsReplacement,
    /// Bad sectors are given as zeros that were read.
    GivesZerosForBadSectors,
    /// All readers share one file position.
    SharesItsPosition,
}

/// An image with one fault.
#[derive(Debug)]
pub struct FaultyImage {
    inner: MemoryImage,
    fault: ImageFault,
    lengths: AtomicU64,
    position: AtomicU64,
}

impl FaultyImage {
    /// This image with this fault.
    #[must_use]
    pub const fn new(inner: MemoryImage, fault: ImageFault) -> Self {
        Self {
            inner,
            fault,
            lengths: AtomicU64::new(0),
            position: AtomicU64::new(0),
        }
    }

    /// Sets the position, lets others do so, then reads from wherever it is by then.
    async fn read_at_shared_position(&self, range: ByteRange) -> Result<Vec<Extent>> {
        self.position.store(range.start(), Ordering::SeqCst);
        give_way().await;
        let at = self.position.load(Ordering::SeqCst);
        let from = ByteRange::at(at, range.length());
        let extents = self.inner.read(from).await;
        let moved = |at: u64| at - from.start() + range.start();
        Ok(extents?
            .into_iter()
            .map(|extent| match extent {
                Extent::Data { at, bytes } => Extent::Data { at: moved(at), bytes },
                other => other,
            })
            .collect())
    }
}

impl fmt::Display for FaultyImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

fn zeros(range: ByteRange) -> Result<Extent> {
    let length = usize::try_from(range.length()).map_err(|error| Error::misuse(error.to_string()))?;
    Ok(Extent::Data {
        at: range.start(),
        bytes: Bytes::from(vec![0; length]),
    })
}

fn shorter(range: ByteRange) -> ByteRange {
    ByteRange::at(range.start(), range.length().saturating_sub(1))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ImageReader for FaultyImage {
    fn length(&self) -> u64 {
        let drift = match self.fault {
            ImageFault::LengthDrifts => self.lengths.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        self.inner.length() + drift
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        let fault = self.fault;
        let end = within.end().min(self.inner.length());
        let mut begun = false;
        Box::pin(self.inner.spans(within).map(move |span| {
            let first = !std::mem::replace(&mut begun, true);
            Ok(match (fault, span?) {
                (ImageFault::SpansLeaveAGap, Span::Data(range)) if range.end() == end => {
                    Span::Data(shorter(range))
                }
                (ImageFault::SpansLeaveAGap, Span::Zero(range, word)) if range.end() == end => {
                    Span::Zero(shorter(range), word)
                }
                (ImageFault::CallsDataZero, Span::Data(range)) if first => {
                    Span::Zero(range, ZeroWord::FileSystemHole)
                }
                (_, span) => span,
            })
        }))
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        match self.fault {
            ImageFault::ReadsShort => self.inner.read(shorter(range)).await,
            ImageFault::PadsBehindTheEnd if range.end() > self.inner.length() => Ok(vec![zeros(
                ByteRange::at(range.start(), range.length().min(4096)),
            )?]),
            ImageFault::FollowsReplacement => self.inner.reopen().read(range).await,
            ImageFault::GivesZerosForBadSectors => {
                let extents = self.inner.read(range).await?;
                let filled = extents.into_iter().map(|extent| match extent {
                    Extent::Unread { range, .. } => zeros(range),
                    other => Ok(other),
                });
                filled.collect()
            }
            ImageFault::SharesItsPosition => self.read_at_shared_position(range).await,
            _ => self.inner.read(range).await,
        }
    }
}
