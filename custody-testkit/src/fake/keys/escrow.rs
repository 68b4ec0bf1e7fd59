use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, EscrowedKey, KeyEscrow, KeyMaterial};
use custody_core::{Acted, Error, Result, ServiceRecord};
use futures::stream::{self, BoxStream};
use zeroize::Zeroizing;

use crate::shared::Shared;

/// Keeps keys in memory. Clones are the same escrow.
#[derive(Debug, Clone, Default)]
pub struct MemoryEscrow {
    records: Shared<BTreeMap<Segment, EscrowRecord>>,
    unguarded: bool,
}

impl MemoryEscrow {
    /// An empty escrow.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same escrow, which does not guard what it keeps: it takes wrapped keys only.
    #[must_use]
    pub const fn unguarded(mut self) -> Self {
        self.unguarded = true;
        self
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
        if self.unguarded && matches!(record.key, EscrowedKey::Entrusted(_)) {
            return Err(Error::Unsupported {
                operation: "keeping a key in plain form",
                provider: self.to_string(),
            });
        }
        let mut records = self.records.lock();
        let kept = records.entry(name.clone()).or_insert_with(|| copy(record));
        let differs = match (&kept.key, &record.key) {
            (EscrowedKey::Entrusted(kept), EscrowedKey::Entrusted(key)) => !kept.is_equal(key),
            _ => false,
        };
        if differs || !kept.is_same_key(record) {
            return Err(Error::AlreadyExists {
                object: name.to_string(),
            });
        }
        Ok(Acted {
            value: EscrowReceipt::new(name, &kept.key),
            service: ServiceRecord::none().with_status("200"),
        })
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        let records = self.records.lock();
        let record = records.get(name).ok_or_else(|| Error::NotFound {
            object: name.to_string(),
        })?;
        Ok(Acted::local(copy(record)))
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        let records = self.records.lock();
        let ours = records.iter().filter(|(_, record)| record.acquisition == *of);
        let receipts: Vec<_> = ours
            .map(|(name, record)| Ok(EscrowReceipt::new(name, &record.key)))
            .collect();
        Box::pin(stream::iter(receipts))
    }
}

/// The same record once more; keys have no `Clone`, so that no copy is made by the way.
fn copy(record: &EscrowRecord) -> EscrowRecord {
    let key = match &record.key {
        EscrowedKey::Wrapped(wrapped) => EscrowedKey::Wrapped(wrapped.clone()),
        EscrowedKey::Entrusted(key) => {
            EscrowedKey::Entrusted(KeyMaterial::new(Zeroizing::new(key.expose().to_vec())))
        }
    };
    let mut copy = EscrowRecord::new(
        record.acquisition.clone(),
        record.item.clone(),
        record.source.clone(),
        key,
    )
    .with_original(record.original.clone())
    .with_attributes(record.attributes.clone());
    copy.labels.clone_from(&record.labels);
    copy
}
