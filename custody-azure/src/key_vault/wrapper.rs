use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use custody_core::ids::AcquisitionId;
use custody_core::port::{KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Error, Result};

use super::address::{ObjectAddress, ObjectKind, check_name};
use super::client::Vaults;
use super::location::VaultLocation;
use super::secret::beside;
use super::unwrapping::{ALGORITHM, KID, Wrapping};
use crate::arm::Arm;

/// The longest key that RSA-OAEP-256 wraps with a key of 2048 bits. Longer ones need a longer wrapping key.
const SHORT_KEY_BYTES: usize = 190;

/// Wraps keys with an RSA key of a vault of the security operations center, by RSA-OAEP-256; the vault unwraps them for
/// whoever may.
///
/// The wrapping does not bind the acquisition. A key that is kept so is not in the form of Microsoft's runbook: its
/// users' steps need an `az keyvault key decrypt` before them.
#[derive(Clone, Debug)]
pub struct VaultKeyWrapper {
    vaults: Vaults,
    location: VaultLocation,
    key: ObjectAddress,
}

impl VaultKeyWrapper {
    /// Wraps with the latest version of this key of the vault. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that no key has.
    pub fn new(
        arm: &Arm,
        vault: VaultLocation,
        key: &str,
        credential: Arc<dyn TokenCredential>,
    ) -> Result<Self> {
        check_name(key)?;
        Ok(Self {
            vaults: Vaults::new(arm.sending().clone(), credential),
            key: ObjectAddress {
                vault: vault.address().clone(),
                kind: ObjectKind::Key,
                name: key.to_owned(),
                version: None,
            },
            location: vault,
        })
    }
}

#[async_trait]
impl KeyWrapper for VaultKeyWrapper {
    async fn wrap(&self, key: &KeyMaterial, _: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        let wrapped = self.vaults.wrap(&self.key, Wrapping::RsaOaep256, key).await.map_err(|error| {
            let length = key.expose().len();
            let too_long = crate::http::refusal_of(&error).is_some_and(|refusal| refusal.status == 400);
            if !too_long || length <= SHORT_KEY_BYTES {
                return error;
            }
            let meaning = Error::Unsupported {
                operation: "wrapping a key of that length: an RSA key of 2048 bits wraps at most 190 bytes, one of \
                            3072 bits 318. Use a longer wrapping key",
                provider: format!("{} (the key has {length} bytes)", self.key),
            };
            meaning.answered(error.service().cloned().unwrap_or_default())
        })?;
        let service = wrapped.service;
        let mut wrapped = wrapped.value;
        let exact = wrapped.attributes.get(KID).cloned().unwrap_or_default();
        let exact = ObjectAddress::parse(self.vaults.cloud(), ObjectKind::Key, &exact)
            .map_err(|error| error.answered(service.clone()))?;
        // It identifies the key and opens nothing.
        match self.vaults.public_part(&exact).await {
            Ok(part) => {
                for (name, value) in part.value.into_iter().filter(|(name, _)| name != KID) {
                    wrapped = wrapped.with_attribute(name, value);
                }
                Ok(Acted {
                    value: wrapped,
                    service: beside(service, "key", &part.service),
                })
            }
            Err(error) => Ok(Acted {
                value: wrapped.with_attribute("public part", format!("not read: {error}")),
                service,
            }),
        }
    }

    async fn unwrap_key(&self, key: &WrappedKey, _: &AcquisitionId) -> Result<Acted<KeyMaterial>> {
        let missing = || Error::malformed("wrapped key", "it does not say by which version of which key");
        let kid = key.attributes.get(KID).ok_or_else(missing)?;
        let exact = ObjectAddress::parse(self.vaults.cloud(), ObjectKind::Key, kid)?;
        if exact.vault != self.key.vault || exact.version.is_none() {
            return Err(Error::Refused {
                object: format!("key wrapped by {exact}"),
                reason: format!("it is not a version of a key of {}", self.location),
            });
        }
        let wrapping = Wrapping::of(key.attributes.get(ALGORITHM).map(String::as_str))?;
        self.vaults.unwrap(&exact, wrapping, &key.bytes).await
    }
}

impl fmt::Display for VaultKeyWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RSA-OAEP-256 by {}", self.key)
    }
}
