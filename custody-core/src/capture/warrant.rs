use std::fmt;

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

/// The right to delete disk snapshots that we made, each for grounds of its own.
///
/// It comes from a stored copy that was read back and matched, once the sealing checkpoint is anchored;
/// or from a custodian's logged order. There is no other way to make one, so no provider can be asked to
/// delete anything else. One that covers several snapshots is made of one for each of them.
#[derive(Debug)]
pub struct DeletionWarrant {
    first: Grounds,
    others: Vec<Grounds>,
}

/// One snapshot that may go, and what that rests on.
#[derive(Debug)]
struct Grounds {
    snapshot: SnapshotName,
    words: String,
}

impl DeletionWarrant {
    pub(crate) fn for_verified(item: &Verified, seal: &AnchoredSeal) -> Self {
        let planned: &PlannedItem = &item.acquired().snapshotted().planned;
        let words = format!(
            "{} attempt {} was read back and matched; seal anchored at line {} of {}",
            planned.item,
            item.acquired().attempt(),
            seal.checkpoint.size,
            seal.checkpoint.origin,
        );
        Self::of(item.acquired().snapshotted().snapshot.name.clone(), words)
    }

    const fn of(snapshot: SnapshotName, words: String) -> Self {
        Self {
            first: Grounds { snapshot, words },
            others: Vec::new(),
        }
    }

    /// The warrant that an order gives.
    #[must_use]
    pub fn for_discard(order: &DiscardOrder) -> Self {
        let words = format!("a custodian's order, line {} of the log", order.logged_at + 1);
        Self::of(order.snapshot.clone(), words)
    }

    /// The right to delete what either is for.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.others.push(other.first);
        self.others.extend(other.others);
        self
    }

    /// The snapshots that it covers.
    pub fn snapshots(&self) -> impl Iterator<Item = &SnapshotName> {
        self.all().map(|grounds| &grounds.snapshot)
    }

    /// Whether it covers this snapshot.
    #[must_use]
    pub fn covers(&self, snapshot: &SnapshotName) -> bool {
        self.snapshots().any(|covered| covered == snapshot)
    }

    /// What the deletion of this snapshot rests on, for the log; `None` where it is not covered.
    #[must_use]
    pub fn grounds(&self, snapshot: &SnapshotName) -> Option<&str> {
        let found = self.all().find(|grounds| grounds.snapshot == *snapshot)?;
        Some(&found.words)
    }

    fn all(&self) -> impl Iterator<Item = &Grounds> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// The snapshots that it covers, as a refusal names them.
impl fmt::Display for DeletionWarrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a warrant for {}", self.first.snapshot)?;
        self.others
            .iter()
            .try_for_each(|grounds| write!(f, ", {}", grounds.snapshot))
    }
}
