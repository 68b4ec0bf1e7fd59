use super::item_history::{Fault, same};
use crate::custody_log::{Footers, ItemVerdict, SealedObject, UnreadSummary, ZeroSummary};
use crate::digest::{ImageDigests, Sha256Digest};
use crate::port::{ImageForm, Receipt, SourceState};

/// What a log says of storing an item.
#[derive(Debug, Clone)]
pub(super) struct StoredAttempt {
    pub(super) receipt: Receipt,
    pub(super) source: ImageDigests,
    pub(super) footers: Option<Footers>,
    pub(super) chunk_list: SealedObject,
    pub(super) zeros: ZeroSummary,
    pub(super) unread: UnreadSummary,
    pub(super) state_before: SourceState,
    pub(super) state_after: SourceState,
    /// What kind of file it is, where only its bytes told.
    pub(super) form: Option<ImageForm>,
    /// Why it was streamed, where the sink's service copies.
    pub(super) streamed: Option<String>,
    /// What came of reading it back.
    pub(super) verdict: Option<ItemVerdict>,
}

impl StoredAttempt {
    /// What speaks against a match of these bytes, with this root.
    pub(super) fn against_the_bytes(&self, root: &Sha256Digest) -> Vec<Fault> {
        let mut faults: Vec<Fault> = same("root", &self.source.root, root).into_iter().collect();
        if self
            .footers
            .as_ref()
            .is_some_and(|footers| !footers.only_renewed())
        {
            faults.push((
                "footers that differ in nothing but what a service writes anew".into(),
                "matched, although they differ elsewhere".into(),
            ));
        }
        faults
    }

    /// What speaks against a match with a source that was so when its disk snapshot was taken.
    pub(super) fn against_the_source(&self, then: Option<&SourceState>) -> Option<Fault> {
        let mut changes = self.state_before.changes_until(&self.state_after);
        changes.extend(
            then.iter()
                .flat_map(|state| state.changes_until(&self.state_before)),
        );
        let (name, ..) = changes.first()?;
        Some((
            "a verdict that the source changed".into(),
            format!("matched, although {name} of the source changed"),
        ))
    }
}
