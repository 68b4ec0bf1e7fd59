//! Where a pass stands, to go on from after a restart.

use std::fmt;

use crate::{
    CHUNK_BYTES, DEFAULT_CHUNK_BYTES, Error, ImageLayout, Result, ZERO_CHUNK_DIGEST, backend::State,
    image_pass::ImagePass, merkle::MerkleFrontier, sha256::Sha256,
};

const MAGIC: &[u8; 8] = b"custhsh1";
const CHECKSUM_BYTES: usize = 32;

/// The state of a pass over an image in the middle of it: a few hundred bytes that stand for all that was hashed.
///
/// Made by [`ImageHash::save`](crate::ImageHash::save) and [`ChunkedSha256::save`](crate::ChunkedSha256::save). It says
/// nothing of chunk digests that were handed out; whoever saves keeps those too, and goes on reading at
/// [`position_bytes`](Self::position_bytes).
///
/// **What it proves**: nothing. It carries a checksum against accidents, not against people: whoever can change a
/// saved state can make it that of another image. Keep it where the digests themselves are kept.
///
/// # Examples
/// ```
/// use custody_hash::{ChunkedSha256, SavedPass};
/// use digest::Digest;
///
/// let mut first = ChunkedSha256::new();
/// first.update(b"ab");
/// let stored = first.save().to_bytes();
/// // … another process, another day …
/// let saved = SavedPass::from_bytes(&stored)?;
/// assert_eq!(saved.position_bytes(), 2);
/// let mut second = ChunkedSha256::resume(&saved);
/// second.update(b"c");
/// assert_eq!(second.finalize()[..], custody_hash::digest(b"abc"));
/// # Ok::<(), custody_hash::Error>(())
/// ```
#[derive(Clone)]
pub struct SavedPass {
    layout: ImageLayout,
    pass: ImagePass,
}

impl SavedPass {
    pub(crate) fn new(layout: ImageLayout, pass: ImagePass) -> Self {
        Self { layout, pass }
    }

    pub(crate) fn pass(&self) -> &ImagePass {
        &self.pass
    }

    /// How many bytes of the image were hashed: where to go on reading.
    #[must_use]
    pub fn position_bytes(&self) -> u64 {
        self.pass.whole.sha.length_bytes()
    }

    /// The declared shape of the image.
    #[must_use]
    pub fn layout(&self) -> ImageLayout {
        self.layout
    }

    /// As bytes to store. Their form is this version's; a later one reads it or refuses it by name.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let ImagePass {
            whole,
            cutter,
            chunk,
            tally,
        } = &self.pass;
        let mut bytes = MAGIC.to_vec();
        let mut optional = |number: Option<u64>| {
            bytes.push(u8::from(number.is_some()));
            bytes.extend(number.unwrap_or(0).to_le_bytes());
        };
        optional(self.layout.stored_file_bytes());
        optional(self.layout.disk_data_bytes());
        bytes.extend(self.position_bytes().to_le_bytes());
        push_state(&mut bytes, whole.sha.state());
        bytes.extend(whole.sha.tail());
        bytes.push(u8::from(cutter.is_open()));
        push_state(&mut bytes, chunk.state());
        bytes.push(u8::from(whole.final_disk_data().is_some()));
        bytes.extend(whole.final_disk_data().unwrap_or_default());
        tally.peaks().iter().for_each(|peak| bytes.extend(peak));
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    /// [`Error::SavedState`] if it is of another version, is cut short, or its checksum does not hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fault = |fault| Error::SavedState { fault };
        let content = bytes
            .len()
            .checked_sub(CHECKSUM_BYTES)
            .ok_or(fault("is cut short"))?;
        let (content, checksum) = bytes.split_at(content);
        if !content.starts_with(MAGIC) {
            return Err(fault("is not one, or one of another version"));
        }
        if Sha256::digest(content) != checksum {
            return Err(fault("was damaged: its checksum does not hold"));
        }
        let mut fields = Fields(content.split_at(MAGIC.len()).1);
        fields.pass().ok_or(fault("contradicts itself"))
    }
}

impl fmt::Debug for SavedPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedPass")
            .field("layout", &self.layout)
            .field("position_bytes", &self.position_bytes())
            .finish_non_exhaustive()
    }
}

fn push_state(bytes: &mut Vec<u8>, state: &State) {
    state.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
}

/// The fields that are left to read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn pass(&mut self) -> Option<SavedPass> {
        let (stored_file_bytes, disk_data_bytes) = (self.optional()?, self.optional()?);
        let layout = stored_file_bytes.map_or(ImageLayout::of_unknown_length(), ImageLayout::new);
        let layout = disk_data_bytes.map_or(layout, |bytes| layout.with_disk_data_bytes(bytes));
        layout.check().ok()?;
        let position_bytes = self.number()?;
        layout.advance(0, position_bytes).ok()?;
        let in_chunk_bytes = position_bytes % CHUNK_BYTES;

        let whole_state = self.state()?;
        let tail = self.take(usize::try_from(position_bytes % 64).ok()?)?.to_vec();
        let whole = Sha256::resumed(whole_state, position_bytes, &tail);
        let is_open = self.flag()?;
        let chunk_state = self.state()?;
        let chunk = if is_open {
            Sha256::resumed(chunk_state, in_chunk_bytes, &tail)
        } else {
            Sha256::default()
        };
        let is_final = self.flag()?;
        let disk_data: [u8; 32] = self.take(32)?.try_into().ok()?;
        let leaves = position_bytes / CHUNK_BYTES;
        let peaks = (0..leaves.count_ones()).map(|_| self.take(32)?.try_into().ok());
        let peaks = peaks.collect::<Option<Vec<[u8; 32]>>>()?;
        let boundary_is_behind = disk_data_bytes.is_some_and(|bytes| bytes <= position_bytes);
        if !self.0.is_empty() || is_open && in_chunk_bytes == 0 || is_final != boundary_is_behind {
            return None;
        }
        let mut pass = ImagePass::of(disk_data_bytes, DEFAULT_CHUNK_BYTES, ZERO_CHUNK_DIGEST);
        pass.whole.resume(whole, is_final.then_some(disk_data));
        pass.cutter.resume(in_chunk_bytes, is_open);
        pass.chunk = chunk;
        pass.tally.resume(MerkleFrontier::resumed(leaves, peaks));
        Some(SavedPass { layout, pass })
    }

    fn take(&mut self, bytes: usize) -> Option<&[u8]> {
        let (field, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(field)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let (flag, number) = (self.flag()?, self.number()?);
        Some(flag.then_some(number))
    }

    fn state(&mut self) -> Option<State> {
        let mut state = State::default();
        for (word, bytes) in state.iter_mut().zip(self.take(32)?.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests;
