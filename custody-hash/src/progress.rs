//! How far an image has come, in plain numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A live view of one image under way. Clone it, keep it, ask it from any thread and at any time, also while a push or
/// a finish is waiting; asking costs a few loads.
#[derive(Debug, Clone)]
pub struct Progress {
    stored_file_bytes: Option<u64>,
    accepted: Arc<Meter>,
    lanes: Arc<[Arc<Meter>]>,
}

/// A number of bytes that only grows.
#[derive(Debug, Default)]
pub(crate) struct Meter(AtomicU64);

impl Progress {
    pub(crate) fn new(
        stored_file_bytes: Option<u64>,
        accepted: Arc<Meter>,
        lanes: Arc<[Arc<Meter>]>,
    ) -> Self {
        Self {
            stored_file_bytes,
            accepted,
            lanes,
        }
    }

    /// Bytes that every digest has taken in: where the slowest of them is. Never decreases.
    #[must_use]
    pub fn hashed_bytes(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.bytes()).min().unwrap_or(0)
    }

    /// Bytes that were pushed and accepted.
    #[must_use]
    pub fn accepted_bytes(&self) -> u64 {
        self.accepted.bytes()
    }

    /// The declared length of the stored file, if one was declared.
    #[must_use]
    pub fn stored_file_bytes(&self) -> Option<u64> {
        self.stored_file_bytes
    }
}

impl Meter {
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
