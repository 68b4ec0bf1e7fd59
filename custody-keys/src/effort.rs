use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// The work that a proof does to try a key, over all volumes of the disk, and how much of it is allowed.
///
/// A unit is what takes about as long whoever asks for it: an iteration of PBKDF2, a KiB that Argon2 passes over, a stripe
/// that is put together. Each key slot is within the limits of one slot; a header with many slots, or a disk with many
/// headers, multiplies those.
#[derive(Debug)]
pub(crate) struct Effort {
    limit: u64,
    spent: AtomicU64,
}

impl Effort {
    pub(crate) fn of(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            limit,
            spent: AtomicU64::new(0),
        })
    }

    /// Takes so many units before they are worked. Where that is more than is left nothing is taken, so that something
    /// cheaper may still be tried.
    ///
    /// # Errors
    /// [`Error::Exceeds`], with what the work would come to.
    pub(crate) fn spend(&self, units: u64) -> Result<()> {
        let within = |spent: u64| spent.checked_add(units).filter(|sum| *sum <= self.limit);
        self.spent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map(drop)
            .map_err(|spent| Error::Exceeds {
                what: "this key slot, with what was tried on the disk before",
                asked: spent.saturating_add(units),
                limit: self.limit,
                unit: "units of work (iterations of PBKDF2, KiB that Argon2 passes over)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_with_the_sum_and_leaves_room_for_less() {
        let effort = Effort::of(100);
        effort.spend(60).unwrap();
        let refused = effort.spend(41).unwrap_err().to_string();
        assert!(refused.contains("asks for 101 units"), "{refused}");
        assert!(refused.contains("at most 100 are allowed"), "{refused}");
        effort.spend(40).unwrap();
        effort.spend(u64::MAX).unwrap_err();
    }
}
