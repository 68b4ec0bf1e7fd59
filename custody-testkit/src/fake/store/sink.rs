use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{
    Deposit, DepositOptions, EvidenceSink, ImportOptions, ImportState, ObjectState, Protection, ReadGrant,
    SinkCapabilities,
};
use custody_core::{Acted, Error, Result};

use super::MemoryStore;
use super::deposit::MemoryDeposit;

impl MemoryStore {
    fn unsupported(&self, operation: &'static str) -> Error {
        Error::Unsupported {
            operation,
            provider: self.to_string(),
        }
    }
}

#[async_trait]
impl EvidenceSink for MemoryStore {
    fn capabilities(&self) -> SinkCapabilities {
        self.capabilities
    }

    async fn protection(&self) -> Result<Protection> {
        Ok(self.protection.clone())
    }

    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState> {
        if let Some(state) = self.poll_import(name, acquisition) {
            return Ok(state);
        }
        let state = self.state.lock();
        Ok(match state.objects.get(name) {
            None => ObjectState::Absent,
            Some(object) if object.owner.as_ref() == Some(acquisition) => {
                ObjectState::Stored(self.receipt(name, object))
            }
            Some(_) => ObjectState::Foreign,
        })
    }

    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>> {
        if !self.capabilities.import {
            return Err(self.unsupported("import"));
        }
        self.start_import(name, from, &options)
    }

    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>> {
        if !self.capabilities.deposit {
            return Err(self.unsupported("deposit"));
        }
        let mut state = self.state.lock();
        let service = state.answer("deposit");
        if state.is_taken(name) {
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            }
            .answered(service));
        }
        let turn = state.requests;
        state.staging.insert(name.clone(), turn);
        Ok(Box::new(MemoryDeposit::new(
            self.clone(),
            name.clone(),
            options,
            turn,
        )))
    }

    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>> {
        if !self.capabilities.hold {
            return Err(self.unsupported("hold"));
        }
        let mut state = self.state.lock();
        let service = state.answer("hold");
        let object = state.objects.get_mut(name).ok_or_else(|| Error::NotFound {
            object: name.to_string(),
        })?;
        object.held = true;
        Ok(Acted { value: (), service })
    }
}
