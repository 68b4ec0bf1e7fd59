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
use super::once::{MAX_TAGS, NAME_TAG, NewSecret, OnceOnly, tag_text};
use super::secret::StoredSecret;
use super::vault_name::VaultNames;
use crate::arm::Arm;

/// As the runbook has it.
const CONTENT_TYPE: &str = "text/plain";

/// Digests in a key vault of the security operations center, in other hands than the evidence.
///
/// A digest is a secret `<snapshot>-hash-SHA256`, `text/plain`, in upper-case hexadecimal digits: as the current version
/// of Microsoft's runbook writes it, so that what its users compare with stays; `<snapshot>` is what the disk snapshot is
/// called in Azure. Its tags say what it is of, `custody-name` by which name of core's: of two that fall together in a
/// vault one gets a digest. Of a secret
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

    /// What there is of a name, or the secret under which it would be put.
    async fn place(&self, name: &str, names: &VaultNames) -> Result<Place> {
        let mut free = Place::None;
        for candidate in names.each() {
            let Some(found) = self.secrets.first(candidate).await? else {
                if matches!(free, Place::None) {
                    free = Place::Free(candidate.to_owned());
                }
                continue;
            };
            let named = found.value.tags.get(NAME_TAG);
            if named.is_none_or(|named| *named == tag_text(name)) {
                return Ok(Place::Taken(Box::new(found)));
            }
        }
        Ok(free)
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

/// Where a digest lies, or could.
enum Place {
    Taken(Box<Acted<StoredSecret>>),
    Free(String),
    None,
}

/// The labels as tags: as many as a secret takes, the acquisition among them.
fn tags(entry: &DigestEntry) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    tags.insert("acquisition".into(), entry.acquisition.to_string());
    tags.insert(NAME_TAG.into(), tag_text(&entry.name));
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
        let names = VaultNames::of(&entry.name);
        let _turn = self.secrets.turn(&names).await;
        let secret = match self.place(&entry.name, &names).await? {
            Place::Taken(found) => {
                self.adopt(entry, &found.value)
                    .map_err(|error| error.answered(found.service.clone()))?;
                return Ok(Acted {
                    value: (),
                    service: found.service,
                });
            }
            Place::Free(secret) => secret,
            Place::None => {
                return Err(Error::AlreadyExists {
                    object: format!(
                        "{} of {} (digests of other items have that name)",
                        entry.name,
                        self.secrets.location()
                    ),
                });
            }
        };
        let new = NewSecret {
            value: Zeroizing::new(entry.digest.to_string().to_ascii_uppercase()),
            content_type: CONTENT_TYPE.into(),
            tags: tags(entry),
        };
        let made = self.secrets.add(&secret, new).await?;
        self.adopt(entry, &made.value)
            .map_err(|error| error.answered(made.service.clone()))?;
        Ok(Acted {
            value: (),
            service: made.service,
        })
    }

    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>> {
        match self.place(name, &VaultNames::of(name)).await? {
            Place::Taken(found) => self.digest(name, &found.value).map(Some),
            Place::Free(_) | Place::None => Ok(None),
        }
    }
}

impl fmt::Display for VaultDigestRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "digests in {}", self.secrets.location())
    }
}
