use async_trait::async_trait;
use custody_core::custody_log::VerifierKey;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister, SealSigner, TimestampAuthority};
use custody_core::{Acted, Result};

use super::Crashing;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SealSigner for Crashing<dyn SealSigner> {
    fn verifier_key(&self) -> &VerifierKey {
        self.inner.verifier_key()
    }

    async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        self.gate.act("signer.sign", self.inner.sign(message)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl TimestampAuthority for Crashing<dyn TimestampAuthority> {
    async fn stamp(&self, message: &[u8]) -> Result<Acted<Vec<u8>>> {
        self.gate.act("timestamps.stamp", self.inner.stamp(message)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl DigestRegister for Crashing<dyn DigestRegister> {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        self.gate.act("digests.put", self.inner.put(entry)).await
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        self.gate.alive("digests.find")?;
        self.inner.find(name).await
    }
}
