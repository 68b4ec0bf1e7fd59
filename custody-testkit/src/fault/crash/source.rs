use std::sync::Arc;

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{
    DiskSnapshot, GrantOptions, Machine, OpenedSource, ReadGrant, SnapshotOutcome, SnapshotPlan, Snapshotter,
    SourceAccess, SourceState,
};
use custody_core::{Acted, Result};

use super::Crashing;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Snapshotter for Crashing<dyn Snapshotter> {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        self.gate.alive("snapshotter.describe")?;
        self.inner.describe(machine).await
    }

    /// One call for all snapshots: when it is broken, each of them fails.
    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let call = "snapshotter.take";
        let taken = self
            .gate
            .act(call, async { Ok(self.inner.take(plan).await) })
            .await;
        let error = match taken {
            Ok(outcomes) => return outcomes,
            Err(error) => error,
        };
        let mut first = Some(error);
        let outcome = |planned: &custody_core::port::PlannedSnapshot| SnapshotOutcome {
            disk: planned.disk.clone(),
            result: Err(first.take().unwrap_or_else(|| self.gate.broken(call))),
        };
        plan.snapshots.iter().map(outcome).collect()
    }

    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        self.gate.alive("snapshotter.list")?;
        self.inner.list(of).await
    }

    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        self.gate
            .act("snapshotter.delete", self.inner.delete(snapshot, warrant))
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SourceAccess for Crashing<dyn SourceAccess> {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        self.gate
            .act("source.grant", self.inner.grant(snapshot, options))
            .await
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        self.gate.act("source.revoke", self.inner.revoke(snapshot)).await
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        self.gate.alive("source.open")?;
        let mut opened = self.inner.open(snapshot, grant).await?;
        opened.image = Arc::new(Crashing::new(opened.image, self.gate.clone()));
        Ok(opened)
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        self.gate.alive("source.state")?;
        self.inner.state(snapshot).await
    }
}
