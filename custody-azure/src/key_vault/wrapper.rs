use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use custody_core::ids::AcquisitionId;
use custody_core::port::{Entropy, KeyMaterial, KeyWrapper, WrappedKey};
use custody_core::{Acted, Error, Result};
use zeroize::Zeroizing;

use super::address::{ObjectAddress, ObjectKind, check_name};
use super::client::Vaults;
use super::jwe::{CONTENT_ENCRYPTION, CONTENT_KEY_BYTES, Jwe, JweHeader, NONCE_BYTES};
use super::location::VaultLocation;
use super::secret::beside;
use super::unwrapping::{ALGORITHM, ENCRYPTION, KID, Wrapping};
use crate::arm::Arm;

/// The longest key that RSA-OAEP-256 wraps with a key of 2048 bits, the shortest that vaults make. What is longer is
/// encrypted with a content key, and that is wrapped.
///
/// Source: RFC 8017, section 7.1.1: the modulus less two digests less two bytes, 256 - 2 * 32 - 2.
const SHORT_KEY_BYTES: usize = 190;

/// What is said of each key that is wrapped, in the plan, in the record and beside the key.
const NOT_THE_RUNBOOKS: &str = "the form of Microsoft's runbook, in which a secret holds the key as it is, is off, and its \
                                users' steps to unlock a disk need the key unwrapped before them (docs/keys.md)";
/// The attribute that says so of a wrapped key.
const FORM: &str = "form";

/// Wraps keys with an RSA key of a vault of the security operations center, by RSA-OAEP-256; the vault unwraps them for
/// whoever may. A key of more than 190 bytes becomes a JWE (RFC 7516, A256GCM), whose content key is wrapped so.
///
/// The wrapping does not bind the acquisition. A key that is kept so is not in the form of Microsoft's runbook: its
/// users' steps need an `az keyvault key decrypt` before them.
#[derive(Clone)]
pub struct VaultKeyWrapper {
    vaults: Vaults,
    location: VaultLocation,
    key: ObjectAddress,
    entropy: Arc<dyn Entropy>,
}

impl VaultKeyWrapper {
    /// Wraps with the latest version of this key of the vault; content keys come of `entropy`. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that no key has.
    pub fn new(
        arm: &Arm,
        vault: VaultLocation,
        key: &str,
        credential: Arc<dyn TokenCredential>,
        entropy: Arc<dyn Entropy>,
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
            entropy,
        })
    }

    /// A key that is too long for RSA: sealed with a content key, which is wrapped.
    async fn wrap_long(&self, key: &KeyMaterial) -> Result<Acted<WrappedKey>> {
        let mut content_key = Zeroizing::new([0_u8; CONTENT_KEY_BYTES]);
        let mut nonce = [0_u8; NONCE_BYTES];
        self.entropy.fill(content_key.as_mut_slice())?;
        self.entropy.fill(&mut nonce)?;
        let wrapped = self
            .vaults
            .wrap(&self.key, Wrapping::RsaOaep256, content_key.as_slice())
            .await?;
        let (service, wrapped) = (wrapped.service, wrapped.value);
        let header = JweHeader {
            alg: Wrapping::RsaOaep256.name().into(),
            enc: CONTENT_ENCRYPTION.into(),
            kid: wrapped.attributes.get(KID).cloned(),
        };
        let jwe = Jwe::seal(header, wrapped.bytes, &content_key, nonce, key)
            .map_err(|error| error.answered(service.clone()))?;
        let mut sealed = WrappedKey::new(
            format!("JWE, {CONTENT_ENCRYPTION}, {}", wrapped.wrapping),
            jwe.text().into_bytes(),
        );
        sealed.attributes = wrapped.attributes;
        Ok(Acted {
            value: sealed.with_attribute(ENCRYPTION, CONTENT_ENCRYPTION),
            service,
        })
    }
}

#[async_trait]
impl KeyWrapper for VaultKeyWrapper {
    async fn wrap(&self, key: &KeyMaterial, _: &AcquisitionId) -> Result<Acted<WrappedKey>> {
        let wrapped = if key.expose().len() > SHORT_KEY_BYTES {
            self.wrap_long(key).await?
        } else {
            let wrap = self.vaults.wrap(&self.key, Wrapping::RsaOaep256, key.expose());
            wrap.await?
        };
        let service = wrapped.service;
        let mut wrapped = wrapped.value.with_attribute(FORM, NOT_THE_RUNBOOKS);
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
        if !key.attributes.contains_key(ENCRYPTION) {
            return self.vaults.unwrap(&exact, wrapping, &key.bytes).await;
        }
        let jwe = Jwe::parse(&key.bytes)?;
        if jwe.header.kid.as_deref() != Some(kid.as_str()) || jwe.header.alg != wrapping.name() {
            return Err(Error::Integrity {
                object: format!("key wrapped by {exact}"),
                place: "the head of the JWE".into(),
                expected: format!("{} by {kid}", wrapping.name()),
                actual: "another wrapping".into(),
            });
        }
        let content_key = self.vaults.unwrap(&exact, wrapping, &jwe.encrypted_key).await?;
        let service = content_key.service;
        match jwe.open(content_key.value.expose()) {
            Ok(value) => Ok(Acted { value, service }),
            Err(error) => Err(error.answered(service)),
        }
    }

    fn cautions(&self) -> Vec<String> {
        vec![format!("disk keys are kept {self}: {NOT_THE_RUNBOOKS}")]
    }
}

impl fmt::Display for VaultKeyWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RSA-OAEP-256 by {}", self.key)
    }
}

impl fmt::Debug for VaultKeyWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultKeyWrapper")
            .field("location", &self.location)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
