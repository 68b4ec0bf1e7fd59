use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, KeyEscrow};
use custody_core::{Acted, Error, Result, ServiceRecord};
use futures::stream::{self, BoxStream};

use crate::shared::Shared;

/// Keeps wrapped keys in memory. Clones are the same escrow.
#[derive(Debug, Clone, Default)]
pub struct MemoryEscrow {
    records: Shared<BTreeMap<Segment, EscrowRecord>>,
}

impl MemoryEscrow {
    /// An empty escrow.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of all keys, ascending.
    #[must_use]
    pub fn names(&self) -> Vec<Segment> {
        self.records.lock().keys().cloned().collect()
    }
}

impl fmt::Display for MemoryEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory escrow")
    }
}

#[async_trait]
impl KeyEscrow for MemoryEscrow {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        let mut records = self.records.lock();
        if records.get(name).is_some_and(|known| known != record) {
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        records.insert(name.clone(), record.clone());
        Ok(Acted {
            value: EscrowReceipt::new(name),
            service: ServiceRecord::none().with_status("200"),
        })
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        let records = self.records.lock();
        let record = records.get(name).ok_or_else(|| Error::NotFound {
            object: name.to_string(),
        })?;
        Ok(Acted::local(record.clone()))
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        let records = self.records.lock();
        let ours = records.iter().filter(|(_, record)| record.acquisition == *of);
        let receipts: Vec<_> = ours.map(|(name, _)| Ok(EscrowReceipt::new(name))).collect();
        Box::pin(stream::iter(receipts))
    }
}
