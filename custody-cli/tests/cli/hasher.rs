//! The hasher that the program captures with keeps every clause of its port.

use std::num::NonZeroUsize;
use std::sync::Arc;

use custody_hash::port::EngineHasher;
use custody_hash::{Engine, EngineOptions, ImageOptions};
use custody_testkit::conformance::image_hasher::HasherHarness;

/// What is in flight of an image unless told otherwise, and the piece that is being let go of.
const HELD_BYTES: u64 = ImageOptions::DEFAULT_IN_FLIGHT_BYTES + (1 << 20);

fn of_threads(threads: usize) -> HasherHarness {
    let options = EngineOptions::default().with_threads(NonZeroUsize::new(threads).unwrap());
    let hasher = EngineHasher::new(Engine::new(options).unwrap());
    HasherHarness::new(Arc::new(hasher))
        .with_side(&["md5", "sha1"])
        .holding_at_most(HELD_BYTES)
}

mod one_thread {
    custody_testkit::image_hasher_conformance!(|| super::of_threads(1));
}

mod three_threads {
    custody_testkit::image_hasher_conformance!(|| super::of_threads(3));
}
