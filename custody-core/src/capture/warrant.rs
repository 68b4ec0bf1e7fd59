use super::item::Verified;
use crate::custody_log::{Checkpoint, PlannedItem};
use crate::ids::SnapshotName;

/// Proof that the seal's checkpoint lies at the anchor. Made only where that was seen.
#[derive(Debug)]
pub(crate) struct AnchoredSeal {
    checkpoint: Checkpoint,
}

impl AnchoredSeal {
    /// To be called with the checkpoint whose note the anchor just acknowledged, and nothing else.
    pub(super) const fn acknowledged(checkpoint: Checkpoint) -> Self {
        Self { checkpoint }
    }
}

/// A custodian's order to discard a disk snapshot that was never verified, logged with who and why.
#[derive(Debug)]
pub struct DiscardOrder {
    snapshot: SnapshotName,
    logged_at: u64,
}

impl DiscardOrder {
    /// To be called with the number of the durable `discard.ordered` line, and nothing else.
    pub(super) const fn logged(snapshot: SnapshotName, line: u64) -> Self {
        Self {
            snapshot,
            logged_at: line,
        }
    }

    /// An order that no log holds, for tests of providers.
    ///
    /// It is a mistake to call this outside a test: a snapshot deleted under it is evidence destroyed without a
    /// record.
    #[doc(hidden)]
    #[must_use]
    pub const fn unlogged_for_conformance_tests(snapshot: SnapshotName) -> Self {
        Self {
            snapshot,
            logged_at: 0,
        }
    }
}

/// The right to delete exactly one disk snapshot that we made.
///
/// It comes from a stored copy that was read back and matched, once the sealing checkpoint is anchored;
/// or from a custodian's logged order. There is no other way to make one, so no provider can be asked to
/// delete anything else.
#[derive(Debug)]
pub struct DeletionWarrant {
    snapshot: SnapshotName,
    grounds: String,
}

impl DeletionWarrant {
    pub(crate) fn for_verified(item: &Verified, seal: &AnchoredSeal) -> Self {
        let planned: &PlannedItem = &item.acquired().snapshotted().planned;
        Self {
            snapshot: item.acquired().snapshotted().snapshot.name.clone(),
            grounds: format!(
                "{} attempt {} was read back and matched; seal anchored at line {} of {}",
                planned.item,
                item.acquired().attempt(),
                seal.checkpoint.size,
                seal.checkpoint.origin,
            ),
        }
    }

    /// The warrant that an order gives.
    #[must_use]
    pub fn for_discard(order: &DiscardOrder) -> Self {
        Self {
            snapshot: order.snapshot.clone(),
            grounds: format!("a custodian's order, line {} of the log", order.logged_at + 1),
        }
    }

    /// The snapshot it is for.
    #[must_use]
    pub const fn snapshot(&self) -> &SnapshotName {
        &self.snapshot
    }

    /// What it rests on, for the log.
    #[must_use]
    pub fn grounds(&self) -> &str {
        &self.grounds
    }
}
