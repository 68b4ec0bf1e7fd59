use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister};
use custody_core::{Acted, Error, Result};

use crate::shared::Shared;

/// How a [`FaultyRegister`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterFault {
    /// The same digest again is refused.
    RefusesTheSame,
    /// Another digest under the same name is passed over in silence.
    IgnoresAnother,
    /// What was put is found under no name.
    FindsNothing,
    /// What cannot be told counts as nothing.
    CallsUnknownNothing,
}

/// A register with one fault.
#[derive(Debug)]
pub struct FaultyRegister {
    inner: Arc<dyn DigestRegister>,
    fault: RegisterFault,
    names: Shared<Vec<String>>,
}

impl FaultyRegister {
    /// This register with this fault.
    #[must_use]
    pub fn new(inner: Arc<dyn DigestRegister>, fault: RegisterFault) -> Self {
        Self {
            inner,
            fault,
            names: Shared::default(),
        }
    }
}

impl fmt::Display for FaultyRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl DigestRegister for FaultyRegister {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        let again = self.names.lock().contains(&entry.name);
        self.names.lock().push(entry.name.clone());
        if self.fault == RegisterFault::RefusesTheSame && again {
            return Err(Error::AlreadyExists {
                object: entry.name.clone(),
            });
        }
        match self.inner.put(entry).await {
            Err(_) if self.fault == RegisterFault::IgnoresAnother => Ok(Acted::local(())),
            outcome => outcome,
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        match (self.fault, self.inner.find(name).await) {
            (RegisterFault::FindsNothing, Ok(_)) | (RegisterFault::CallsUnknownNothing, Err(_)) => Ok(None),
            (_, found) => found,
        }
    }
}
