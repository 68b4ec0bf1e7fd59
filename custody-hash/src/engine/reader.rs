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
    /// sparse file is read, and hashed, as the zeros that it shows. `deposit` is called as chunks become final; an
    /// error from it stops the pass. A read that waits can be stopped by nobody but the reader.
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
        let room = buffer.split_at_mut(filled).1;
        let at_most = room.len();
        match reader.read(room) {
            Ok(0) => break,
            Ok(more) if more > at_most => {
                return Err(Error::Read {
                    at_bytes: at_bytes + filled as u64,
                    source: io::Error::other(format!(
                        "the reader says that it read {more} bytes into room for {at_most}"
                    )),
                });
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Progress, samples::engine};

    #[test]
    fn a_reader_that_says_more_than_it_was_given_room_for_is_an_error() {
        struct Boaster(usize);
        impl Read for Boaster {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                Ok(if self.0 < 3 { 1000 } else { buffer.len() + 1 })
            }
        }
        let layout = ImageLayout::of_unknown_length();
        let refused = engine(1).hash_reader(Boaster(0), layout, ImageOptions::default(), |_| Ok(()));
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::Read { at_bytes: 2000, .. }), "{refused}");
    }

    #[test]
    fn who_watches_a_pass_over_a_reader_sees_how_far_it_is() {
        struct Watched<'a>(&'a Progress, u64);
        impl Read for Watched<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(self.0.accepted_bytes() <= self.1, "no more than was read");
                assert!(
                    self.1 - self.0.accepted_bytes() <= BUFFER_BYTES as u64,
                    "and soon"
                );
                let now = usize::try_from((10 << 20) - self.1).unwrap().min(buffer.len());
                self.1 += now as u64;
                Ok(now)
            }
        }
        let progress = Progress::new();
        assert_eq!((progress.hashed_bytes(), progress.accepted_bytes()), (0, 0));
        let options = ImageOptions::default().with_progress(progress.clone());
        let layout = ImageLayout::new(10 << 20);
        engine(1)
            .hash_reader(Watched(&progress, 0), layout, options, |_| Ok(()))
            .unwrap();
        assert_eq!(progress.hashed_bytes(), 10 << 20);
        assert_eq!(progress.stored_file_bytes(), Some(10 << 20));
    }
}
