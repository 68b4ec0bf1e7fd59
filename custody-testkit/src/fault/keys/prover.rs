use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::extent::ByteRange;
use custody_core::port::{ImageReader, KeyMaterial, KeyProof, KeyProver, ProofVerdict};

use crate::fake::FakeProver;
use crate::shared::Shared;

/// How a [`FaultyProver`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProverFault {
    /// A key that opened an image once opens every image.
    RemembersKeys,
    /// A wrong key cannot be told from an image without encryption.
    CallsWrongKeysNotEncrypted,
    /// It looks into the content to see whether it makes sense.
    ReadsContent,
    /// An image that needs a key opens without one.
    OpensWithNothing,
    /// It does not look for encrypted volumes where it is given no key.
    LooksForNothing,
    /// It does not say what it saw of an image without encryption.
    KeepsWhatItSaw,
}

/// A prover with one fault.
#[derive(Debug)]
pub struct FaultyProver {
    inner: FakeProver,
    fault: ProverFault,
    opened: Shared<Vec<Vec<u8>>>,
}

impl FaultyProver {
    /// This prover with this fault.
    #[must_use]
    pub fn new(inner: FakeProver, fault: ProverFault) -> Self {
        Self {
            inner,
            fault,
            opened: Shared::default(),
        }
    }
}

impl fmt::Display for FaultyProver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyProver for FaultyProver {
    async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> Result<KeyProof> {
        if self.fault == ProverFault::ReadsContent {
            image
                .read(ByteRange::at(image.length() / 2, image.length() / 4))
                .await?;
        }
        let mut proof = self.inner.prove(image, key).await?;
        let is_empty = key.expose().is_empty();
        match self.fault {
            ProverFault::KeepsWhatItSaw => proof.notes.clear(),
            ProverFault::LooksForNothing if is_empty => {
                return Ok(KeyProof::new(ProofVerdict::NotEncrypted).with_note("nothing was looked for"));
            }
            _ => {}
        }
        let mut opened = self.opened.lock();
        let known = opened.iter().any(|known| known == key.expose());
        if proof.verdict == ProofVerdict::Opens {
            opened.push(key.expose().to_vec());
        }
        proof.verdict = match (self.fault, proof.verdict) {
            (ProverFault::OpensWithNothing, ProofVerdict::DoesNotOpen) if is_empty => ProofVerdict::Opens,
            (ProverFault::RemembersKeys, _) if known => ProofVerdict::Opens,
            (ProverFault::CallsWrongKeysNotEncrypted, ProofVerdict::DoesNotOpen) => {
                ProofVerdict::NotEncrypted
            }
            (_, verdict) => verdict,
        };
        Ok(proof)
    }
}
