use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use custody_core::ids::{AcquisitionId, DiskId, EvidenceItemId, MachineRef, SnapshotName};
use custody_core::port::{DiskSnapshot, PlannedSnapshot, SnapshotPlan, Snapshotter, SourceAccess};

use crate::conformance::clause::{ClauseFailure, ensure};

/// A machine with at least two disks, its snapshotter, and the access to what it takes.
pub struct SnapshotterHarness {
    pub(super) snapshotter: Arc<dyn Snapshotter>,
    pub(super) access: Arc<dyn SourceAccess>,
    pub(super) machine: MachineRef,
    pub(super) foreign: Option<Box<dyn Fn(&SnapshotName, &DiskId) -> Box<dyn Fn() -> bool>>>,
    pub(super) fingerprint: Option<Box<dyn Fn() -> String>>,
    keep: Vec<Box<dyn Any>>,
}

impl SnapshotterHarness {
    /// A machine of which nothing was taken yet.
    #[must_use]
    pub fn new(
        snapshotter: Arc<dyn Snapshotter>,
        access: Arc<dyn SourceAccess>,
        machine: MachineRef,
    ) -> Self {
        Self {
            snapshotter,
            access,
            machine,
            foreign: None,
            fingerprint: None,
            keep: Vec::new(),
        }
    }

    /// This puts something that others made under a snapshot's name, and gives what tells whether it is
    /// still there as it was.
    #[must_use]
    pub fn with_foreign(
        mut self,
        put: impl Fn(&SnapshotName, &DiskId) -> Box<dyn Fn() -> bool> + 'static,
    ) -> Self {
        self.foreign = Some(Box::new(put));
        self
    }

    /// This tells all that could change of the machine: disks, snapshots, grants.
    #[must_use]
    pub fn fingerprinted_by(mut self, fingerprint: impl Fn() -> String + 'static) -> Self {
        self.fingerprint = Some(Box::new(fingerprint));
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    pub(super) async fn disks(&self) -> Result<Vec<DiskId>, ClauseFailure> {
        let machine = self.snapshotter.describe(&self.machine).await?;
        ensure!(
            machine.disks.len() >= 2,
            "the suite needs a machine with at least two disks"
        );
        Ok(machine.disks.into_iter().map(|disk| disk.disk).collect())
    }

    /// A plan for all disks, its snapshots named after `prefix`.
    pub(super) async fn plan(&self, acquisition: &str, prefix: &str) -> Result<SnapshotPlan, ClauseFailure> {
        let mut snapshots = Vec::new();
        for (number, disk) in (1..).zip(self.disks().await?) {
            let name = format!("{prefix}-{number}").parse()?;
            snapshots.push(PlannedSnapshot::new(EvidenceItemId::new(number), disk, name));
        }
        Ok(SnapshotPlan::new(
            acquisition.parse()?,
            self.machine.clone(),
            snapshots,
        ))
    }

    /// Takes the whole plan.
    pub(super) async fn taken(&self, plan: &SnapshotPlan) -> Result<Vec<DiskSnapshot>, ClauseFailure> {
        let mut snapshots = Vec::new();
        for outcome in self.snapshotter.take(plan).await {
            snapshots.push(outcome.result?.value);
        }
        snapshots.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(snapshots)
    }

    pub(super) async fn listed(&self, of: &AcquisitionId) -> Result<BTreeSet<SnapshotName>, ClauseFailure> {
        let listed = self.snapshotter.list(of).await?;
        let names: BTreeSet<_> = listed.iter().map(|snapshot| snapshot.name.clone()).collect();
        ensure!(
            names.len() == listed.len(),
            "a snapshot is listed twice: {listed:?}"
        );
        Ok(names)
    }
}

impl fmt::Debug for SnapshotterHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotterHarness({})", self.snapshotter)
    }
}
