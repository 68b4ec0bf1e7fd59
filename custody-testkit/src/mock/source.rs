use std::fmt;

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{
    DiskSnapshot, GrantOptions, Machine, OpenedSource, ReadGrant, SnapshotOutcome, SnapshotPlan, Snapshotter,
    SourceAccess, SourceState,
};
use custody_core::{Acted, Result};

mockall::mock! {
    #[derive(Debug)]
    pub Snapshotter {}
    impl fmt::Display for Snapshotter { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl Snapshotter for Snapshotter {
        async fn describe(&self, machine: &MachineRef) -> Result<Machine>;
        async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome>;
        async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>>;
        async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub SourceAccess {}
    impl fmt::Display for SourceAccess { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl SourceAccess for SourceAccess {
        async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>>;
        async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>>;
        async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource>;
        async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState>;
    }
}
