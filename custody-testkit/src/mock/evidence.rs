use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceReader, EvidenceSink, ImageReader, ImportOptions, ImportState,
    ObjectState, Protection, ReadGrant, Receipt, SinkCapabilities, StoredObject, Taken,
};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

mockall::mock! {
    #[derive(Debug)]
    pub EvidenceSink {}
    impl fmt::Display for EvidenceSink { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl EvidenceSink for EvidenceSink {
        fn capabilities(&self) -> SinkCapabilities;
        async fn protection(&self) -> Result<Protection>;
        async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState>;
        async fn import(&self, name: &ObjectName, from: &ReadGrant, options: ImportOptions) -> Result<Acted<ImportState>>;
        async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>>;
        async fn hold(&self, name: &ObjectName) -> Result<Acted<()>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub Deposit {}
    impl fmt::Display for Deposit { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl Deposit for Deposit {
        async fn write(&mut self, extent: Extent) -> Result<Taken>;
        async fn commit(self: Box<Self>) -> Result<Acted<Receipt>>;
        async fn abort(self: Box<Self>) -> Result<Acted<()>>;
    }
}

mockall::mock! {
    #[derive(Debug)]
    pub EvidenceReader {}
    impl fmt::Display for EvidenceReader { fn fmt<'a>(&self, f: &mut fmt::Formatter<'a>) -> fmt::Result; }
    #[async_trait]
    impl EvidenceReader for EvidenceReader {
        fn list(&self, under: Option<ObjectName>) -> BoxStream<'static, Result<StoredObject>>;
        async fn describe(&self, name: &ObjectName) -> Result<StoredObject>;
        async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>>;
    }
}
