//! A pass over an image that can be read at any place.

use std::io;

use super::{
    Engine,
    buffers::{BUFFER_BYTES, Buffers},
    read_ahead::ReadAhead,
};
use crate::{
    ChunkRun, Error, ImageAt, ImageDigests, ImageLayout, ImageOptions, Piece, Result, first_zeros,
    image_at::next_data,
};

/// What is gone through of a hole before anybody is told, and can stop it: a fraction of a second's worth.
const HOLE_SLICE_BYTES: u64 = 256 << 20;

impl Engine {
    /// Reads an image on the calling thread, its holes aside, and hashes it, handing on chunk digests as they become
    /// final.
    ///
    /// As [`hash_reader`](Self::hash_reader) with the same bound of memory, however many extents there are, but that
    /// holes are not read: their chunks come as [`ChunkRun::Zero`], and the whole digest goes through their zeros at the
    /// speed of one stream, or of four together where four images are in holes at the same time. For chunk digests alone
    /// [`hash_tree`](Self::hash_tree) is faster.
    ///
    /// `deposit` is called as chunks become final, on the calling thread: after some MiB of data at most, and after some
    /// 256 MiB of a hole. An error from it stops the pass. [`ImageOptions::with_progress`] shows others how far it is.
    ///
    /// # Errors
    /// [`Error::Read`] with the position at which reading failed, also where the image is shorter than the layout
    /// declares or its map contradicts itself; [`Error::Deposit`] with what `deposit` said; [`Error::LengthUnknown`] if
    /// the layout declares no length; and those of [`start`](Self::start).
    ///
    /// # Examples
    /// ```
    /// use custody_hash::{ChunkRun, Engine, EngineOptions, ImageLayout, ImageOptions, MappedImage};
    ///
    /// let mut disk = vec![0; 12 << 20];
    /// disk[5 << 20] = 1;
    /// let image = MappedImage::new(disk, vec![5 << 20..6 << 20]);
    /// let engine = Engine::new(EngineOptions::default())?;
    /// let mut runs = Vec::new();
    /// let layout = ImageLayout::new(12 << 20);
    /// engine.hash_image(&image, layout, ImageOptions::default(), |run| Ok(runs.push(run)))?;
    /// assert_eq!(runs.iter().map(ChunkRun::chunks).sum::<u64>(), 3);
    /// assert_eq!(runs[0], ChunkRun::Zero { chunks: 1 });
    /// # Ok::<(), custody_hash::Error>(())
    /// ```
    pub fn hash_image(
        &self,
        image: &impl ImageAt,
        layout: ImageLayout,
        options: ImageOptions,
        mut deposit: impl FnMut(ChunkRun) -> io::Result<()>,
    ) -> Result<ImageDigests> {
        let length_bytes = layout.stored_file_bytes().ok_or(Error::LengthUnknown)?;
        let mut deposit_all = |runs: Vec<ChunkRun>| {
            let mut runs = runs.into_iter();
            runs.try_for_each(&mut deposit)
                .map_err(|source| Error::Deposit { source })
        };
        let in_slices = options.goes_through_holes();
        let mut hash = self.start(layout, options)?;
        let (mut buffers, mut at_bytes) = (Buffers::new(hash.in_flight_bytes()), 0);
        let mut ahead = ReadAhead::of(image);
        while at_bytes < length_bytes {
            let data = next_data(image, at_bytes).map_err(|source| Error::Read { at_bytes, source })?;
            let data = data.unwrap_or(length_bytes..length_bytes);
            let start_bytes = data.start.clamp(at_bytes, length_bytes);
            while at_bytes < start_bytes {
                let mut now_bytes = start_bytes - at_bytes;
                if in_slices {
                    now_bytes = slice_of_hole(at_bytes, now_bytes, layout);
                }
                let hole = Piece::Zero {
                    length_bytes: now_bytes,
                };
                deposit_all(hash.push_blocking(hole)?)?;
                at_bytes += now_bytes;
            }
            let end_bytes = data.end.clamp(at_bytes, length_bytes);
            while at_bytes < end_bytes {
                // Up to the next multiple of the buffer, so that chunks end where reads do.
                let to_boundary = BUFFER_BYTES as u64 - at_bytes % BUFFER_BYTES as u64;
                let now = usize::try_from(to_boundary.min(end_bytes - at_bytes)).unwrap_or(BUFFER_BYTES);
                let mut buffer = buffers.take(now);
                ahead.before(at_bytes, end_bytes);
                let read = image.read_exact_at(buffer.split_at_mut(now).0, at_bytes);
                read.map_err(|source| Error::Read { at_bytes, source })?;
                at_bytes += now as u64;
                deposit_all(hash.push_blocking(buffers.lend(buffer, now))?)?;
            }
        }
        let (runs, digests) = hash.finish_blocking()?;
        deposit_all(runs)?;
        Ok(digests)
    }
}

/// How much of a hole that begins here, and of which so much is left, is pushed next.
fn slice_of_hole(at_bytes: u64, left_bytes: u64, layout: ImageLayout) -> u64 {
    if at_bytes == 0 {
        // What a table knows takes no time, and has to come in one piece.
        let disk_data_bytes = layout.disk_data_bytes().unwrap_or(u64::MAX);
        let known_bytes = first_zeros::known_bytes(left_bytes.min(disk_data_bytes));
        if known_bytes > 0 {
            return known_bytes;
        }
    }
    // Up to the next multiple, so that chunks end where slices do.
    left_bytes.min(HOLE_SLICE_BYTES - at_bytes % HOLE_SLICE_BYTES)
}

#[cfg(test)]
mod tests;
