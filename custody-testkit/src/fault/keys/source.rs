use std::fmt;

use async_trait::async_trait;
use custody_core::port::{
    DiskDescription, DiskEncryption, DiskSnapshot, FetchedKey, KeyReference, KeyRequirement, KeySource,
};
use custody_core::{Acted, Result};

use crate::fake::FakeKeySource;
use crate::shared::Shared;

/// How a [`FaultyKeySource`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySourceFault {
    /// Where nobody says anything, no key is needed.
    CallsUnknownNone,
    /// Whatever version is named, the first one is fetched.
    FetchesTheFirstVersion,
    /// `Debug` shows the keys that were fetched.
    ShowsKeys,
}

/// A source of keys with one fault.
pub struct FaultyKeySource {
    inner: FakeKeySource,
    fault: KeySourceFault,
    seen: Shared<Vec<Vec<u8>>>,
}

impl FaultyKeySource {
    /// This source with this fault.
    #[must_use]
    pub fn new(inner: FakeKeySource, fault: KeySourceFault) -> Self {
        Self {
            inner,
            fault,
            seen: Shared::default(),
        }
    }
}

impl fmt::Debug for FaultyKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            KeySourceFault::ShowsKeys => write!(f, "FaultyKeySource({:?})", self.seen.lock()),
            fault => write!(f, "FaultyKeySource({fault:?})"),
        }
    }
}

impl fmt::Display for FaultyKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeySource for FaultyKeySource {
    async fn requirement(
        &self,
        disk: &DiskDescription,
        snapshot: &DiskSnapshot,
    ) -> Result<Acted<KeyRequirement>> {
        if self.fault == KeySourceFault::CallsUnknownNone && disk.encryption == DiskEncryption::NotStated {
            return Ok(Acted::local(KeyRequirement::None));
        }
        self.inner.requirement(disk, snapshot).await
    }

    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>> {
        let mut key = key.clone();
        if self.fault == KeySourceFault::FetchesTheFirstVersion
            && let Some((name, _)) = key.address.rsplit_once('/')
        {
            key.address = format!("{name}/1");
        }
        let fetched = self.inner.fetch(&key).await?;
        self.seen.lock().push(fetched.value.key.expose().to_vec());
        Ok(fetched)
    }
}
