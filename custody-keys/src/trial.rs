use std::sync::Arc;

use futures::lock::{Mutex, OwnedMutexGuard};

use crate::disk_key::DiskKey;
use crate::effort::Effort;
use crate::limits::ProofLimits;

/// A key that is tried on one disk, and what may be spent on that.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) key: Arc<DiskKey>,
    pub(crate) limits: ProofLimits,
    pub(crate) effort: Arc<Effort>,
    pub(crate) turns: Turns,
}

/// Lets one at a time use the memory that Argon2 takes, among all proofs of a prover and its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<()>>);

/// Held as long as the memory is: it goes with the work to its thread.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "what it is for is to be dropped")] OwnedMutexGuard<()>);

impl Turns {
    pub(crate) async fn next(&self) -> Turn {
        Turn(Arc::clone(&self.0).lock_owned().await)
    }
}
