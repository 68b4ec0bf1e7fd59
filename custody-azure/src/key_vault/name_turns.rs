use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::lock::{Mutex as Turn, OwnedMutexGuard};

/// Lets what may come to lie under one name of a vault be put one after the other: a vault has no "only if absent", and
/// the keys of a capture's disks are taken at once.
#[derive(Debug, Clone, Default)]
pub(super) struct NameTurns {
    known: Arc<Mutex<BTreeMap<String, Arc<Turn<()>>>>>,
}

impl NameTurns {
    /// Waits for the turn, which ends when what is given is dropped. Vaults do not tell upper from lower case.
    pub(super) async fn of(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(name.to_ascii_lowercase()).or_default().clone()
        };
        turn.lock_owned().await
    }
}
