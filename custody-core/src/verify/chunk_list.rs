use std::sync::{Arc, OnceLock};

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::lines::Pieces;
use crate::digest::{CHUNK_BYTES, Sha256Digest};
use crate::error::Result;
use crate::hex;
use crate::port::ImageReader;

/// The bytes of a line: 64 hexadecimal digits, two spaces, a hyphen, a line feed.
pub(super) const LINE_BYTES: usize = 68;

/// The digest of a whole chunk of zeros.
pub(super) fn zero_chunk() -> Sha256Digest {
    static DIGEST: OnceLock<Sha256Digest> = OnceLock::new();
    *DIGEST.get_or_init(|| {
        let zeros = [0_u8; 4096];
        let hash = (0..CHUNK_BYTES / 4096).fold(Sha256::new(), |hash, _| hash.chain_update(zeros));
        Sha256Digest::from_bytes(hash.finalize().into())
    })
}

/// A stored chunk list, read once from the front. Lines are taken by their fixed length, so that a line that was
/// damaged does not shift the ones behind it.
#[derive(Debug)]
pub(super) struct ChunkList {
    pieces: Pieces,
    buffer: Bytes,
}

/// A line of a chunk list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkLine {
    /// This digest.
    Digest(Sha256Digest),
    /// Something else.
    Malformed,
    /// No line: the list is shorter.
    Missing,
}

impl ChunkList {
    pub(super) fn new(reader: Arc<dyn ImageReader>) -> Self {
        Self {
            pieces: Pieces::new(reader),
            buffer: Bytes::new(),
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.pieces.length()
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> Result<ChunkLine> {
        if self.buffer.len() < LINE_BYTES
            && let Some(piece) = self.pieces.next().await?
        {
            self.buffer = if self.buffer.is_empty() {
                piece
            } else {
                [&self.buffer[..], &piece[..]].concat().into()
            };
        }
        if self.buffer.is_empty() {
            return Ok(ChunkLine::Missing);
        }
        let line = self.buffer.slice(..self.buffer.len().min(LINE_BYTES));
        self.buffer.advance(line.len());
        Ok(parsed(&line).map_or(ChunkLine::Malformed, ChunkLine::Digest))
    }

    /// Reads what is left; gives the digest of the whole list.
    pub(super) async fn digest(self) -> Result<Sha256Digest> {
        self.pieces.digest().await
    }
}

fn parsed(line: &[u8]) -> Option<Sha256Digest> {
    let text = std::str::from_utf8(line).ok()?;
    hex::decode(text.strip_suffix("  -\n")?).map(Sha256Digest::from_bytes)
}
