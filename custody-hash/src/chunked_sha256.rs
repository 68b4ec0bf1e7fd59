//! The serial front: every digest of an image on the caller's own thread, behind the `digest` traits.

use std::num::NonZeroU64;

use digest::{
    FixedOutput, FixedOutputReset, HashMarker, Output, OutputSizeUser, Reset, Update,
    block_api::BlockSizeUser,
    typenum::{U32, U64},
};

use crate::{
    ChunkRun, DEFAULT_CHUNK_BYTES, ImageDigests, ImageLayout, Piece, Result, SavedPass, ZERO_CHUNK_DIGEST,
    image_pass::ImagePass,
};

/// SHA-256 of a stream, together with the SHA-256 of each of its 4 MiB chunks and their Merkle root.
///
/// It is a [`digest::Digest`] whose output is the plain SHA-256 of all it was given, so it fits wherever a hasher of
/// the RustCrypto family does; [`finish`](Self::finish) yields the rest as well. It uses no thread but the caller's,
/// and with SHA extensions it takes no longer than SHA-256 alone: both digests share one message schedule. On other
/// processors it hashes everything twice. An [`Engine`](crate::Engine) reads ahead meanwhile, does two images at once on
/// each core, and gives the same values.
///
/// Chunk digests are kept, 32 bytes each, until [`take_runs`](Self::take_runs) or `finish` hands them out.
///
/// # Examples
/// ```
/// use custody_hash::ChunkedSha256;
/// use digest::Digest;
///
/// fn feed(hasher: &mut impl Digest) {
///     hasher.update(b"abc");
/// }
///
/// let mut hasher = ChunkedSha256::new();
/// feed(&mut hasher);
/// let plain = hasher.clone().finalize();
/// let (chunks, digests) = hasher.finish()?;
/// assert_eq!(digests.stored_file.as_ref(), Some(plain.as_ref()));
/// assert_eq!(chunks.len(), 1);
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChunkedSha256 {
    layout: ImageLayout,
    received_bytes: u64,
    pass: ImagePass,
}

impl ChunkedSha256 {
    /// Starts an image of a declared shape. [`Default`] starts one of unknown length.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong) and [`Error::DataBeyondImage`](crate::Error::DataBeyondImage) if the
    /// declaration makes no sense.
    pub fn with_layout(layout: ImageLayout) -> Result<Self> {
        layout.check()?;
        Ok(Self::of(layout, DEFAULT_CHUNK_BYTES, ZERO_CHUNK_DIGEST))
    }

    /// Hashes the next piece, which need not exist in memory: this is how holes go in.
    ///
    /// Chunks that are made of zero pieces only become [`ChunkRun::Zero`] and cost the tree next to nothing; the whole
    /// digest has to go through every zero.
    ///
    /// # Errors
    /// [`Error::GoesOn`](crate::Error::GoesOn) if the piece goes beyond the declared length; nothing of it is hashed.
    pub fn push(&mut self, piece: &Piece) -> Result<()> {
        self.received_bytes = self.layout.advance(self.received_bytes, piece.length_bytes())?;
        self.pass.push(piece);
        Ok(())
    }

    /// Hands out the chunk digests that became final since the last call, in stream order.
    pub fn take_runs(&mut self) -> Vec<ChunkRun> {
        self.pass.tally.take_runs()
    }

    /// A state from which [`resume`](Self::resume) goes on. It does not hold the chunk digests that were not taken
    /// yet: [`take_runs`](Self::take_runs) first.
    #[must_use]
    pub fn save(&self) -> SavedPass {
        let mut pass = self.pass.clone();
        drop(pass.tally.take_runs());
        SavedPass::new(self.layout, pass)
    }

    /// Goes on from a saved state.
    #[must_use]
    pub fn resume(saved: &SavedPass) -> Self {
        Self {
            layout: saved.layout(),
            received_bytes: saved.position_bytes(),
            pass: saved.pass().clone(),
        }
    }

    /// Ends the image: the chunk digests that were not taken yet, and all other digests.
    ///
    /// # Errors
    /// [`Error::EndedEarly`](crate::Error::EndedEarly) or [`Error::GoesOn`](crate::Error::GoesOn) if the stream was
    /// not as long as declared; [`Error::DataBeyondImage`](crate::Error::DataBeyondImage) if a stream of undeclared
    /// length ended within the disk data.
    pub fn finish(self) -> Result<(Vec<ChunkRun>, ImageDigests)> {
        self.layout.check_end(self.received_bytes)?;
        let (whole, mut tally) = self.pass.end();
        let tree = tally.tree()?;
        let digests = ImageDigests {
            stored_file_bytes: self.received_bytes,
            stored_file: Some(whole.stored_file),
            disk_data: whole.disk_data,
            chunks: tree.len(),
            root: tree.root(),
            side: Vec::new(),
        };
        Ok((tally.take_runs(), digests))
    }

    pub(crate) fn of(layout: ImageLayout, chunk_bytes: NonZeroU64, zero_chunk_digest: [u8; 32]) -> Self {
        Self {
            layout,
            received_bytes: 0,
            pass: ImagePass::of(layout.disk_data_bytes(), chunk_bytes, zero_chunk_digest),
        }
    }

    /// The same before its first byte.
    fn fresh(&self) -> Self {
        Self::of(
            self.layout,
            self.pass.cutter.chunk_bytes(),
            self.pass.tally.zero_chunk_digest(),
        )
    }
}

impl Default for ChunkedSha256 {
    fn default() -> Self {
        Self::of(
            ImageLayout::of_unknown_length(),
            DEFAULT_CHUNK_BYTES,
            ZERO_CHUNK_DIGEST,
        )
    }
}

impl Update for ChunkedSha256 {
    /// Hashes bytes. More of them than were declared cannot be refused here: [`finish`](ChunkedSha256::finish) does.
    fn update(&mut self, data: &[u8]) {
        self.received_bytes = self.received_bytes.saturating_add(data.len() as u64);
        self.pass.update(data);
    }
}

impl OutputSizeUser for ChunkedSha256 {
    type OutputSize = U32;
}

impl BlockSizeUser for ChunkedSha256 {
    type BlockSize = U64;
}

impl HashMarker for ChunkedSha256 {}

impl FixedOutput for ChunkedSha256 {
    /// The SHA-256 of all bytes so far, whatever length was declared.
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.pass.whole.finish().stored_file);
    }
}

impl FixedOutputReset for ChunkedSha256 {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        let fresh = self.fresh();
        FixedOutput::finalize_into(std::mem::replace(self, fresh), out);
    }
}

impl Reset for ChunkedSha256 {
    /// Starts over, with the same declared shape.
    fn reset(&mut self) {
        *self = self.fresh();
    }
}

#[cfg(test)]
mod tests;
