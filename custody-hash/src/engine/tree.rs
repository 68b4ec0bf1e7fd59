//! The chunk tree alone, as fast as all cores together can read and hash.

use std::{io, num::NonZeroU64, thread};

use super::Engine;
use crate::{
    ChunkRun, DEFAULT_CHUNK_BYTES, Error, ImageAt, ImageDigests, ImageLayout, Result, chunk_run::ChunkTally,
    zeros::zero_chunk_digest,
};

mod crew;
mod plan;
mod slots;

use crew::Crew;
use plan::Plan;

impl Engine {
    /// Hashes the chunks of an image, and makes their tree, on as many threads as the engine has; no digest of the
    /// whole.
    ///
    /// Each thread reads slices of sixteen chunks at once and hashes them together, so nothing waits for a reader, and
    /// memory depends on nothing but the number of threads: 1.1 MiB for each. Holes are not read, and of chunks that
    /// were read and are zero only the zeros are looked at. An image of 16 TiB with a gigabyte of data takes as long as
    /// the gigabyte.
    ///
    /// Chunk digests are handed on in stream order, on the calling thread; an error from `deposit` stops the pass, and
    /// so does a panic. This is also where a caller sees how far it has come: sixteen chunks with data come at a time.
    ///
    /// It loses against [`hash_image`](Self::hash_image) if a whole digest is needed too, and on a disk with moving
    /// heads, where reading at sixteen places at once costs more than hashing: give the engine one thread, or use
    /// `hash_image` with [`WholeDigests::Omit`](crate::WholeDigests::Omit), which reads in order.
    ///
    /// # Errors
    /// [`Error::Read`] with the position at which reading failed, also where the image is shorter than declared;
    /// [`Error::Deposit`] with what `deposit` said; [`Error::TooLong`]; [`Error::Thread`].
    ///
    /// # Examples
    /// ```
    /// use custody_hash::{ChunkRun, Engine, EngineOptions, chunk_list};
    ///
    /// let disk = vec![7_u8; 9 << 20];
    /// let engine = Engine::new(EngineOptions::default())?;
    /// let mut list = Vec::new();
    /// let tree = engine.hash_tree(&disk, 9 << 20, |run: ChunkRun| chunk_list::write_run(&run, &mut list))?;
    /// assert_eq!((tree.chunks, tree.stored_file), (3, None));
    /// # Ok::<(), custody_hash::Error>(())
    /// ```
    pub fn hash_tree(
        &self,
        image: &impl ImageAt,
        length_bytes: u64,
        deposit: impl FnMut(ChunkRun) -> io::Result<()>,
    ) -> Result<ImageDigests> {
        self.hash_tree_of(image, length_bytes, DEFAULT_CHUNK_BYTES, deposit)
    }

    pub(crate) fn hash_tree_of(
        &self,
        image: &impl ImageAt,
        length_bytes: u64,
        chunk_bytes: NonZeroU64,
        mut deposit: impl FnMut(ChunkRun) -> io::Result<()>,
    ) -> Result<ImageDigests> {
        ImageLayout::new(length_bytes).check()?;
        let mut tally = ChunkTally::new(zero_chunk_digest(chunk_bytes.get()));
        let crew = Crew::new(image, Plan::new(length_bytes, chunk_bytes), self.threads().get());
        thread::scope(|scope| {
            // Whatever ends this, also a panic of `deposit`: the workers must end too.
            let _stopping = crew.stopping();
            for number in 0..self.threads().get() {
                let name = format!("custody-hash-tree-{number}");
                let worker = thread::Builder::new().name(name.clone());
                let spawned = worker.spawn_scoped(scope, || crew.work());
                spawned.map_err(|source| Error::Thread { name, source })?;
            }
            while let Some(runs) = crew.next_runs()? {
                for run in runs {
                    match &run {
                        ChunkRun::Data(digests) => {
                            digests.iter().for_each(|digest| tally.push_digest(*digest));
                        }
                        ChunkRun::Zero { chunks } => tally.push_zeros(*chunks),
                    }
                    drop(tally.take_runs());
                    deposit(run).map_err(|source| Error::Deposit { source })?;
                }
            }
            Ok(())
        })?;
        let tree = tally.tree()?;
        Ok(ImageDigests {
            stored_file_bytes: length_bytes,
            stored_file: None,
            disk_data: None,
            chunks: tree.len(),
            root: tree.root(),
            side: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
