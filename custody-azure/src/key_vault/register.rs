use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use custody_core::digest::Sha256Digest;
use custody_core::port::{DigestEntry, DigestRegister};
use custody_core::{Acted, Error, Result, visible};
use zeroize::Zeroizing;

use super::location::VaultLocation;
use super::once::{MAX_TAGS, NewSecret, OnceOnly, tag_text};
use super::secret::StoredSecret;
use crate::arm::Arm;

/// As the runbook has it.
const CONTENT_TYPE: &str = "text/plain";

/// Digests in a key vault of the security operations center, in other hands than the evidence.
///
/// A digest is a secret `<snapshot>-hash-SHA256`, `text/plain`, in upper-case hexadecimal digits: as the current version
/// of Microsoft's runbook writes it, so that what its users compare with stays. Its tags say what it is of. Of a secret
/// with several versions the first one counts.
#[derive(Clone, Debug)]
pub struct VaultDigestRegister {
    secrets: OnceOnly,
}

impl VaultDigestRegister {
    /// The register in this vault, for this identity. Sends nothing yet.
    #[must_use]
    pub fn new(arm: &Arm, vault: VaultLocation, credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            secrets: OnceOnly::new(arm, vault, credential),
        }
    }

    fn digest(&self, name: &str, found: &StoredSecret) -> Result<Sha256Digest> {
        let text = found.value.trim().to_ascii_lowercase();
        text.parse().map_err(|_unparsed: Error| Error::AlreadyExists {
            object: format!(
                "{name} of {} (what it holds is no SHA-256)",
                self.secrets.location()
            ),
        })
    }

    fn adopt(&self, entry: &DigestEntry, found: &StoredSecret) -> Result<()> {
        if self.digest(&entry.name, found)? == entry.digest {
            return Ok(());
        }
        Err(Error::AlreadyExists {
            object: format!(
                "{} of {} (it holds another digest)",
                entry.name,
                self.secrets.location()
            ),
        })
    }
}

/// The labels as tags: as many as a secret takes, the acquisition among them.
fn tags(entry: &DigestEntry) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    tags.insert("acquisition".into(), entry.acquisition.to_string());
    for (name, value) in &entry.labels {
        if tags.len() < MAX_TAGS {
            tags.entry(tag_text(name))
                .or_insert_with(|| tag_text(&visible::escape(value)));
        }
    }
    tags
}

#[async_trait]
impl DigestRegister for VaultDigestRegister {
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>> {
        if let Some(found) = self.secrets.first(&entry.name).await? {
            self.adopt(entry, &found.value)
                .map_err(|error| error.answered(found.service.clone()))?;
            return Ok(Acted {
                value: (),
                service: found.service,
            });
        }
        let new = NewSecret {
            value: Zeroizing::new(entry.digest.to_string().to_ascii_uppercase()),
            content_type: CONTENT_TYPE.into(),
            tags: tags(entry),
        };
        let made = self.secrets.add(&entry.name, new).await?;
        self.adopt(entry, &made.value)
            .map_err(|error| error.answered(made.service.clone()))?;
        Ok(Acted {
            value: (),
            service: made.service,
        })
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        match self.secrets.first(name).await? {
            Some(found) => self.digest(name, &found.value).map(Some),
            None => Ok(None),
        }
    }
}

impl fmt::Display for VaultDigestRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "digests in {}", self.secrets.location())
    }
}
