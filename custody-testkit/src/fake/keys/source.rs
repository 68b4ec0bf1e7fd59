use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use custody_core::ids::DiskId;
use custody_core::port::{
    DiskDescription, DiskEncryption, DiskSnapshot, FetchedKey, KeyMaterial, KeyReference, KeyRequirement,
    KeySource,
};
use custody_core::{Acted, Error, Result, ServiceRecord};
use zeroize::Zeroizing;

use crate::shared::Shared;

/// Knows the keys that a test put into it. Clones are the same vault.
#[derive(Debug, Clone, Default)]
pub struct FakeKeySource {
    state: Shared<Vault>,
}

#[derive(Default)]
struct Vault {
    /// Plain keys by address.
    keys: BTreeMap<String, Vec<u8>>,
    /// Which addresses a disk needs.
    needs: BTreeMap<DiskId, Vec<String>>,
    fetched: u64,
    /// Why nothing can be asked.
    unreachable: Option<String>,
}

impl FakeKeySource {
    /// A vault without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a key under an address that names exactly one version, and says that the disk needs it.
    pub fn put(&self, disk: &DiskId, address: &str, key: &[u8]) {
        let mut state = self.state.lock();
        state.keys.insert(address.to_owned(), key.to_vec());
        state
            .needs
            .entry(disk.clone())
            .or_default()
            .push(address.to_owned());
    }

    /// Purges a key, as an intruder may while disks are copied. The disk still needs it.
    pub fn purge(&self, address: &str) {
        self.state.lock().keys.remove(address);
    }

    /// Lets nothing be asked any longer, for this reason, or lets everything be asked again.
    pub fn unreachable(&self, reason: Option<&str>) {
        self.state.lock().unreachable = reason.map(Into::into);
    }

    /// How often a key was fetched.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.state.lock().fetched
    }
}

impl fmt::Display for FakeKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake key source")
    }
}

#[async_trait]
impl KeySource for FakeKeySource {
    async fn requirement(&self, disk: &DiskDescription, _: &DiskSnapshot) -> Result<Acted<KeyRequirement>> {
        let state = self.state.lock();
        if let Some(reason) = &state.unreachable {
            return Err(unreachable(reason));
        }
        let known = state.needs.get(&disk.disk);
        Ok(Acted::local(match (&disk.encryption, known) {
            (_, Some(addresses)) => KeyRequirement::Keys(addresses.iter().map(KeyReference::new).collect()),
            (DiskEncryption::None, None) => KeyRequirement::None,
            (DiskEncryption::NotStated, None) => {
                KeyRequirement::Unknown("the provider says nothing of encryption".into())
            }
            (DiskEncryption::Encrypted { statement }, None) => {
                KeyRequirement::Unknown(format!("{statement}: no key is known"))
            }
        }))
    }

    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.unreachable {
            return Err(unreachable(reason));
        }
        let Some(bytes) = state.keys.get(&key.address).cloned() else {
            return Err(Error::NotFound {
                object: key.address.clone(),
            });
        };
        state.fetched += 1;
        let service = ServiceRecord::none().with_id("fake-request-id", format!("fetch-{}", state.fetched));
        Ok(Acted {
            value: FetchedKey::new(KeyMaterial::new(Zeroizing::new(bytes)))
                .with_attribute("contentType", "fake key"),
            service,
        })
    }
}

fn unreachable(reason: &str) -> Error {
    Error::Provider {
        object: "fake key source".into(),
        operation: "ask",
        source: Some(reason.into()),
    }
}
