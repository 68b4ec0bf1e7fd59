//! A sink whose medium damages an object after it was committed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink, ImportOptions, ImportState, ObjectState, Protection, ReadGrant,
    Receipt, SinkCapabilities, Taken,
};
use custody_core::{Acted, Result};
use custody_testkit::fake::MemoryStore;

/// Flips a bit of each of the first `times` commits of objects whose name ends with `suffix`.
#[derive(Debug, Clone)]
pub(crate) struct CorruptingSink {
    pub(crate) store: MemoryStore,
    pub(crate) suffix: &'static str,
    pub(crate) at: usize,
    pub(crate) times: Arc<AtomicU32>,
}

impl fmt::Display for CorruptingSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corrupting({})", self.store)
    }
}

#[async_trait]
impl EvidenceSink for CorruptingSink {
    fn capabilities(&self) -> SinkCapabilities {
        self.store.capabilities()
    }
    async fn protection(&self) -> Result<Protection> {
        self.store.protection().await
    }
    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        self.store.state(name, acquisition).await
    }
    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        self.store.import(name, from, options).await
    }
    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        let inner = self.store.deposit(name, options).await?;
        Ok(Box::new(CorruptingDeposit {
            inner,
            name: name.clone(),
            sink: self.clone(),
        }))
    }
    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>> {
        self.store.hold(name).await
    }
}

#[derive(Debug)]
struct CorruptingDeposit {
    inner: Box<dyn Deposit>,
    name: ObjectName,
    sink: CorruptingSink,
}

#[async_trait]
impl Deposit for CorruptingDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        self.inner.write(extent).await
    }
    async fn commit(self: Box<Self>) -> Result<Acted<Receipt>> {
        let receipt = self.inner.commit().await?;
        let left = self.sink.times.load(Ordering::SeqCst);
        if left > 0 && self.name.as_str().ends_with(self.sink.suffix) {
            self.sink.times.store(left - 1, Ordering::SeqCst);
            self.sink.store.corrupt(&self.name, self.sink.at, 1)?;
        }
        Ok(receipt)
    }
    async fn abort(self: Box<Self>) -> Result<Acted<()>> {
        self.inner.abort().await
    }
}
