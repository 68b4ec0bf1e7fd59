//! Taking the disk snapshots: all requested together, so that they lie close in time.

use super::state::{ItemState, Stage};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::EvidenceItemId;
use crate::port::{DiskEncryption, PlannedSnapshot, SnapshotOutcome, SnapshotPlan};

impl Workflow<'_> {
    /// Takes, or adopts, every snapshot that is not there yet. Gives the items that have none, and why.
    ///
    /// The intents are durable here before anything is asked for; evidence that may vanish does not wait for the
    /// anchor.
    pub(super) async fn take_snapshots(&self) -> Result<Vec<(EvidenceItemId, Error)>> {
        let missing: Vec<ItemState> = self
            .items()
            .await
            .into_iter()
            .filter(|item| matches!(item.stage, Stage::Planned))
            .collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        self.go_on("taking disk snapshots")?;
        let mut intents = Vec::new();
        for item in &missing {
            let planned = &item.planned;
            self.step(&format!(
                "{}: taking disk snapshot {}",
                planned.item, planned.snapshot
            ));
            intents.push(self.journal().await.intend(item.snapshot_intent()).await?);
        }
        let plan = self.snapshot_plan(&missing).await;
        let mut outcomes = self.ports().snapshotter.take(&plan).await;
        let mut failed = Vec::new();
        for (item, intent) in missing.iter().zip(intents) {
            let planned = &item.planned;
            let position = outcomes.iter().position(|outcome| outcome.disk == planned.disk);
            let result = match position {
                Some(position) => self.accept_snapshot(item, outcomes.swap_remove(position)).await,
                None => Err(Error::misuse(format!(
                    "{} did not answer for {}",
                    self.ports().snapshotter,
                    planned.disk
                ))),
            };
            let (act, service) = match result {
                Ok((act, service)) => (act, service),
                Err(error) => {
                    let service = error.service().cloned().unwrap_or_default();
                    let act = Act::SnapshotFailed {
                        item: planned.item.clone(),
                        failure: Failure::from(&error),
                    };
                    failed.push((planned.item.clone(), error));
                    (act, service)
                }
            };
            self.journal().await.answer(intent, act, service).await?;
            self.record_missing_key(item).await?;
        }
        Ok(failed)
    }

    async fn snapshot_plan(&self, missing: &[ItemState]) -> SnapshotPlan {
        let state = self.state().await;
        let snapshots = missing
            .iter()
            .map(|item| {
                let planned = &item.planned;
                let described = state.opened.machine.disks.iter();
                let described = described.filter(|disk| disk.disk == planned.disk);
                PlannedSnapshot::new(
                    planned.item.clone(),
                    planned.disk.clone(),
                    planned.snapshot.clone(),
                )
                .with_described(described.flat_map(|disk| disk.attributes.clone()).collect())
            })
            .collect();
        SnapshotPlan::new(state.opened.acquisition, state.opened.machine.machine, snapshots)
    }

    /// Checks that a snapshot is the one asked for, and reads what tells whether its source changes.
    async fn accept_snapshot(
        &self,
        item: &ItemState,
        outcome: SnapshotOutcome,
    ) -> Result<(Act, crate::service::ServiceRecord)> {
        let acted = outcome.result?;
        let (snapshot, planned) = (acted.value, &item.planned);
        if snapshot.disk != planned.disk || snapshot.name != planned.snapshot {
            let error = Error::Integrity {
                object: planned.snapshot.to_string(),
                place: "identity".into(),
                expected: format!("a snapshot of {}", planned.disk),
                actual: format!("{} of {}", snapshot.name, snapshot.disk),
            };
            return Err(error.answered(acted.service));
        }
        let state = match self.ports().source.state(&snapshot).await {
            Ok(state) => state,
            // The snapshot is there, and the next run adopts it; the log must have the ids of its making now.
            Err(error) => return Err(error.answered(acted.service)),
        };
        Ok((
            Act::SnapshotDone {
                item: planned.item.clone(),
                snapshot,
                state,
            },
            acted.service,
        ))
    }

    /// A disk that is encrypted, while nothing here takes keys, is recorded as such.
    async fn record_missing_key(&self, item: &ItemState) -> Result<()> {
        if self.ports().keys.is_some() {
            return Ok(());
        }
        let current = self.item(&item.planned.item).await?;
        let Some(snapshotted) = current.snapshotted() else {
            return Ok(());
        };
        if let (DiskEncryption::Encrypted { statement }, true) = (
            &snapshotted.description.encryption,
            current.keys.not_taken.is_none(),
        ) {
            let reason =
                format!("{statement}; no disk keys are taken here: secure the key by other means now");
            let act = Act::KeyNotTaken {
                item: item.planned.item.clone(),
                reason,
            };
            self.journal().await.note(act).await?;
        }
        Ok(())
    }
}
