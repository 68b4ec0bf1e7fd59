use std::collections::BTreeMap;

use futures::lock::Mutex;

use crate::ids::EvidenceItemId;
use crate::port::KeyMaterial;

/// The keys that this run fetched and has not proven yet. They are wiped when they are taken out, or with the run.
#[derive(Debug, Default)]
pub(super) struct KeyRing(Mutex<BTreeMap<(EvidenceItemId, u32), KeyMaterial>>);

impl KeyRing {
    pub(super) async fn put(&self, item: &EvidenceItemId, number: u32, key: KeyMaterial) {
        self.0.lock().await.insert((item.clone(), number), key);
    }

    pub(super) async fn take(&self, item: &EvidenceItemId, number: u32) -> Option<KeyMaterial> {
        self.0.lock().await.remove(&(item.clone(), number))
    }

    /// Wipes the keys of an item.
    pub(super) async fn forget(&self, item: &EvidenceItemId) {
        self.0.lock().await.retain(|(of, _), _| of != item);
    }
}
