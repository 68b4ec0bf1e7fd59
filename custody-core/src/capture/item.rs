//! An item on its way: each state is made from the one before and holds its proof.

use crate::custody_log::{Footers, ItemVerdict, PlannedItem, SealedObject, UnreadSummary, ZeroSummary};
use crate::digest::{DiskData, ImageDigests};
use crate::ids::Segment;
use crate::port::{DiskDescription, DiskSnapshot, ImageForm, Receipt, SourceState};

/// Its disk snapshot is there.
#[derive(Debug, Clone)]
pub(crate) struct Snapshotted {
    pub(crate) planned: PlannedItem,
    pub(crate) description: DiskDescription,
    pub(crate) snapshot: DiskSnapshot,
    /// The source when the snapshot was taken.
    pub(crate) state: SourceState,
}

/// It is stored, and its source digests are known; nobody has looked at the stored copy yet.
#[derive(Debug, Clone)]
pub(crate) struct Acquired {
    snapshotted: Snapshotted,
    copy: StoredCopy,
}

/// What storing an item gave.
#[derive(Debug, Clone)]
pub(crate) struct StoredCopy {
    pub(crate) attempt: u32,
    pub(crate) file: Segment,
    pub(crate) receipt: Receipt,
    pub(crate) source: ImageDigests,
    pub(crate) footers: Option<Footers>,
    pub(crate) chunk_list: SealedObject,
    pub(crate) zeros: ZeroSummary,
    pub(crate) unread: UnreadSummary,
    pub(crate) state_before: SourceState,
    pub(crate) state_after: SourceState,
    /// What kind of file it is, where only its bytes told.
    pub(crate) form: Option<ImageForm>,
    /// Why it was streamed, where the sink's service copies.
    pub(crate) streamed: Option<String>,
}

/// Its stored copy was read back and is what was read from the source.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    acquired: Acquired,
    verdict: ItemVerdict,
}

impl Snapshotted {
    /// Which bytes of what is opened are the disk's own.
    pub(crate) fn data<'a>(&'a self, form: Option<&'a ImageForm>) -> &'a DiskData {
        form.map_or(&self.description.data, |form| &form.data)
    }

    pub(crate) fn acquired(self, copy: StoredCopy) -> Acquired {
        Acquired {
            snapshotted: self,
            copy,
        }
    }
}

impl Acquired {
    pub(crate) const fn snapshotted(&self) -> &Snapshotted {
        &self.snapshotted
    }

    pub(crate) const fn copy(&self) -> &StoredCopy {
        &self.copy
    }

    pub(crate) const fn attempt(&self) -> u32 {
        self.copy.attempt
    }

    /// The source's changes between its snapshot (or the begin of reading) and the end of reading.
    pub(crate) fn source_changes(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let mut changes = self.snapshotted.state.changes_until(&self.copy.state_before);
        changes.extend(self.copy.state_before.changes_until(&self.copy.state_after));
        changes
    }

    /// The next state, when the verdict is that it matched; else the item as it is.
    pub(crate) fn judged(self, verdict: ItemVerdict) -> Result<Verified, Box<Self>> {
        match verdict {
            ItemVerdict::Matched { .. } => Ok(Verified {
                acquired: self,
                verdict,
            }),
            ItemVerdict::Mismatched { .. } | ItemVerdict::SourceChanged { .. } => Err(Box::new(self)),
        }
    }
}

impl Verified {
    pub(crate) const fn acquired(&self) -> &Acquired {
        &self.acquired
    }

    pub(crate) const fn verdict(&self) -> &ItemVerdict {
        &self.verdict
    }
}
