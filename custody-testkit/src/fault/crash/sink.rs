use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceReader, EvidenceSink, ImageReader, ImportOptions, ImportState,
    ObjectState, Protection, ReadGrant, Receipt, SinkCapabilities, StoredObject, Taken,
};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

use super::{CallGate, Crashing};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl EvidenceSink for Crashing<dyn EvidenceSink> {
    fn capabilities(&self) -> SinkCapabilities {
        self.inner.capabilities()
    }

    async fn protection(&self) -> Result<Protection> {
        self.gate.alive("sink.protection")?;
        self.inner.protection().await
    }

    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        self.gate.alive("sink.state")?;
        self.inner.state(name, acquisition).await
    }

    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        self.gate
            .act("sink.import", self.inner.import(name, from, options))
            .await
    }

    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        let inner = self
            .gate
            .act("sink.deposit", self.inner.deposit(name, options))
            .await?;
        Ok(Box::new(CrashingDeposit {
            inner: Some(inner),
            gate: self.gate.clone(),
        }))
    }

    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>> {
        self.gate.act("sink.hold", self.inner.hold(name)).await
    }
}

/// A deposit behind a gate. When the process is dead it is leaked rather than dropped: a process that
/// dies tidies nothing up.
struct CrashingDeposit {
    /// `None` once it was committed or aborted.
    inner: Option<Box<dyn Deposit>>,
    gate: CallGate,
}

impl CrashingDeposit {
    fn ending(&mut self) -> Box<dyn Deposit> {
        self.inner
            .take()
            .expect("a deposit ends once: ending it consumes it")
    }
}

impl fmt::Debug for CrashingDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crashing({:?})", self.inner)
    }
}

impl Drop for CrashingDeposit {
    fn drop(&mut self) {
        if self.gate.is_dead() {
            std::mem::forget(self.inner.take());
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Deposit for CrashingDeposit {
    async fn write(&mut self, extent: Extent) -> Result<Taken> {
        let Self { inner, gate } = self;
        let inner = inner.as_mut().expect("a deposit that ended cannot be written to");
        gate.act("deposit.write", inner.write(extent)).await
    }

    async fn commit(mut self: Box<Self>) -> Result<Acted<Receipt>> {
        let gate = self.gate.clone();
        gate.act("deposit.commit", async move { self.ending().commit().await })
            .await
    }

    async fn abort(mut self: Box<Self>) -> Result<Acted<()>> {
        let gate = self.gate.clone();
        gate.act("deposit.abort", async move { self.ending().abort().await })
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl EvidenceReader for Crashing<dyn EvidenceReader> {
    fn list(&self, under: Option<ObjectName>) -> BoxStream<'_, Result<StoredObject>> {
        self.gate.alive_stream("reader.list", || self.inner.list(under))
    }

    async fn describe(&self, name: &ObjectName) -> Result<StoredObject> {
        self.gate.alive("reader.describe")?;
        self.inner.describe(name).await
    }

    async fn open(&self, name: &ObjectName) -> Result<Arc<dyn ImageReader>> {
        self.gate.alive("reader.open")?;
        let inner = self.inner.open(name).await?;
        Ok(Arc::new(Crashing::new(inner, self.gate.clone())))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ImageReader for Crashing<dyn ImageReader> {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.gate.alive_stream("image.spans", || self.inner.spans(within))
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        self.gate.alive("image.read")?;
        self.inner.read(range).await
    }
}
