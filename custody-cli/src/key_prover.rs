use std::sync::Arc;

use custody_core::port::KeyProver;

/// What tries keys on images: the one place of this program that chooses it.
pub(crate) fn prover() -> Arc<dyn KeyProver> {
    Arc::new(custody_keys::Prover::default())
}
