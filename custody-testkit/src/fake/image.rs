use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent, ReadFault, Span, ZeroWord};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};

use crate::shared::Shared;

/// What a disk holds: its bytes, its holes, its bad sectors, and which version of it this is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) zeros: Vec<(ByteRange, ZeroWord)>,
    pub(crate) unread: Vec<(ByteRange, ReadFault)>,
    pub(crate) failing: Vec<ByteRange>,
    /// Changes when the object is replaced by another one.
    pub(crate) identity: u64,
    /// Counts writes to the same object.
    pub(crate) writes: u64,
    /// Counts reads.
    pub(crate) reads: u64,
}

impl Content {
    pub(crate) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn slice(&self, range: ByteRange) -> Option<&[u8]> {
        let start = usize::try_from(range.start()).ok()?;
        let end = usize::try_from(range.end()).ok()?;
        self.bytes.get(start..end)
    }

    fn slice_mut(&mut self, range: ByteRange) -> Option<&mut [u8]> {
        let start = usize::try_from(range.start()).ok()?;
        let end = usize::try_from(range.end()).ok()?;
        self.bytes.get_mut(start..end)
    }

    /// Makes the range read as zeros, on this word.
    pub(crate) fn add_zero(&mut self, range: ByteRange, word: ZeroWord) {
        self.slice_mut(range)
            .expect("a hole lies inside the image")
            .fill(0);
        self.zeros.push((range, word));
        self.zeros.sort_unstable();
    }

    /// Writes over what is there; a hole that is written to is one no longer.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        let range = ByteRange::at(at, bytes.len() as u64);
        self.slice_mut(range)
            .expect("a write lies inside the image")
            .copy_from_slice(bytes);
        self.zeros.retain(|(zero, _)| zero.intersect(range).is_none());
        self.writes += 1;
    }

    /// The range in pieces, each wholly inside or wholly outside every one of `ranges` (ascending).
    fn cut<T: Clone>(range: ByteRange, ranges: &[(ByteRange, T)]) -> Vec<(ByteRange, Option<T>)> {
        let mut pieces = Vec::new();
        let mut next = range.start();
        for (special, what) in ranges {
            if let Some(part) = special.intersect(range)
                && part.start() >= next
            {
                if part.start() > next {
                    pieces.push((ByteRange::at(next, part.start() - next), None));
                }
                pieces.push((part, Some(what.clone())));
                next = part.end();
            }
        }
        if next < range.end() {
            pieces.push((ByteRange::at(next, range.end() - next), None));
        }
        pieces
    }
}

/// An image in memory. What is read are copies; the image behind it may be changed by its owner.
///
/// Holes are told by [`spans`](ImageReader::spans); reading one gives its zeros as data, as reading
/// a sparse file does.
#[derive(Debug, Clone)]
pub struct MemoryImage {
    name: String,
    content: Shared<Content>,
    length: u64,
    identity: u64,
}

impl MemoryImage {
    /// An image of these bytes.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::over(
            name,
            Shared::new(Content {
                bytes: bytes.into(),
                ..Content::default()
            }),
        )
    }

    pub(crate) fn over(name: impl Into<String>, content: Shared<Content>) -> Self {
        let (length, identity) = {
            let content = content.lock();
            (content.length(), content.identity)
        };
        Self {
            name: name.into(),
            content,
            length,
            identity,
        }
    }

    /// Makes the range a hole: its bytes become zeros and it is told as zero on this word.
    #[must_use]
    pub fn with_zero(self, range: ByteRange, word: ZeroWord) -> Self {
        self.content.lock().add_zero(range, word);
        self
    }

    /// Makes the range bad sectors: they are answered as [`Extent::Unread`] with this fault.
    #[must_use]
    pub fn with_unread(self, range: ByteRange, fault: ReadFault) -> Self {
        {
            let mut content = self.content.lock();
            content.unread.push((range, fault));
            content.unread.sort_unstable_by_key(|(range, _)| *range);
        }
        self
    }

    /// Makes every read that touches the range fail with [`Error::Unreadable`].
    #[must_use]
    pub fn with_failing(self, range: ByteRange) -> Self {
        self.content.lock().failing.push(range);
        self
    }

    /// Opens what is there now, whether or not it is what was opened before.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self::over(self.name.clone(), self.content.clone())
    }

    /// Puts another object in this one's place: reads through readers that are open fail from now on.
    pub fn replace(&self, bytes: impl Into<Vec<u8>>) {
        let mut content = self.content.lock();
        let identity = content.identity + 1;
        *content = Content {
            bytes: bytes.into(),
            identity,
            ..Content::default()
        };
    }
}

impl fmt::Display for MemoryImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[async_trait]
impl ImageReader for MemoryImage {
    fn length(&self) -> u64 {
        self.length
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        let Some(within) = within.intersect(ByteRange::at(0, self.length)) else {
            return Box::pin(stream::empty());
        };
        let pieces = Content::cut(within, &self.content.lock().zeros);
        Box::pin(stream::iter(pieces.into_iter().map(|(range, word)| {
            Ok(match word {
                Some(word) => Span::Zero(range, word),
                None => Span::Data(range),
            })
        })))
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        if range.end() > self.length {
            return Err(Error::misuse(format!(
                "{self}: {range} is not inside its {} bytes",
                self.length
            )));
        }
        let mut content = self.content.lock();
        content.reads += 1;
        if content.identity != self.identity || content.length() < self.length {
            return Err(Error::Precondition {
                object: self.name.clone(),
                expected: format!("version {} of {} bytes", self.identity, self.length),
                actual: format!("version {} of {} bytes", content.identity, content.length()),
            });
        }
        if content.failing.iter().any(|bad| bad.intersect(range).is_some()) {
            return Err(Error::Unreadable {
                object: self.name.clone(),
                range,
                source: Some("EIO".into()),
            });
        }
        Content::cut(range, &content.unread)
            .into_iter()
            .map(|(range, fault)| {
                if let Some(fault) = fault {
                    return Ok(Extent::Unread { range, fault });
                }
                let bytes = content
                    .slice(range)
                    .ok_or_else(|| Error::misuse(format!("{self}: {range} is not inside its bytes")))?;
                Ok(Extent::Data {
                    at: range.start(),
                    bytes: Bytes::copy_from_slice(bytes),
                })
            })
            .collect()
    }
}
