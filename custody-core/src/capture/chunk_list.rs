//! The chunk list: one `<64 hex>  -` a line, what `split -b 4M --filter=sha256sum` prints.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::acquire::CHUNK_LINE_BYTES;
use crate::custody_log::SealedObject;
use crate::digest::{CHUNK_BYTES, Sha256Digest};
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent};
use crate::ids::Segment;
use crate::port::{ChunkRun, Deposit, ImageReader, ImageReaderExt as _};

/// Lines that are put together before they are written: 64 KiB or so.
const LINES_PER_WRITE: u64 = 960;

/// The digest of a whole chunk of zeros.
pub(super) fn zero_chunk() -> Sha256Digest {
    static DIGEST: OnceLock<Sha256Digest> = OnceLock::new();
    *DIGEST.get_or_init(|| {
        let block = [0_u8; 64 * 1024];
        let mut hash = Sha256::new();
        for _ in 0..CHUNK_BYTES / block.len() as u64 {
            hash.update(block);
        }
        Sha256Digest::from_bytes(hash.finalize().into())
    })
}

/// Writes the list as digests become final; holds one write of it at a time.
#[derive(Debug)]
pub(super) struct ChunkListWriter {
    file: Segment,
    /// None when the list is stored already: then only its digest is made.
    deposit: Option<Box<dyn Deposit>>,
    hash: Sha256,
    written: u64,
    pending: BytesMut,
}

impl ChunkListWriter {
    pub(super) fn new(file: Segment, deposit: Option<Box<dyn Deposit>>) -> Self {
        Self {
            file,
            deposit,
            hash: Sha256::new(),
            written: 0,
            pending: BytesMut::new(),
        }
    }

    pub(super) async fn write(&mut self, runs: &[ChunkRun]) -> Result<()> {
        for run in runs {
            match run {
                ChunkRun::Data(digests) => {
                    for digest in digests {
                        self.line(digest).await?;
                    }
                }
                ChunkRun::Zero { chunks } => {
                    for _ in 0..*chunks {
                        self.line(&zero_chunk()).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn line(&mut self, digest: &Sha256Digest) -> Result<()> {
        self.pending
            .extend_from_slice(format!("{digest}  -\n").as_bytes());
        if self.pending.len() as u64 >= LINES_PER_WRITE * CHUNK_LINE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let bytes = self.pending.split().freeze();
        if bytes.is_empty() {
            return Ok(());
        }
        self.hash.update(&bytes);
        let at = self.written;
        self.written += bytes.len() as u64;
        match &mut self.deposit {
            Some(deposit) => deposit.write(Extent::Data { at, bytes }).await.map(drop),
            None => Ok(()),
        }
    }

    pub(super) async fn commit(mut self) -> Result<SealedObject> {
        if let Err(error) = self.flush().await {
            self.abort().await;
            return Err(error);
        }
        if let Some(deposit) = self.deposit {
            deposit.commit().await?;
        }
        Ok(SealedObject::new(
            self.file,
            self.written,
            Sha256Digest::from_bytes(self.hash.finalize().into()),
        ))
    }

    /// Takes the list back. What cannot be taken back shows in the sink's state.
    pub(super) async fn abort(self) {
        if let Some(deposit) = self.deposit {
            drop(deposit.abort().await);
        }
    }
}

/// Reads a stored list line by line; holds one read of it at a time.
#[derive(Debug)]
pub(super) struct ChunkListReader<'a> {
    object: String,
    image: &'a dyn ImageReader,
    at: u64,
    buffer: Bytes,
    hash: Sha256,
}

impl<'a> ChunkListReader<'a> {
    pub(super) fn new(object: String, image: &'a dyn ImageReader) -> Self {
        Self {
            object,
            image,
            at: 0,
            buffer: Bytes::new(),
            hash: Sha256::new(),
        }
    }

    /// The next digest; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Sha256Digest>> {
        if self.buffer.is_empty() {
            let end = (self.at + LINES_PER_WRITE * CHUNK_LINE_BYTES).min(self.image.length());
            let range = ByteRange::new(self.at, end)?;
            if range.is_empty() {
                return Ok(None);
            }
            self.buffer = self.image.read_bytes(range).await?;
            self.hash.update(&self.buffer);
            self.at = end;
        }
        let line_number = (self.at - self.buffer.len() as u64) / CHUNK_LINE_BYTES + 1;
        let line = self.buffer.split_to(self.buffer.len().min(68));
        let digest = std::str::from_utf8(&line)
            .ok()
            .and_then(|text| text.strip_suffix("  -\n"))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Error::Integrity {
                object: self.object.clone(),
                place: format!("line {line_number}"),
                expected: "64 hexadecimal digits, two spaces and a hyphen".into(),
                actual: crate::visible::escape_bytes(&line),
            })?;
        Ok(Some(digest))
    }

    /// The digest of everything that was read. Ask once `next` gave `None`.
    pub(super) fn digest(&self) -> Sha256Digest {
        Sha256Digest::from_bytes(self.hash.clone().finalize().into())
    }
}
