//! A snapshotter of which one answer is odd.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{DiskSnapshot, Machine, SnapshotOutcome, SnapshotPlan, Snapshotter};
use custody_core::{Acted, Error, Ports, Result};

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// The snapshot of this disk was taken, and then it is found that the disk was replaced by another.
    Replaced(&'static str),
    /// What there is cannot be listed.
    ListsNothing,
    /// Disks are listed by their names in capitals.
    ListsInCapitals,
}

#[derive(Debug)]
pub(crate) struct OddSnapshotter {
    inner: Arc<dyn Snapshotter>,
    oddity: Oddity,
}

/// The same ports, with this oddity.
pub(crate) fn odd(mut ports: Ports, oddity: Oddity) -> Ports {
    let inner = ports.snapshotter;
    ports.snapshotter = Arc::new(OddSnapshotter { inner, oddity });
    ports
}

impl fmt::Display for OddSnapshotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "odd({}, {:?})", self.inner, self.oddity)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Snapshotter for OddSnapshotter {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        self.inner.describe(machine).await
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let mut outcomes = self.inner.take(plan).await;
        for outcome in &mut outcomes {
            let replaced = matches!(self.oddity, Oddity::Replaced(disk) if disk == outcome.disk.as_str());
            if replaced && outcome.result.is_ok() {
                outcome.result = Err(Error::Integrity {
                    object: outcome.disk.to_string(),
                    place: "unique id".into(),
                    expected: "the disk that was planned".into(),
                    actual: "another one".into(),
                });
            }
        }
        outcomes
    }

    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        let mut listed = self.inner.list(of).await?;
        match self.oddity {
            Oddity::ListsNothing => {
                return Err(Error::Provider {
                    object: self.to_string(),
                    operation: "list",
                    source: None,
                });
            }
            Oddity::ListsInCapitals => {
                for snapshot in &mut listed {
                    snapshot.disk = snapshot.disk.as_str().to_ascii_uppercase().parse()?;
                }
            }
            Oddity::Replaced(_) => {}
        }
        Ok(listed)
    }

    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        self.inner.delete(snapshot, warrant).await
    }
}
