use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::extent::ByteRange;
use crate::port::{ImageReader, ImageReaderExt as _};

/// How much of an object is read at once.
pub(super) const PIECE_BYTES: u64 = 1024 * 1024;

/// A stored object, read once from its first byte to its last, digested on the way, a piece in memory at a time.
#[derive(Debug)]
pub(super) struct Pieces {
    reader: Arc<dyn ImageReader>,
    at: u64,
    hash: Sha256,
}

impl Pieces {
    pub(super) fn new(reader: Arc<dyn ImageReader>) -> Self {
        Self {
            reader,
            at: 0,
            hash: Sha256::new(),
        }
    }

    /// The object's length.
    pub(super) fn length(&self) -> u64 {
        self.reader.length()
    }

    /// The next piece, at most [`PIECE_BYTES`]; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let end = self.at.saturating_add(PIECE_BYTES).min(self.reader.length());
        if self.at >= end {
            return Ok(None);
        }
        let bytes = self
            .reader
            .read_bytes(ByteRange::at(self.at, end - self.at))
            .await?;
        self.at = end;
        self.hash.update(&bytes);
        Ok(Some(bytes))
    }

    /// Reads what is left, and gives the digest of the whole object.
    pub(super) async fn digest(mut self) -> Result<Sha256Digest> {
        while self.next().await?.is_some() {}
        Ok(Sha256Digest::from_bytes(self.hash.finalize().into()))
    }
}

/// The lines of a stored object.
#[derive(Debug)]
pub(super) struct Lines {
    pieces: Pieces,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// Up to where the buffer was searched for a line feed.
    searched: usize,
    max_line_bytes: usize,
}

/// What comes next in an object of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextLine<'a> {
    /// A line, without its line feed.
    Line(&'a [u8]),
    /// The last bytes of the object, without a line feed behind them.
    Tail(&'a [u8]),
    /// A line that is longer than any may be; reading ends here.
    TooLong,
    /// Nothing.
    End,
}

impl Lines {
    pub(super) fn new(reader: Arc<dyn ImageReader>, max_line_bytes: usize) -> Self {
        Self {
            pieces: Pieces::new(reader),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            max_line_bytes,
        }
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> Result<NextLine<'_>> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(offset) = unsearched.iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.start, self.searched + offset);
                self.start = end + 1;
                self.searched = self.start;
                if end - start > self.max_line_bytes {
                    return Ok(NextLine::TooLong);
                }
                return Ok(NextLine::Line(self.buffer.get(start..end).unwrap_or_default()));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() - self.start > self.max_line_bytes {
                return Ok(NextLine::TooLong);
            }
            match self.pieces.next().await? {
                Some(piece) => {
                    self.buffer.drain(..self.start);
                    self.searched -= self.start;
                    self.start = 0;
                    self.buffer.extend_from_slice(&piece);
                }
                None if self.start == self.buffer.len() => return Ok(NextLine::End),
                None => {
                    let start = std::mem::replace(&mut self.start, self.buffer.len());
                    return Ok(NextLine::Tail(self.buffer.get(start..).unwrap_or_default()));
                }
            }
        }
    }

    /// Reads what is left, and gives the digest of the whole object.
    pub(super) async fn digest(self) -> Result<Sha256Digest> {
        self.pieces.digest().await
    }
}
