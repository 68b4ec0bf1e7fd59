use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::health::Health;
use super::medium::Medium;
use super::reading::read_range;
use super::recovery::RecoveryPolicy;
use super::spans::spans;

/// An image file, a split set as one image, or a block device, opened for reading.
///
/// What was opened stays what is read, whatever the path leads to later. File I/O runs on the threads
/// of the `blocking` crate, so that any executor drives the futures. A device, and a file system that does
/// not tell its holes, is all data.
#[derive(Debug, Clone)]
pub(super) struct LocalImage {
    name: String,
    length: u64,
    parts: Arc<[Part]>,
    policy: RecoveryPolicy,
}

/// One file of the image, and where in the image it begins.
#[derive(Debug)]
struct Part {
    start: u64,
    medium: Arc<dyn Medium>,
    health: Health,
}

impl Part {
    fn range(&self) -> ByteRange {
        ByteRange::at(self.start, self.medium.length())
    }
}

impl LocalImage {
    /// These media, one after the other, as one image.
    pub(super) fn new(name: String, media: Vec<Arc<dyn Medium>>, policy: RecoveryPolicy) -> Self {
        let mut length = 0_u64;
        let parts = media
            .into_iter()
            .map(|medium| {
                let start = length;
                length = length.saturating_add(medium.length());
                Part {
                    start,
                    medium,
                    health: Health::default(),
                }
            })
            .collect();
        Self {
            name,
            length,
            parts,
            policy,
        }
    }

    /// Reads a range now, on this thread.
    pub(super) fn read_now(&self, range: ByteRange, cancelled: &AtomicBool) -> Result<Vec<Extent>> {
        if range.end() > self.length {
            return Err(Error::misuse(format!(
                "{self}: bytes {range} were asked for, it has {}",
                self.length
            )));
        }
        let mut extents = Vec::new();
        for part in self.parts.iter() {
            let Some(here) = range.intersect(part.range()) else {
                continue;
            };
            let local = ByteRange::at(here.start() - part.start, here.length());
            let medium = part.medium.as_ref();
            let read = read_range(medium, local, self.policy, &part.health, cancelled)?;
            extents.extend(read.into_iter().map(|extent| moved(extent, part.start)));
        }
        // A set of which any part was written is another image, in its other parts, too.
        if self.parts.len() > 1 && !range.is_empty() {
            for part in self.parts.iter() {
                part.medium.check()?;
            }
        }
        Ok(extents)
    }

    /// What is known of the beginning of `within`, at least one span of it.
    fn spans_now(&self, within: ByteRange) -> Result<Vec<Span>> {
        for part in self.parts.iter() {
            if let Some(here) = within.intersect(part.range()) {
                let local = ByteRange::at(here.start() - part.start, here.length());
                let spans = spans(part.medium.as_ref(), local)?;
                return Ok(spans
                    .into_iter()
                    .map(|span| moved_span(span, part.start))
                    .collect());
            }
        }
        Err(Error::misuse(format!("{self}: no part holds bytes {within}")))
    }
}

fn moved_range(range: ByteRange, by: u64) -> ByteRange {
    ByteRange::at(range.start().saturating_add(by), range.length())
}

fn moved(extent: Extent, by: u64) -> Extent {
    match extent {
        Extent::Data { at, bytes } => Extent::Data {
            at: at.saturating_add(by),
            bytes,
        },
        Extent::Zero { range, word } => Extent::Zero {
            range: moved_range(range, by),
            word,
        },
        Extent::Unread { range, fault } => Extent::Unread {
            range: moved_range(range, by),
            fault,
        },
    }
}

fn moved_span(span: Span, by: u64) -> Span {
    match span {
        Span::Data(range) => Span::Data(moved_range(range, by)),
        Span::Zero(range, word) => Span::Zero(moved_range(range, by), word),
    }
}

impl fmt::Display for LocalImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Tells the thread that reads for a future that the future was dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl ImageReader for LocalImage {
    fn length(&self) -> u64 {
        self.length
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        let Some(within) = within.intersect(ByteRange::at(0, self.length)) else {
            return stream::empty().boxed();
        };
        stream::try_unfold(within, move |left| async move {
            if left.is_empty() {
                return Ok(None);
            }
            let image = self.clone();
            let spans = blocking::unblock(move || image.spans_now(left)).await?;
            let next = spans.last().map_or(left.end(), |last| last.range().end());
            let left = ByteRange::new(next, left.end())?;
            Ok(Some((stream::iter(spans.into_iter().map(Ok)), left)))
        })
        .try_flatten()
        .boxed()
    }

    /// As the port says. A dropped future ends the reading of a failing medium after the try in hand.
    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let cancelled = CancelOnDrop(Arc::default());
        let (image, flag) = (self.clone(), Arc::clone(&cancelled.0));
        blocking::unblock(move || image.read_now(range, &flag)).await
    }
}
