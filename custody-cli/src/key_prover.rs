use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::port::{ImageReader, KeyMaterial, KeyProof, KeyProver, ProofVerdict};

/// What tries keys on images: the one place of this program that chooses it.
pub(crate) fn prover() -> Arc<dyn KeyProver> {
    Arc::new(NoProver)
}

/// Says of every image that it could not be looked into.
#[derive(Debug, Clone, Copy)]
struct NoProver;

impl fmt::Display for NoProver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no prover")
    }
}

#[async_trait]
impl KeyProver for NoProver {
    async fn prove(&self, _: Arc<dyn ImageReader>, _: &KeyMaterial) -> Result<KeyProof> {
        Ok(KeyProof::new(ProofVerdict::CannotTell {
            reason: "this program was built without what looks into encrypted volumes".into(),
        }))
    }
}
