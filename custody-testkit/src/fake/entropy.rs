use std::fmt;

use custody_core::Result;
use custody_core::port::Entropy;
use sha2::{Digest as _, Sha256};

use crate::shared::Shared;

/// Bytes that look random and are the same in every run: SHA-256 of the seed and a counter.
///
/// For tests only: whoever knows the seed knows every byte.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: u64,
    blocks: Shared<u64>,
}

impl SeededEntropy {
    /// The sequence of this seed, from its start.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: Shared::new(0),
        }
    }
}

impl fmt::Display for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seeded entropy {}", self.seed)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let mut blocks = self.blocks.lock();
        for piece in bytes.chunks_mut(32) {
            *blocks += 1;
            let mut hash = Sha256::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(blocks.to_be_bytes());
            for (to, from) in piece.iter_mut().zip(hash.finalize()) {
                *to = from;
            }
        }
        Ok(())
    }
}
