use std::fmt;

use async_trait::async_trait;
use custody_core::ids::{AcquisitionId, Segment};
use custody_core::port::{EscrowReceipt, EscrowRecord, EscrowedKey, KeyEscrow};
use custody_core::{Acted, Error, Result};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::fake::MemoryEscrow;

/// How a [`FaultyEscrow`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EscrowFault {
    /// What is withdrawn has lost the last byte of the wrapped key.
    CutsRecords,
    /// A key in plain form is kept where nothing guards it.
    KeepsAnything,
    /// Another record under a taken name is passed over in silence.
    IgnoresAnother,
    /// Each key is listed twice.
    ListsTwice,
}

/// An escrow with one fault.
#[derive(Debug)]
pub struct FaultyEscrow {
    inner: MemoryEscrow,
    fault: EscrowFault,
}

impl FaultyEscrow {
    /// This escrow with this fault.
    #[must_use]
    pub const fn new(inner: MemoryEscrow, fault: EscrowFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Display for FaultyEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyEscrow for FaultyEscrow {
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>> {
        match self.inner.deposit(name, record).await {
            Err(Error::AlreadyExists { .. }) if self.fault == EscrowFault::IgnoresAnother => {
                Ok(Acted::local(EscrowReceipt::new(name, &record.key)))
            }
            Err(Error::Unsupported { .. }) if self.fault == EscrowFault::KeepsAnything => {
                Ok(Acted::local(EscrowReceipt::new(name, &record.key)))
            }
            outcome => outcome,
        }
    }

    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>> {
        let mut record = self.inner.withdraw(name).await?;
        if let (EscrowFault::CutsRecords, EscrowedKey::Wrapped(key)) = (self.fault, &mut record.value.key) {
            key.bytes.pop();
        }
        Ok(record)
    }

    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>> {
        let listed = self.inner.list(of);
        if self.fault != EscrowFault::ListsTwice {
            return listed;
        }
        Box::pin(listed.flat_map(|receipt| {
            let twice: Vec<Result<EscrowReceipt, Error>> = match receipt {
                Ok(receipt) => vec![Ok(receipt.clone()), Ok(receipt)],
                Err(error) => vec![Err(error)],
            };
            stream::iter(twice)
        }))
    }
}
