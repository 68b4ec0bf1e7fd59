use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Port;
use crate::digest::{ImageDigests, Sha256Digest};
use crate::error::Result;
use crate::extent::Extent;

/// Chunk digests that became final, in the order of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a chunk is of zeros, or it has a digest of its own"
)]
pub enum ChunkRun {
    /// The digests of consecutive chunks.
    Data(Vec<Sha256Digest>),
    /// Consecutive whole chunks of zeros.
    Zero {
        /// How many.
        chunks: u64,
    },
}

/// Whether the digests of the whole stream are computed, or those of the chunks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum WholeImage {
    /// Both: bound by one core, because SHA-256 of one stream is sequential.
    #[default]
    Digest,
    /// Chunk digests and root only: all cores work.
    Omit,
}

/// What to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashOptions {
    /// Whether the whole stream is digested.
    pub whole: WholeImage,
    /// Digest the first so many bytes apart, as the disk's data.
    pub data_length: Option<u64>,
    /// Digests for older tools, by lower-case name: `md5`, `sha1`.
    pub side: Vec<String>,
}

impl HashOptions {
    /// Sets whether the whole stream is digested.
    #[must_use]
    pub fn with_whole(mut self, whole: WholeImage) -> Self {
        self.whole = whole;
        self
    }

    /// Digests the first so many bytes apart.
    #[must_use]
    pub fn with_data_length(mut self, bytes: Option<u64>) -> Self {
        self.data_length = bytes;
        self
    }

    /// Adds digests for older tools.
    #[must_use]
    pub fn with_side(mut self, names: Vec<String>) -> Self {
        self.side = names;
        self
    }
}

/// Digests images: one engine, many images at once.
///
/// Its threads are its own; its futures only wait for room, so that any executor drives them.
///
/// # Clauses
/// * `IH-01` the digest of the stored file is SHA-256 of its bytes, zeros and unread ranges counted as zeros.
/// * `IH-02` chunk digests are SHA-256 of consecutive 4 MiB of the file, the last chunk as short as it is; an empty
///   file has none. Runs come in order, each chunk once, all of them by `finish`.
/// * `IH-03` the root is the RFC 9162 Merkle root over the chunk digests.
/// * `IH-04` the disk-data digest is SHA-256 of the first `data_length` bytes.
/// * `IH-05` how a stream is cut into extents changes no digest.
/// * `IH-06` extents must arrive in order and cover the declared length exactly: otherwise [`crate::Error::Misuse`].
/// * `IH-07` memory stays bounded however long the image and however slow the digests: `push` waits.
/// * `IH-08` many images at once give what each gives alone.
/// * `IH-09` an unknown side digest is [`crate::Error::Unsupported`] at `start`.
pub trait ImageHasher: Port {
    /// Begins an image of `length` bytes.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] for a side digest that this engine does not have; [`crate::Error::Misuse`] when
    /// `data_length` exceeds `length`.
    fn start(&self, length: u64, options: HashOptions) -> Result<Box<dyn ImageHash>>;
}

/// An image being digested. See the clauses of [`ImageHasher`].
#[async_trait]
pub trait ImageHash: std::fmt::Debug + Send {
    /// Takes the next extent; gives the chunk digests that are final by now, which may be none.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] out of order or over the length.
    ///
    /// # Cancel safety
    /// After dropping the future the hash may only be dropped.
    async fn push(&mut self, extent: Extent) -> Result<Vec<ChunkRun>>;

    /// Waits for all digests; gives the remaining chunk digests and the whole.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] when bytes are missing.
    ///
    /// # Cancel safety
    /// Dropping the future discards the image.
    async fn finish(self: Box<Self>) -> Result<(Vec<ChunkRun>, ImageDigests)>;
}
