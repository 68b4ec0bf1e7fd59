use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::custody_log::ReadScope;
use crate::digest::Sha256Digest;
use crate::ids::AcquisitionId;
use crate::port::{NoProgress, ProgressObserver, StopSignal, StopSwitch};

/// Which part of a store is verified. The register is verified in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum Scope {
    /// Every acquisition.
    #[default]
    Store,
    /// These acquisitions.
    Acquisitions(BTreeSet<AcquisitionId>),
}

/// How deep a verification goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum Depth {
    /// Everything, the bytes of every item included.
    #[default]
    Full,
    /// The records, and of each item only that it is there and how long it is. The outcome is then at best
    /// [`super::Outcome::NotProven`].
    RecordOnly,
}

/// Whether a log that this host remembers must be in the store at hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum KnownPlace {
    /// It may belong to another store.
    #[default]
    AnyStore,
    /// It was seen in this store: that it is gone is an integrity failure.
    ThisStore,
}

/// A log as this host saw it before. Kept outside the store, it shows that the store was rolled back, cut or rewritten
/// by someone who holds its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownLog {
    /// The log's origin.
    pub origin: String,
    /// How many lines it had.
    pub size: u64,
    /// The root over them.
    pub root: Sha256Digest,
    /// Whether it must be in the store at hand.
    pub place: KnownPlace,
}

impl KnownLog {
    /// A log of this origin that had `size` lines with this root, of any store.
    pub fn new(origin: impl Into<String>, size: u64, root: Sha256Digest) -> Self {
        Self {
            origin: origin.into(),
            size,
            root,
            place: KnownPlace::AnyStore,
        }
    }

    /// Sets whether it must be in the store at hand.
    #[must_use]
    pub const fn with_place(mut self, place: KnownPlace) -> Self {
        self.place = place;
        self
    }
}

/// How to verify.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Which acquisitions.
    pub scope: Scope,
    /// How deep.
    pub depth: Depth,
    /// Whether holes of stored copies are read too, or taken as zeros on the store's word.
    pub reads: ReadScope,
    /// How many items are re-hashed at once. Each holds at most 8 MiB of its bytes, beside what the hasher holds.
    pub items_at_once: NonZeroUsize,
    /// Logs that this host saw before.
    pub known: Vec<KnownLog>,
    /// Is told how far the work is.
    pub progress: Arc<dyn ProgressObserver>,
    /// Asks to stop; what was not checked by then is reported as such.
    pub stop: Arc<dyn StopSignal>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            scope: Scope::Store,
            depth: Depth::Full,
            reads: ReadScope::Allocated,
            items_at_once: NonZeroUsize::MIN.saturating_add(1),
            known: Vec::new(),
            progress: Arc::new(NoProgress::default()),
            stop: Arc::new(StopSwitch::default()),
        }
    }
}

impl VerifyOptions {
    /// Verifies these acquisitions only.
    #[must_use]
    pub fn with_acquisitions(mut self, acquisitions: impl IntoIterator<Item = AcquisitionId>) -> Self {
        self.scope = Scope::Acquisitions(acquisitions.into_iter().collect());
        self
    }

    /// Sets how deep to go.
    #[must_use]
    pub const fn with_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Sets which bytes of stored copies are read.
    #[must_use]
    pub const fn with_reads(mut self, reads: ReadScope) -> Self {
        self.reads = reads;
        self
    }

    /// Sets how many items are re-hashed at once.
    #[must_use]
    pub const fn with_items_at_once(mut self, items: NonZeroUsize) -> Self {
        self.items_at_once = items;
        self
    }

    /// Adds a log that this host saw before.
    #[must_use]
    pub fn with_known(mut self, known: KnownLog) -> Self {
        self.known.push(known);
        self
    }

    /// Sets who is told how far the work is.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn ProgressObserver>) -> Self {
        self.progress = progress;
        self
    }

    /// Sets who asks to stop.
    #[must_use]
    pub fn with_stop(mut self, stop: Arc<dyn StopSignal>) -> Self {
        self.stop = stop;
        self
    }
}
