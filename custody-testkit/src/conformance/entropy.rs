//! The clauses of [`Entropy`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use custody_core::port::Entropy;

use super::clause::{Conforms, ensure, suite};

/// A source of randomness.
pub struct EntropyHarness {
    entropy: Arc<dyn Entropy>,
}

impl EntropyHarness {
    /// This source.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }
}

impl fmt::Debug for EntropyHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntropyHarness({})", self.entropy)
    }
}

/// `EN-01`, as far as output shows it: no two draws alike, no byte left as it was. That the bytes are fit
/// for keys cannot be seen from them; a seeded sequence passes too.
///
/// # Errors
/// How the clause is broken.
pub async fn en_01_every_byte_is_drawn_anew(harness: &EntropyHarness) -> Conforms {
    for length in [1_usize, 4, 16, 31, 32, 33, 100] {
        let mut draws = Vec::new();
        for _ in 0..64 {
            let mut bytes = vec![0xa5; length];
            harness.entropy.fill(&mut bytes)?;
            draws.push(bytes);
        }
        for at in 0..length {
            let values: BTreeSet<_> = draws.iter().filter_map(|bytes| bytes.get(at)).collect();
            // 64 fair draws give fewer than 16 of the 256 values less than once in 2^100.
            ensure!(
                values.len() >= 16,
                "byte {at} of {length} took {} values in 64 draws",
                values.len()
            );
        }
        let distinct: BTreeSet<_> = draws.iter().collect();
        ensure!(
            length < 16 || distinct.len() == draws.len(),
            "two draws of {length} bytes are the same"
        );
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `Entropy` as tests, on an [`EntropyHarness`](crate::conformance::entropy::EntropyHarness).
    entropy_conformance, entropy, EntropyHarness, [
        en_01_every_byte_is_drawn_anew,
    ]
}
