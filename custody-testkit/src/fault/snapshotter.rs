use std::fmt;

use async_trait::async_trait;
use custody_core::capture::{DeletionWarrant, DiscardOrder};
use custody_core::ids::{AcquisitionId, ByteLength, MachineRef};
use custody_core::port::{DiskSnapshot, Machine, SnapshotKind, SnapshotOutcome, SnapshotPlan, Snapshotter};
use custody_core::{Acted, Error, Result};

use crate::fake::FakeMachine;

/// How a [`FaultySnapshotter`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// Nothing is named as not acquired.
    NamesNothingNotAcquired,
    /// Whatever comes after a failure has no answer.
    StopsAtAFailure,
    /// Taken again, a snapshot is made anew.
    TakesAgain,
    /// What others have under a name is adopted.
    AdoptsForeign,
    /// Nothing is listed.
    ListsNothing,
    /// Any warrant deletes any snapshot.
    IgnoresTheWarrant,
    /// A snapshot that is gone cannot be deleted again.
    DeletesOnlyOnce,
    /// Deleting what was not made succeeds.
    DeletesWhatWasNotMade,
    /// Snapshots that were made are told to be a sector longer than they are.
    TellsAnotherLength,
    /// A warrant for one snapshot deletes all of its set.
    DeletesASetForOne,
    /// A warrant for a set deletes one snapshot of it.
    DeletesOneOfASet,
    /// Snapshots that were made leave their length to opening, although their disks' descriptions tell it.
    WithholdsTheLength,
}

/// A snapshotter with one fault.
#[derive(Debug)]
pub struct FaultySnapshotter {
    inner: FakeMachine,
    fault: SnapshotFault,
}

impl FaultySnapshotter {
    /// This machine's snapshotter with this fault.
    #[must_use]
    pub const fn new(inner: FakeMachine, fault: SnapshotFault) -> Self {
        Self { inner, fault }
    }

    fn exists(&self, snapshot: &DiskSnapshot) -> bool {
        self.inner
            .snapshots()
            .iter()
            .any(|known| known.name == snapshot.name)
    }

    /// The warrant, and one for everything that goes with the snapshot.
    fn with_set(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> DeletionWarrant {
        let known = self.inner.snapshots();
        let others = known
            .iter()
            .filter(|other| other.set.is_some() && other.set == snapshot.set);
        others.fold(warrant, |all, other| all.and(ordered(other)))
    }

    fn adopted(&self, outcome: SnapshotOutcome, plan: &SnapshotPlan) -> SnapshotOutcome {
        let Err(Error::AlreadyExists { .. }) = outcome.result.as_ref().map_err(Error::meaning) else {
            return outcome;
        };
        let planned = plan.snapshots.iter().find(|planned| planned.disk == outcome.disk);
        let known = self.inner.snapshots();
        let adopted = planned.and_then(|planned| known.into_iter().find(|known| known.name == planned.name));
        match adopted {
            Some(snapshot) => SnapshotOutcome {
                disk: outcome.disk,
                result: Ok(Acted::local(snapshot)),
            },
            None => outcome,
        }
    }
}

fn ordered(snapshot: &DiskSnapshot) -> DeletionWarrant {
    let order = DiscardOrder::unlogged_for_conformance_tests(snapshot.name.clone());
    DeletionWarrant::for_discard(&order)
}

impl fmt::Display for FaultySnapshotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Snapshotter for FaultySnapshotter {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        let mut described = self.inner.describe(machine).await?;
        if self.fault == SnapshotFault::NamesNothingNotAcquired {
            described.not_acquired.clear();
        }
        Ok(described)
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        if self.fault == SnapshotFault::TakesAgain {
            for name in self.inner.made_snapshots() {
                self.inner.lose_snapshot(&name);
            }
        }
        let mut outcomes = self.inner.take(plan).await;
        match self.fault {
            SnapshotFault::StopsAtAFailure => {
                if let Some(first) = outcomes.iter().position(|outcome| outcome.result.is_err()) {
                    outcomes.truncate(first + 1);
                }
            }
            SnapshotFault::AdoptsForeign => {
                outcomes = outcomes
                    .into_iter()
                    .map(|outcome| self.adopted(outcome, plan))
                    .collect();
            }
            SnapshotFault::TellsAnotherLength => {
                let taken = outcomes
                    .iter_mut()
                    .filter_map(|outcome| outcome.result.as_mut().ok());
                for snapshot in taken.map(|acted| &mut acted.value) {
                    if snapshot.kind == SnapshotKind::Made {
                        let longer = |length: ByteLength| (length.bytes() + 512).into();
                        snapshot.length = snapshot.length.map(longer);
                    }
                }
            }
            SnapshotFault::WithholdsTheLength => {
                let taken = outcomes
                    .iter_mut()
                    .filter_map(|outcome| outcome.result.as_mut().ok());
                let made = taken.filter(|acted| acted.value.kind == SnapshotKind::Made);
                made.for_each(|acted| acted.value.length = None);
            }
            _ => {}
        }
        outcomes
    }

    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        let listed = self.inner.list(of).await?;
        Ok(if self.fault == SnapshotFault::ListsNothing {
            Vec::new()
        } else {
            listed
        })
    }

    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        match self.fault {
            SnapshotFault::IgnoresTheWarrant => {
                let all = self.with_set(snapshot, ordered(snapshot));
                self.inner.delete(snapshot, all).await
            }
            SnapshotFault::DeletesOnlyOnce if !self.exists(snapshot) => Err(Error::NotFound {
                object: snapshot.name.to_string(),
            }),
            SnapshotFault::DeletesWhatWasNotMade
                if snapshot.kind != SnapshotKind::Made && warrant.covers(&snapshot.name) =>
            {
                self.inner.lose_snapshot(&snapshot.name);
                Ok(Acted::local(()))
            }
            SnapshotFault::DeletesASetForOne if warrant.covers(&snapshot.name) => {
                let all = self.with_set(snapshot, warrant);
                self.inner.delete(snapshot, all).await
            }
            SnapshotFault::DeletesOneOfASet if snapshot.set.is_some() && warrant.snapshots().count() > 1 => {
                self.inner.lose_snapshot(&snapshot.name);
                Ok(Acted::local(()))
            }
            _ => self.inner.delete(snapshot, warrant).await,
        }
    }
}
