use std::fmt;

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{
    DiskSnapshot, GrantOptions, Machine, OpenedSource, ReadGrant, SnapshotOutcome, SnapshotPlan, Snapshotter,
    SourceAccess, SourceState,
};
use custody_core::{Acted, Error, Result};

/// The source side of a bundle that only writes into a register: there is no machine, and nothing can be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoSources;

impl NoSources {
    fn refuse<T>(self, operation: &'static str) -> Result<T> {
        Err(Error::Unsupported {
            operation,
            provider: self.to_string(),
        })
    }
}

impl fmt::Display for NoSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no sources")
    }
}

#[async_trait]
impl Snapshotter for NoSources {
    async fn describe(&self, _: &MachineRef) -> Result<Machine> {
        self.refuse("describing a machine")
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let refused = plan.snapshots.iter().map(|planned| SnapshotOutcome {
            disk: planned.disk.clone(),
            result: self.refuse("taking a disk snapshot"),
        });
        refused.collect()
    }

    async fn list(&self, _: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        self.refuse("listing disk snapshots")
    }

    async fn delete(&self, _: &DiskSnapshot, _: DeletionWarrant) -> Result<Acted<()>> {
        self.refuse("deleting a disk snapshot")
    }
}

#[async_trait]
impl SourceAccess for NoSources {
    async fn grant(&self, _: &DiskSnapshot, _: GrantOptions) -> Result<Acted<ReadGrant>> {
        self.refuse("granting access to a disk snapshot")
    }

    async fn revoke(&self, _: &DiskSnapshot) -> Result<Acted<()>> {
        self.refuse("revoking access to a disk snapshot")
    }

    async fn open(&self, _: &DiskSnapshot, _: &ReadGrant) -> Result<OpenedSource> {
        self.refuse("opening a disk snapshot")
    }

    async fn state(&self, _: &DiskSnapshot) -> Result<SourceState> {
        self.refuse("looking at a source")
    }
}
