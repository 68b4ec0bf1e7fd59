//! A pass over anything that reads.

use std::io::{self, Read};

use super::{
    Engine,
    buffers::{BUFFER_BYTES, Buffers},
};
use crate::{ChunkRun, Error, ImageDigests, ImageHash, ImageLayout, ImageOptions, Result};

impl Engine {
    /// Reads a stream to its end on the calling thread and hashes it, handing on chunk digests as they become final.
    ///
    /// Reads 1 MiB at a time, in buffers that are used again: as many bytes as
    /// [`ImageOptions::with_in_flight_bytes`] allows (at least 1 MiB), and 1 MiB more. Knows nothing of holes: a
    /// sparse file is read, and hashed, as the zeros that it shows.
    ///
    /// # Errors
    /// [`Error::Read`] with the position at which reading failed, [`Error::Deposit`] with what `deposit` said, and
    /// those of [`start`](Engine::start), [`ImageHash::push`] and [`ImageHash::finish`].
    ///
    /// # Examples
    /// ```
    /// use custody_hash::{ChunkRun, Engine, EngineOptions, ImageLayout, ImageOptions, chunk_list};
    ///
    /// let engine = Engine::new(EngineOptions::default())?;
    /// let (file, mut list) = (b"abc".as_slice(), Vec::new());
    /// let deposit = |run: ChunkRun| chunk_list::write_run(&run, &mut list);
    /// let digests = engine.hash_reader(file, ImageLayout::new(3), ImageOptions::default(), deposit)?;
    /// assert_eq!(list, b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n");
    /// assert_eq!(digests.chunks, 1);
    /// # Ok::<(), custody_hash::Error>(())
    /// ```
    pub fn hash_reader(
        &self,
        mut reader: impl Read,
        layout: ImageLayout,
        options: ImageOptions,
        mut deposit: impl FnMut(ChunkRun) -> io::Result<()>,
    ) -> Result<ImageDigests> {
        let mut deposit_all = |runs: Vec<ChunkRun>| {
            let mut runs = runs.into_iter();
            runs.try_for_each(&mut deposit)
                .map_err(|source| Error::Deposit { source })
        };
        let mut image = self.start(layout, options)?;
        let (mut buffers, mut at_bytes) = (Buffers::new(image.in_flight_bytes()), 0);
        loop {
            let mut buffer = buffers.take(BUFFER_BYTES);
            let filled = fill(&mut reader, &mut buffer, at_bytes)?;
            if filled == 0 {
                break;
            }
            at_bytes += filled as u64;
            let piece = buffers.lend(buffer, filled);
            deposit_all(image.push_blocking(piece)?)?;
        }
        let (runs, digests) = ImageHash::finish_blocking(image)?;
        deposit_all(runs)?;
        Ok(digests)
    }
}

/// Reads until the buffer is full or the stream ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8], at_bytes: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(buffer.split_at_mut(filled).1) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(Error::Read {
                    at_bytes: at_bytes + filled as u64,
                    source,
                });
            }
        }
    }
    Ok(filled)
}
