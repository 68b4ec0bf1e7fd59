use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{
    DiskDescription, DiskSnapshot, EscrowReceipt, EscrowRecord, FetchedKey, KeyEscrow, KeyMaterial,
    KeyReference, KeyRequirement, KeySource, KeyWrapper, WrappedKey,
};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

use super::Crashing;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeySource for Crashing<dyn KeySource> {
    async fn requirement(
        &self,
        disk: &DiskDescription,
        snapshot: &DiskSnapshot,
    ) -> Result<Acted<KeyRequirement>> {
        self.gate.alive("keys.requirement")?;
        self.inner.requirement(disk, snapshot).await
    }

    /// Counted although nothing changes: it exposes a key.
    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>> {
        self.gate.act("keys.fetch", self.inner.fetch(key)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyWrapper for Crashing<dyn KeyWrapper> {
    async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        self.gate
            .act("wrapper.wrap", self.inner.wrap(key, acquisition))
            .await
    }

    async fn unwrap_key(&self, key: &WrappedKey, acquisition: &AcquisitionId) -> Result<Acted<KeyMaterial>> {
        self.gate
            .act("wrapper.unwrap_key", self.inner.unwrap_key(key, acquisition))
            .await
    }

    fn cautions(&self) -> Vec<String> {
        self.inner.cautions()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyEscrow for Crashing<dyn KeyEscrow> {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        self.gate
            .act("escrow.deposit", self.inner.deposit(name, record))
            .await
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        self.gate.alive("escrow.withdraw")?;
        self.inner.withdraw(name).await
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        self.gate.alive_stream("escrow.list", || self.inner.list(of))
    }
}
