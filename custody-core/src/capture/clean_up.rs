//! Disk snapshots that we made: deleted against a warrant, or kept and named.

use futures::StreamExt as _;

use super::snapshot_sets::{Kept, Member, SnapshotSet};
use super::state::{ItemState, Stage};
use super::warrant::{AnchoredSeal, DeletionWarrant};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, SnapshotName};
use crate::port::SnapshotKind;

/// The snapshot of an item that we made and that still exists, as far as the log knows.
pub(super) fn kept(item: &ItemState) -> Option<SnapshotName> {
    if item.deleted {
        return None;
    }
    match item.snapshotted() {
        Some(snapshotted) => {
            (snapshotted.snapshot.kind == SnapshotKind::Made).then(|| snapshotted.snapshot.name.clone())
        }
        // One that was begun and not finished.
        None => item.kept_named.then(|| item.planned.snapshot.clone()),
    }
}

impl Workflow<'_> {
    /// Deletes what the seal warrants, as many at once as items are worked on, and names what is kept.
    pub(super) async fn clean_up(&self, seal: &AnchoredSeal) -> Result<()> {
        let sets = SnapshotSet::all(self.items().await);
        let runs = futures::stream::iter(sets.iter().map(|set| self.clean_up_set(set, seal)));
        // Each that was begun is carried to its end, whatever becomes of the others.
        let results: Vec<Result<()>> = runs.buffer_unordered(self.parallel()).collect().await;
        results.into_iter().collect()
    }

    async fn clean_up_set(&self, set: &SnapshotSet, seal: &AnchoredSeal) -> Result<()> {
        match set.warrant(|member| verified(member, seal)) {
            Ok(warrant) => self.delete(set, warrant).await,
            Err(kept) => self.keep_all(kept).await,
        }
    }

    /// Deletes disk snapshots that go together, by one call; a failure is logged and leaves all of them kept.
    ///
    /// The call takes all of them away, so every intent is at the anchor before it.
    pub(super) async fn delete(&self, set: &SnapshotSet, warrant: DeletionWarrant) -> Result<()> {
        let mut intents = Vec::new();
        for member in &set.members {
            let name = &member.snapshot.name;
            self.step(&format!("{}: deleting disk snapshot {name}", member.id()));
            let intent = Act::DeleteIntent {
                item: member.id().clone(),
                snapshot: name.clone(),
                warrant: warrant.grounds(name).unwrap_or_default().to_owned(),
            };
            intents.push(self.journal().await.intend_anchored(intent).await?);
        }
        let Some(first) = set.members.first() else {
            return Ok(());
        };
        let outcome = self.ports().snapshotter.delete(&first.snapshot, warrant).await;
        for (member, intent) in set.members.iter().zip(intents) {
            let (item, snapshot) = (member.id().clone(), member.snapshot.name.clone());
            match &outcome {
                Ok(acted) => {
                    let act = Act::DeleteDone { item, snapshot };
                    let service = acted.service.clone();
                    self.journal().await.answer(intent, act, service).await?;
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    let reason = format!("it could not be deleted: {}", failure.in_words());
                    self.step(&format!("{item}: disk snapshot {snapshot} is kept: {reason}"));
                    let service = error.service().cloned().unwrap_or_default();
                    let act = Act::DeleteFailed {
                        item: item.clone(),
                        snapshot: snapshot.clone(),
                        failure,
                    };
                    self.journal().await.answer(intent, act, service).await?;
                    let kept = Act::SnapshotKept {
                        item,
                        snapshot,
                        reason,
                    };
                    self.journal().await.note(kept).await?;
                }
            }
        }
        Ok(())
    }

    /// Names what failed tries at taking snapshots left behind: whatever the provider knows under our name is there and
    /// can cost money, also where it never was finished.
    pub(super) async fn name_unfinished(&self, unsnapped: &[(EvidenceItemId, Error)]) -> Result<()> {
        if unsnapped.is_empty() {
            return Ok(());
        }
        let listed = self.ports().snapshotter.list(&self.acquisition().await).await;
        for (id, error) in unsnapped {
            let item = self.item(id).await?;
            let snapshot = &item.planned.snapshot;
            let reason = match &listed {
                Ok(listed) if listed.iter().any(|there| there.name == *snapshot) => format!(
                    "it was begun and not finished, and is no evidence yet: {}",
                    Failure::from(error).in_words()
                ),
                Err(unknown) if may_have_begun(error) => format!(
                    "whether something of it is there could not be told: {}",
                    Failure::from(unknown).in_words()
                ),
                _ => continue,
            };
            if item.snapshotted().is_some() || item.kept_named {
                continue;
            }
            self.step(&format!("{id}: disk snapshot {snapshot} is kept: {reason}"));
            let act = Act::SnapshotKept {
                item: id.clone(),
                snapshot: snapshot.clone(),
                reason,
            };
            self.journal().await.note(act).await?;
        }
        Ok(())
    }

    /// Names snapshots that stay, each once.
    pub(super) async fn keep_all(&self, kept: Vec<Kept<'_>>) -> Result<()> {
        for (member, reason) in kept {
            if member.item.kept_named {
                continue;
            }
            self.step(&format!(
                "{}: disk snapshot {} is kept: {reason}",
                member.id(),
                member.snapshot.name
            ));
            let act = Act::SnapshotKept {
                item: member.id().clone(),
                snapshot: member.snapshot.name.clone(),
                reason,
            };
            self.journal().await.note(act).await?;
        }
        Ok(())
    }
}

/// Whether something may be there although the try failed: no refusal that comes before anything is done.
fn may_have_begun(error: &Error) -> bool {
    matches!(
        error.meaning(),
        Error::Provider { .. } | Error::Throttled { .. } | Error::Integrity { .. } | Error::Malformed { .. }
    )
}

/// The warrant that a verified copy gives, or why its disk snapshot is kept.
fn verified(member: &Member, seal: &AnchoredSeal) -> std::result::Result<DeletionWarrant, String> {
    match &member.item.stage {
        Stage::Verified(verified) if verified.acquired().copy().unread.sectors > 0 => {
            Err("sectors of it could not be read, and its stored copy has zeros there".into())
        }
        Stage::Verified(verified) => match member.item.keys.why_kept() {
            Some(reason) => Err(reason),
            None => Ok(DeletionWarrant::for_verified(verified, seal)),
        },
        _ => Err("no stored copy of it was verified".into()),
    }
}
