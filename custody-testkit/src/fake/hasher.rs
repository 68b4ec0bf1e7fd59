use std::fmt;

use async_trait::async_trait;
use custody_core::digest::{CHUNK_BYTES, ImageDigests, Sha256Digest};
use custody_core::extent::Extent;
use custody_core::port::{ChunkRun, HashOptions, ImageHash, ImageHasher, WholeImage};
use custody_core::{Error, Result};
use sha2::{Digest as _, Sha256};

/// Digests images one after the other on the caller's thread: the readable second implementation, which
/// a fast one must agree with. It knows no side digests.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SerialHasher;

impl SerialHasher {
    /// A hasher.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl fmt::Display for SerialHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("serial hasher")
    }
}

impl ImageHasher for SerialHasher {
    fn start(&self, length: u64, options: HashOptions) -> Result<Box<dyn ImageHash>> {
        if let Some(name) = options.side.first() {
            return Err(Error::Unsupported {
                operation: "side digest",
                provider: format!("{self} ({name})"),
            });
        }
        if options.data_length.is_some_and(|data| data > length) {
            return Err(Error::misuse(format!(
                "{self}: disk data longer than the image of {length} bytes"
            )));
        }
        Ok(Box::new(SerialHash {
            length,
            next: 0,
            whole: (options.whole == WholeImage::Digest).then(Sha256::new),
            data: options.data_length.map(|length| (length, Sha256::new())),
            chunk: Chunk::default(),
            chunks: Vec::new(),
            runs: Vec::new(),
        }))
    }
}

/// An image on its way through a [`SerialHasher`].
struct SerialHash {
    length: u64,
    next: u64,
    whole: Option<Sha256>,
    /// How many bytes are the disk's, and their digest so far.
    data: Option<(u64, Sha256)>,
    chunk: Chunk,
    /// All chunk digests so far.
    chunks: Vec<Sha256Digest>,
    /// Runs that nobody was given yet.
    runs: Vec<ChunkRun>,
}

/// The chunk that is being filled.
#[derive(Default)]
struct Chunk {
    hash: Sha256,
    filled: u64,
    /// How many of its bytes were told as zero, unread by anyone.
    told_zero: u64,
}

impl fmt::Debug for SerialHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialHash({} of {} bytes)", self.next, self.length)
    }
}

impl SerialHash {
    fn update(&mut self, mut bytes: &[u8], told_zero: bool) {
        while !bytes.is_empty() {
            let room = usize::try_from(CHUNK_BYTES - self.chunk.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            if let Some(whole) = &mut self.whole {
                whole.update(now);
            }
            if let Some((length, data)) = &mut self.data {
                let wanted = usize::try_from(length.saturating_sub(self.next)).unwrap_or(usize::MAX);
                data.update(now.get(..wanted).unwrap_or(now));
            }
            self.chunk.hash.update(now);
            self.chunk.filled += now.len() as u64;
            self.chunk.told_zero += if told_zero { now.len() as u64 } else { 0 };
            self.next += now.len() as u64;
            if self.chunk.filled == CHUNK_BYTES {
                self.end_chunk();
            }
            bytes = later;
        }
    }

    fn end_chunk(&mut self) {
        let chunk = std::mem::take(&mut self.chunk);
        let digest = Sha256Digest::from_bytes(chunk.hash.finalize().into());
        self.chunks.push(digest);
        let zero = chunk.told_zero == CHUNK_BYTES;
        match (self.runs.last_mut(), zero) {
            (Some(ChunkRun::Zero { chunks }), true) => *chunks += 1,
            (_, true) => self.runs.push(ChunkRun::Zero { chunks: 1 }),
            (Some(ChunkRun::Data(digests)), false) => digests.push(digest),
            (_, false) => self.runs.push(ChunkRun::Data(vec![digest])),
        }
    }
}

/// RFC 9162 section 2.1.1, word for word: the root over the chunk digests.
#[must_use]
pub fn merkle_root(chunks: &[Sha256Digest]) -> Sha256Digest {
    match chunks {
        [] => Sha256Digest::of(&[]),
        [one] => Sha256Digest::of_parts(&[&[0], one.as_bytes()]),
        many => {
            // The largest power of two below the number of leaves.
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            Sha256Digest::of_parts(&[&[1], merkle_root(left).as_bytes(), merkle_root(right).as_bytes()])
        }
    }
}

#[async_trait]
impl ImageHash for SerialHash {
    async fn push(&mut self, extent: Extent) -> Result<Vec<ChunkRun>> {
        let range = extent.range();
        if range.start() != self.next || range.end() > self.length {
            return Err(Error::misuse(format!(
                "{range} was pushed where byte {} of {} was due",
                self.next, self.length
            )));
        }
        let told_zero = matches!(extent, Extent::Zero { .. });
        match extent {
            Extent::Data { bytes, .. } => self.update(&bytes, false),
            Extent::Zero { .. } | Extent::Unread { .. } => {
                let zeros = [0; 65536];
                for piece in range.pieces(zeros.len() as u64) {
                    let length = usize::try_from(piece.length()).unwrap_or(zeros.len());
                    self.update(zeros.get(..length).unwrap_or(&zeros), told_zero);
                }
            }
        }
        Ok(std::mem::take(&mut self.runs))
    }

    async fn finish(mut self: Box<Self>) -> Result<(Vec<ChunkRun>, ImageDigests)> {
        if self.next != self.length {
            return Err(Error::misuse(format!(
                "{} of {} bytes were pushed",
                self.next, self.length
            )));
        }
        if self.chunk.filled > 0 {
            self.end_chunk();
        }
        let this = *self;
        let mut digests = ImageDigests::new(this.length, this.chunks.len() as u64, merkle_root(&this.chunks));
        if let Some(whole) = this.whole {
            digests = digests.with_stored_file(Sha256Digest::from_bytes(whole.finalize().into()));
        }
        if let Some((_, data)) = this.data {
            digests = digests.with_disk_data(Sha256Digest::from_bytes(data.finalize().into()));
        }
        Ok((this.runs, digests))
    }
}
