use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use custody_core::port::{
    DiskDescription, DiskSnapshot, FetchedKey, KeyMaterial, KeyReference, KeyRequirement, KeySource,
    WrappedKey,
};
use custody_core::{Acted, Error, Result, ServiceRecord, visible};

use super::address::{ObjectAddress, ObjectKind};
use super::client::Vaults;
use super::encryption_settings::{KEK, UNREADABLE};
use super::key_text::bytes_of;
use super::requirement;
use super::secret::{StoredSecret, beside};
use super::unwrapping::{ALGORITHM, KID, Wrapping};
use crate::arm::Arm;
use crate::snapshotter::{Part, resource_of};

/// The tag that names the key by which a secret is wrapped. Its content type does not tell: tools write `BEK` there.
///
/// Source of the tags: Azure/azure-linux-extensions, VMEncryption; read 2026-11-21.
pub(super) const KEK_TAG: &str = "DiskEncryptionKeyEncryptionKeyURL";
/// The tag that names the algorithm.
pub(super) const ALGORITHM_TAG: &str = "DiskEncryptionKeyEncryptionAlgorithm";
/// What a secret says of its content when it is wrapped.
const WRAPPED: &str = "Wrapped BEK";
/// The attribute of a fetched key that holds its secret's content type.
pub(super) const CONTENT_TYPE: &str = "contentType";
/// The attribute of a key's reference that names the disk snapshot's resource whose content needs it.
pub(super) const DISK_SNAPSHOT: &str = "disk snapshot";
/// What stands before the names of tags in a fetched key's attributes.
pub(super) const TAG: &str = "tag ";

/// The keys of Azure Disk Encryption: which ones a disk snapshot needs, and exactly those versions from the vaults of
/// the machine's owners.
///
/// Which vaults those are the disks say; they are asked only where their hosts are the configured cloud's. A wrapped
/// key is unwrapped by its vault, which takes a right of its own; the wrapped form and the public part of the wrapping
/// key are kept. Needs tokio.
#[derive(Clone)]
pub struct AzureKeySource {
    arm: Arm,
    vaults: Vaults,
}

impl AzureKeySource {
    /// The keys of what this Resource Manager has, for this identity. Sends nothing yet.
    #[must_use]
    pub fn new(arm: Arm, credential: Arc<dyn TokenCredential>) -> Self {
        let vaults = Vaults::new(arm.sending().clone(), credential);
        Self { arm, vaults }
    }

    /// What a secret holds in a wrapping: freed of it by its vault.
    async fn unwrap(
        &self,
        address: &ObjectAddress,
        secret: &StoredSecret,
        kek: &str,
        service: ServiceRecord,
    ) -> Result<Acted<FetchedKey>> {
        let key = ObjectAddress::parse(self.vaults.cloud(), ObjectKind::Key, kek)?;
        let wrapping = Wrapping::of(secret.tags.get(ALGORITHM_TAG).map(String::as_str))?;
        let wrapped = bytes_of(&secret.value).ok_or_else(|| not_base64(address))?;
        let plain = self.vaults.unwrap(&key, wrapping, &wrapped).await?;
        let service = beside(service, "unwrapkey", &plain.service);
        let mut original = WrappedKey::new(
            format!("{} by {}", wrapping.name(), visible::escape(kek)),
            wrapped.to_vec(),
        )
        .with_attribute(ALGORITHM, wrapping.name())
        .with_attribute(KID, visible::escape(kek));
        // It identifies the wrapping key and opens nothing: without it the key is good all the same.
        match self.vaults.public_part(&key).await {
            Ok(part) => {
                for (name, value) in part.value {
                    original = original.with_attribute(name, value);
                }
            }
            Err(error) => original = original.with_attribute("public part", format!("not read: {error}")),
        }
        let note = "a key of another subscription's or geography's vault cannot be restored here: it was unwrapped by \
                    its own vault instead, and is kept with what it was wrapped to";
        Ok(Acted {
            value: FetchedKey::new(plain.value)
                .with_original(original)
                .with_attribute("keyEncryptionKey", note),
            service,
        })
    }
}

/// Says at each key whose it is.
fn of_snapshot(name: &str, requirement: KeyRequirement) -> KeyRequirement {
    match requirement {
        KeyRequirement::Keys(keys) => {
            let named = keys
                .into_iter()
                .map(|key| key.with_attribute(DISK_SNAPSHOT, visible::escape(name)));
            KeyRequirement::Keys(named.collect())
        }
        other => other,
    }
}

fn not_base64(address: &ObjectAddress) -> Error {
    Error::malformed(address.to_string(), "its value is not a key in base64")
}

#[async_trait]
impl KeySource for AzureKeySource {
    async fn requirement(
        &self,
        disk: &DiskDescription,
        snapshot: &DiskSnapshot,
    ) -> Result<Acted<KeyRequirement>> {
        let id = resource_of(snapshot)?;
        let found = self.arm.disk(&id).await?;
        let value = match Part::of(&snapshot.disk) {
            Part::Disk => of_snapshot(id.name(), requirement::decide(&found.value, &disk.attributes)),
            Part::GuestState => KeyRequirement::Unknown(
                "it is a guest state, not a disk: where it is encrypted, its key is sealed by the platform, and Azure \
                 gives it to nobody"
                    .into(),
            ),
        };
        Ok(Acted {
            value,
            service: found.service,
        })
    }

    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>> {
        if let Some(reason) = key.attributes.get(UNREADABLE) {
            let reason = format!("{reason}: look at the disk's settings, and secure the key by other means");
            return Err(Error::malformed("settings of Azure Disk Encryption", reason));
        }
        let address = ObjectAddress::parse(self.vaults.cloud(), ObjectKind::Secret, &key.address)?;
        if address.version.is_none() {
            return Err(Error::malformed(
                address.to_string(),
                "the settings name no version, and which one was in use at the snapshot's time is not known",
            ));
        }
        let found = self.vaults.secret(&address).await?;
        let (secret, service) = (found.value, found.service);
        let answered = |error: Error| match error {
            Error::Answered(_) => error,
            other => other.answered(service.clone()),
        };
        let named = secret.tags.get(KEK_TAG).filter(|kek| !kek.trim().is_empty());
        let kek = named.or_else(|| key.attributes.get(KEK)).cloned();
        let fetched = match &kek {
            Some(kek) => self
                .unwrap(&address, &secret, kek.trim(), service.clone())
                .await
                .map_err(answered)?,
            None if secret.content_type.as_deref() == Some(WRAPPED) => {
                let reason = "its content type says that it is wrapped, and neither a tag of it nor the disk's settings \
                              name the key by which";
                return Err(answered(Error::malformed(address.to_string(), reason)));
            }
            None => Acted {
                value: FetchedKey::new(KeyMaterial::new(
                    bytes_of(&secret.value).ok_or_else(|| answered(not_base64(&address)))?,
                )),
                service,
            },
        };
        Ok(Acted {
            value: described(fetched.value, &secret),
            service: fetched.service,
        })
    }
}

/// Adds what the secret says of itself.
fn described(mut key: FetchedKey, secret: &StoredSecret) -> FetchedKey {
    if let Some(content_type) = &secret.content_type {
        key = key.with_attribute(CONTENT_TYPE, visible::escape(content_type));
    }
    for (name, value) in &secret.tags {
        key = key.with_attribute(
            format!("{TAG}{}", visible::escape_ascii(name)),
            visible::escape(value),
        );
    }
    let instant = |seconds: i64| {
        jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
    };
    if let Some(from) = secret.not_before {
        key = key.with_attribute("not before", instant(from));
    }
    if let Some(until) = secret.expires {
        let note = format!("{}; the vault gives it all the same", instant(until));
        key = key.with_attribute("expires", note);
    }
    key
}

impl fmt::Display for AzureKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key vaults of the {}", self.vaults.cloud())
    }
}

impl fmt::Debug for AzureKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureKeySource")
            .field("vaults", &self.vaults)
            .finish_non_exhaustive()
    }
}
