//! Disk snapshots that we made: deleted against a warrant, or kept and named.

use futures::StreamExt as _;

use super::state::{ItemState, Stage};
use super::warrant::{AnchoredSeal, DeletionWarrant};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::Result;
use crate::ids::{EvidenceItemId, SnapshotName};
use crate::port::{DiskSnapshot, SnapshotKind};

/// The snapshot of an item that we made and that still exists, as far as the log knows.
pub(super) fn kept(item: &ItemState) -> Option<SnapshotName> {
    if item.deleted {
        return None;
    }
    match item.snapshotted() {
        Some(snapshotted) => {
            (snapshotted.snapshot.kind == SnapshotKind::Made).then(|| snapshotted.snapshot.name.clone())
        }
        None => None,
    }
}

impl Workflow<'_> {
    /// Deletes what the seal warrants, as many at once as items are worked on, and names what is kept.
    pub(super) async fn clean_up(&self, seal: &AnchoredSeal) -> Result<()> {
        let items = self.items().await;
        let runs = futures::stream::iter(items.iter().map(|item| self.clean_up_item(item, seal)));
        // Each that was begun is carried to its end, whatever becomes of the others.
        let results: Vec<Result<()>> = runs.buffer_unordered(self.parallel()).collect().await;
        results.into_iter().collect()
    }

    async fn clean_up_item(&self, item: &ItemState, seal: &AnchoredSeal) -> Result<()> {
        let Some(snapshotted) = item.snapshotted() else {
            return Ok(());
        };
        if snapshotted.snapshot.kind != SnapshotKind::Made || item.deleted {
            return Ok(());
        }
        let reason = match &item.stage {
            Stage::Verified(verified) if verified.acquired().copy().unread.sectors > 0 => {
                "sectors of it could not be read, and its stored copy has zeros there"
            }
            Stage::Verified(verified) if !item.key_not_taken => {
                let warrant = DeletionWarrant::for_verified(verified, seal);
                return self
                    .delete(&item.planned.item, &snapshotted.snapshot, warrant)
                    .await;
            }
            Stage::Verified(_) => "the key that its copy needs was not taken",
            _ => "no stored copy of it was verified",
        };
        self.keep(item, &snapshotted.snapshot, reason).await
    }

    /// Deletes one snapshot; a failure is logged and leaves it kept.
    pub(super) async fn delete(
        &self,
        item: &EvidenceItemId,
        snapshot: &DiskSnapshot,
        warrant: DeletionWarrant,
    ) -> Result<()> {
        let name = snapshot.name.clone();
        self.step(&format!("{item}: deleting disk snapshot {name}"));
        let intent = Act::DeleteIntent {
            item: item.clone(),
            snapshot: name.clone(),
            warrant: warrant.grounds().to_owned(),
        };
        let intent = self.journal().await.intend_anchored(intent).await?;
        let (act, service) = match self.ports().snapshotter.delete(snapshot, warrant).await {
            Ok(acted) => (
                Act::DeleteDone {
                    item: item.clone(),
                    snapshot: name,
                },
                acted.service,
            ),
            Err(error) => {
                let service = error.service().cloned().unwrap_or_default();
                (
                    Act::DeleteFailed {
                        item: item.clone(),
                        snapshot: name,
                        failure: Failure::from(&error),
                    },
                    service,
                )
            }
        };
        let failed = match &act {
            Act::DeleteFailed { failure, .. } => {
                Some(format!("it could not be deleted: {}", failure.in_words()))
            }
            _ => None,
        };
        self.journal().await.answer(intent, act, service).await?;
        if let Some(reason) = failed {
            self.step(&format!(
                "{item}: disk snapshot {} is kept: {reason}",
                snapshot.name
            ));
            let kept = Act::SnapshotKept {
                item: item.clone(),
                snapshot: snapshot.name.clone(),
                reason,
            };
            self.journal().await.note(kept).await?;
        }
        Ok(())
    }

    /// Names a snapshot that stays, once.
    pub(super) async fn keep(&self, item: &ItemState, snapshot: &DiskSnapshot, reason: &str) -> Result<()> {
        if item.kept_named {
            return Ok(());
        }
        self.step(&format!(
            "{}: disk snapshot {} is kept: {reason}",
            item.planned.item, snapshot.name
        ));
        let act = Act::SnapshotKept {
            item: item.planned.item.clone(),
            snapshot: snapshot.name.clone(),
            reason: reason.to_owned(),
        };
        self.journal().await.note(act).await.map(drop)
    }
}
