use std::fmt;

use async_trait::async_trait;
use custody_core::custody_log::VerifierKey;
use custody_core::port::SealSigner;
use custody_core::{Acted, Result};

use crate::fake::FakeSigner;

/// How a [`FaultySigner`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignerFault {
    /// Another key signs than the one that is told.
    SignsWithAnotherKey,
    /// White space at the ends of a message is left out of what is signed.
    TrimsTheMessage,
    /// `Debug` shows the private key.
    ShowsItsKey,
}

/// A signer with one fault.
pub struct FaultySigner {
    inner: FakeSigner,
    fault: SignerFault,
}

impl FaultySigner {
    /// This signer with this fault.
    #[must_use]
    pub const fn new(inner: FakeSigner, fault: SignerFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Debug for FaultySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            SignerFault::ShowsItsKey => write!(f, "FaultySigner({:?})", self.inner.private_bytes()),
            _ => write!(f, "FaultySigner({:?})", self.inner),
        }
    }
}

impl fmt::Display for FaultySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SealSigner for FaultySigner {
    fn verifier_key(&self) -> &VerifierKey {
        self.inner.verifier_key()
    }

    async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        match self.fault {
            SignerFault::SignsWithAnotherKey => FakeSigner::ed25519("another", 99).sign(message).await,
            SignerFault::TrimsTheMessage => self.inner.sign(message.trim_ascii()).await,
            SignerFault::ShowsItsKey => self.inner.sign(message).await,
        }
    }
}
