//! Giving an acquisition up.

use std::collections::BTreeSet;

use super::journal::Intent;
use super::outcome::CaptureOutcome;
use super::snapshot_sets::{Member, SnapshotSet};
use super::state::{ItemState, Stage};
use super::warrant::{DeletionWarrant, DiscardOrder};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, SnapshotName, Statement};
use crate::layout;
use crate::port::{DepositOptions, DiskSnapshot, ObjectState};
use crate::service::ServiceRecord;

impl Workflow<'_> {
    /// Ends grants, takes unfinished deposits back, keeps every snapshot but the ones ordered away by name, closes.
    pub(super) async fn abandon(
        &self,
        reason: &Statement,
        discard: &[SnapshotName],
    ) -> Result<CaptureOutcome> {
        let state = self.state().await;
        if state.closed.is_none() {
            if state.sealed.is_some() {
                return Err(Error::Refused {
                    object: state.opened.acquisition.to_string(),
                    reason: "it is sealed already: resume it, so that it is closed".into(),
                });
            }
            self.must_know(discard).await?;
            if state.binding.is_none() {
                self.bind_or_keep_all(discard).await?;
            }
            if !state.abandoned {
                let act = Act::AcquisitionAbandoned {
                    reason: reason.to_string(),
                };
                self.journal().await.note(act).await?;
            }
            // What is open is closed first, whether or not the store or the source's list answers; and one that cannot
            // be closed does not keep the others open.
            let mut ended = Ok(());
            for item in self.items().await {
                ended = ended.and(self.end_grant(&item.planned.item).await);
            }
            ended?;
            self.adopt_lost_snapshots().await?;
            if !discard.is_empty() || self.items().await.iter().any(|item| item.discard_ordered) {
                self.expect_own_store().await?;
            }
            if self.state().await.binding.is_some() {
                self.settle_records().await?;
            }
            for item in self.items().await {
                self.take_back_deposits(&item).await?;
            }
            self.settle_snapshots(reason, discard).await?;
            let state = self.state().await.closing_state();
            self.journal()
                .await
                .note(Act::AcquisitionClosed { state })
                .await?;
        }
        self.close().await
    }

    /// Binds what is bound to no store, so that its register tells of the end. Where that cannot be, an end without one
    /// is right as long as nothing is deleted: an order to delete lies at the anchor before it is carried out.
    async fn bind_or_keep_all(&self, discard: &[SnapshotName]) -> Result<()> {
        let Err(error) = self.bind().await else {
            return Ok(());
        };
        let why = Failure::from(&error).in_words();
        if discard.is_empty() {
            self.step(&format!("no store can be told, so none tells of it: {why}"));
            return Ok(());
        }
        Err(Error::Refused {
            object: self.acquisition().await.to_string(),
            reason: format!(
                "a disk snapshot is deleted only when the order lies in a store first, and none can take it ({why}): give \
                 the acquisition up without discarding, and delete what it names by other means"
            ),
        })
    }

    async fn must_know(&self, discard: &[SnapshotName]) -> Result<()> {
        let items = self.items().await;
        for name in discard {
            if !items.iter().any(|item| item.planned.snapshot == *name) {
                return Err(Error::NotFound {
                    object: format!("disk snapshot {name} of this acquisition"),
                });
            }
        }
        if discard.is_empty() {
            return Ok(());
        }
        // Also what was made without the log coming to know of it.
        let acquisition = self.acquisition().await;
        let listed = self.ports().snapshotter.list(&acquisition).await?;
        let logged = SnapshotSet::all(items);
        let logged = logged
            .iter()
            .flat_map(|set| &set.members)
            .map(|member| &member.snapshot);
        must_name_whole_sets(&logged.chain(&listed).collect::<Vec<_>>(), discard)
    }

    /// Ends what is granted for an item that failed, and takes back what is unfinished of it.
    pub(super) async fn settle_failed(&self, id: &EvidenceItemId) -> Result<()> {
        self.end_grant(id).await?;
        if self.state().await.binding.is_some() {
            self.take_back_deposits(&self.item(id).await?).await?;
        }
        Ok(())
    }

    /// What failed items left: a grant or a deposit of one that was given up, and the snapshots of those that failed
    /// before one was accepted. What is there all the same is kept, and named.
    pub(super) async fn settle_all_failed(&self) -> Result<()> {
        for item in self.items().await.into_iter().filter(|item| item.given_up) {
            self.settle_failed(&item.planned.item).await?;
        }
        let unknown = |item: &ItemState| matches!(item.stage, Stage::Failed(None));
        if self.items().await.iter().any(unknown) {
            self.adopt_lost_snapshots().await?;
        }
        Ok(())
    }

    /// Snapshots that were taken without the log coming to know of it.
    async fn adopt_lost_snapshots(&self) -> Result<()> {
        let acquisition = self.acquisition().await;
        for snapshot in self.ports().snapshotter.list(&acquisition).await? {
            let items = self.items().await;
            let lost = items
                .iter()
                .find(|item| item.planned.snapshot == snapshot.name && item.snapshotted().is_none());
            if let Some(item) = lost {
                let mut snapshot = snapshot;
                if snapshot
                    .disk
                    .as_str()
                    .eq_ignore_ascii_case(item.planned.disk.as_str())
                {
                    // The provider may spell the name of the same disk otherwise than it did before.
                    snapshot.disk = item.planned.disk.clone();
                }
                let state = self.ports().source.state(&snapshot).await?;
                let act = Act::SnapshotDone {
                    item: item.planned.item.clone(),
                    snapshot,
                    state,
                };
                let mut journal = self.journal().await;
                let intent = match item.open_snapshot {
                    Some(line) => Intent::of_line(line),
                    // The intent was answered "failed", and the snapshot was taken all the same.
                    None => journal.intend(item.snapshot_intent()).await?,
                };
                journal.answer(intent, act, ServiceRecord::none()).await?;
            }
        }
        Ok(())
    }

    /// What a stopped deposit left unfinished goes; what was committed stays, as "not evidence".
    async fn take_back_deposits(&self, item: &ItemState) -> Result<()> {
        if !item.open_attempt {
            return Ok(());
        }
        let acquisition = self.acquisition().await;
        let file = item.planned.file_of_attempt(item.attempt);
        for file in [file.clone(), file.with_suffix(layout::CHUNK_LIST_SUFFIX)] {
            let name = self.object(&file);
            if self.ports().sink.state(&name, &acquisition).await? == ObjectState::Absent
                && self.ports().sink.capabilities().deposit
            {
                let options = DepositOptions::new(acquisition.clone(), 0);
                self.ports().sink.deposit(&name, options).await?.abort().await?;
            }
        }
        Ok(())
    }

    /// Deletes what was ordered away, and keeps and names the rest. What goes together is ordered away together.
    async fn settle_snapshots(&self, reason: &Statement, discard: &[SnapshotName]) -> Result<()> {
        for set in SnapshotSet::all(self.items().await) {
            let is_ordered =
                |member: &Member| member.item.discard_ordered || discard.contains(&member.snapshot.name);
            if set.members.iter().all(is_ordered) {
                let warrant = self.order_away(&set, reason).await?;
                if let Some(warrant) = warrant {
                    self.delete(&set, warrant).await?;
                }
                continue;
            }
            let with = "it can only be deleted together with others, which were not all ordered away";
            let kept = set.members.iter().map(|member| {
                let why = if is_ordered(member) {
                    with
                } else {
                    "the acquisition was abandoned"
                };
                (member, why.to_owned())
            });
            self.keep_all(kept.collect()).await?;
        }
        Ok(())
    }

    /// Logs the order for each, and gives the warrant that all the orders make.
    async fn order_away(&self, set: &SnapshotSet, reason: &Statement) -> Result<Option<DeletionWarrant>> {
        let mut warrant: Option<DeletionWarrant> = None;
        for member in &set.members {
            let act = Act::DiscardOrdered {
                item: member.id().clone(),
                snapshot: member.snapshot.name.clone(),
                reason: reason.to_string(),
            };
            let line = self.journal().await.note(act).await?;
            let order = DiscardOrder::logged(member.snapshot.name.clone(), line);
            let one = DeletionWarrant::for_discard(&order);
            warrant = Some(match warrant {
                Some(others) => others.and(one),
                None => one,
            });
        }
        Ok(warrant)
    }
}

/// An order to discard a part of what can only be deleted together is refused before anything is done.
fn must_name_whole_sets(there: &[&DiskSnapshot], discard: &[SnapshotName]) -> Result<()> {
    for ordered in there.iter().filter(|snapshot| discard.contains(&snapshot.name)) {
        let Some(set) = &ordered.set else {
            continue;
        };
        let spared: BTreeSet<&str> = there
            .iter()
            .filter(|other| other.set.as_ref() == Some(set) && !discard.contains(&other.name))
            .map(|other| other.name.as_str())
            .collect();
        if !spared.is_empty() {
            let spared: Vec<&str> = spared.into_iter().collect();
            return Err(Error::Refused {
                object: format!("discarding disk snapshot {}", ordered.name),
                reason: format!(
                    "it can only be deleted together with {}: order all of them away, or none",
                    spared.join(", ")
                ),
            });
        }
    }
    Ok(())
}
