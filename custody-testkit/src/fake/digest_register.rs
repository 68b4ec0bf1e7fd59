use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister};
use custody_core::{Acted, Error, Result, ServiceRecord};

use crate::shared::Shared;

/// A second place for digests, in memory. Clones are the same register.
#[derive(Debug, Clone, Default)]
pub struct MemoryDigestRegister {
    digests: Shared<BTreeMap<String, Sha256Digest>>,
}

impl MemoryDigestRegister {
    /// An empty register.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that was put, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Sha256Digest> {
        self.digests.lock().clone()
    }
}

impl fmt::Display for MemoryDigestRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory digest register")
    }
}

#[async_trait]
impl DigestRegister for MemoryDigestRegister {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        let mut digests = self.digests.lock();
        match digests.get(&entry.name) {
            Some(known) if *known != entry.digest => Err(Error::AlreadyExists {
                object: entry.name.clone(),
            }),
            _ => {
                digests.insert(entry.name.clone(), entry.digest);
                Ok(Acted {
                    value: (),
                    service: ServiceRecord::none().with_status("200"),
                })
            }
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        Ok(self.digests.lock().get(name).copied())
    }
}
