use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink, ImportOptions, ImportState, ObjectState, Protection, ReadGrant,
    SinkCapabilities,
};
use custody_core::{Acted, Error, Result};

use super::BlobStore;
use super::deposit::BlobDeposit;

#[async_trait]
impl EvidenceSink for BlobStore {
    fn capabilities(&self) -> SinkCapabilities {
        let mut capabilities = SinkCapabilities::all();
        // A container's legal hold concerns all cases in it: whoever keeps the store places it.
        capabilities.hold = false;
        capabilities
    }

    async fn protection(&self) -> Result<Protection> {
        self.container_protection().await
    }

    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        let Some(found) = self.remote(name)?.look().await? else {
            return Ok(ObjectState::Absent);
        };
        let facts = found.value;
        if !facts.is_of(acquisition) {
            return Ok(ObjectState::Foreign);
        }
        Ok(match facts.import(name) {
            None => ObjectState::Stored(facts.receipt(name)),
            Some(ImportState::Done(receipt)) => ObjectState::Stored(receipt),
            Some(other) => ObjectState::Importing(other),
        })
    }

    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        self.start_import(name, from, &options).await
    }

    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        if self.remote(name)?.look().await?.is_some() {
            return Err(Error::AlreadyExists {
                object: self.shown(name),
            });
        }
        Ok(Box::new(BlobDeposit::begin(
            self.clone(),
            name.clone(),
            &options,
        )?))
    }

    async fn hold(&self, _: &ObjectName) -> Result<Acted<()>> {
        Err(Error::Unsupported {
            operation: "placing a legal hold on one object",
            provider: self.to_string(),
        })
    }
}
