//! The clauses of [`ImageHasher`].

mod conduct;
mod digests;
mod images;
mod stream;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use custody_core::digest::CHUNK_BYTES;
use custody_core::port::{HashOptions, ImageHasher};

use super::clause::{ClauseFailure, suite};
use stream::{Taken, cut, hash};

pub use conduct::{
    ih_05_how_a_stream_is_cut_changes_nothing, ih_06_extents_must_cover_the_length_in_order,
    ih_07_memory_stays_bounded, ih_08_many_images_at_once_are_as_each_alone,
    ih_09_an_unknown_side_digest_is_unsupported,
};
pub use digests::{
    ih_01_the_stored_file_is_digested, ih_02_each_chunk_is_digested_once_in_order,
    ih_03_the_root_is_over_the_chunk_digests, ih_04_the_disk_data_is_digested_apart,
};

const MIB: usize = 1024 * 1024;
const CHUNK: usize = 4 * MIB;
const _: () = assert!(CHUNK as u64 == CHUNK_BYTES);

/// How many bytes of an image an engine may hold unless its harness says otherwise.
const DEFAULT_HELD_BYTES: u64 = 64 * MIB as u64;

/// An engine that digests images.
pub struct HasherHarness {
    hasher: Arc<dyn ImageHasher>,
    side: Vec<String>,
    held: u64,
}

impl HasherHarness {
    /// This engine.
    #[must_use]
    pub fn new(hasher: Arc<dyn ImageHasher>) -> Self {
        Self {
            hasher,
            side: Vec::new(),
            held: DEFAULT_HELD_BYTES,
        }
    }

    /// The engine knows these digests for older tools, of `md5` and `sha1`.
    #[must_use]
    pub fn with_side(mut self, names: &[&str]) -> Self {
        self.side = names.iter().map(ToString::to_string).collect();
        self
    }

    /// The engine holds at most so many bytes of an image; 64 MiB by default.
    #[must_use]
    pub fn holding_at_most(mut self, bytes: u64) -> Self {
        self.held = bytes;
        self
    }

    async fn hash(
        &self,
        bytes: &Bytes,
        sizes: &[usize],
        options: HashOptions,
    ) -> Result<Taken, ClauseFailure> {
        hash(&*self.hasher, bytes.len() as u64, cut(bytes, sizes), options).await
    }
}

impl fmt::Debug for HasherHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HasherHarness({})", self.hasher)
    }
}

suite! { ($)
    /// Mounts the clauses of `ImageHasher` as tests, on a [`HasherHarness`](crate::conformance::image_hasher::HasherHarness).
    image_hasher_conformance, image_hasher, HasherHarness, [
        ih_01_the_stored_file_is_digested,
        ih_02_each_chunk_is_digested_once_in_order,
        ih_03_the_root_is_over_the_chunk_digests,
        ih_04_the_disk_data_is_digested_apart,
        ih_05_how_a_stream_is_cut_changes_nothing,
        ih_06_extents_must_cover_the_length_in_order,
        ih_07_memory_stays_bounded,
        ih_08_many_images_at_once_are_as_each_alone,
        ih_09_an_unknown_side_digest_is_unsupported,
    ]
}
