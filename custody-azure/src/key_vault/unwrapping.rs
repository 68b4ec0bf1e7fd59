use std::collections::BTreeMap;

use azure_core::http::Response;
use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientGetKeyOptions, KeyClientUnwrapKeyOptions, KeyClientWrapKeyOptions,
    KeyOperationParameters, KeyOperationResult,
};
use custody_core::port::{KeyMaterial, WrappedKey};
use custody_core::{Acted, Error, Result, visible};
use zeroize::{Zeroize as _, Zeroizing};

use super::action;
use super::address::ObjectAddress;
use super::client::Vaults;
use super::key_text::public_text;
use super::refusal::{because, because_of_secret};
use super::secret_body::SecretBody;
use crate::http::{Call, refusal_of};

/// How a key is wrapped by an RSA key of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    RsaOaep,
    RsaOaep256,
    Rsa15,
}

impl Wrapping {
    /// By the name that tags and the service have for it; what names none is Azure Disk Encryption's default.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for any other name.
    pub(super) fn of(name: Option<&str>) -> Result<Self> {
        match name.map(str::trim).unwrap_or_default() {
            "" | "RSA-OAEP" => Ok(Self::RsaOaep),
            "RSA-OAEP-256" => Ok(Self::RsaOaep256),
            "RSA1_5" => Ok(Self::Rsa15),
            other => Err(Error::Unsupported {
                operation: "unwrapping by an algorithm other than RSA-OAEP, RSA-OAEP-256 and RSA1_5",
                provider: visible::escape(other),
            }),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::Rsa15 => "RSA1_5",
        }
    }

    const fn algorithm(self) -> EncryptionAlgorithm {
        match self {
            Self::RsaOaep => EncryptionAlgorithm::RsaOaep,
            Self::RsaOaep256 => EncryptionAlgorithm::RsaOaep256,
            Self::Rsa15 => EncryptionAlgorithm::Rsa1_5,
        }
    }
}

/// What an operation of a key gave: the bytes, and the exact key that did it.
struct Done {
    bytes: Zeroizing<Vec<u8>>,
    key: Option<String>,
}

impl Vaults {
    /// Has a vault unwrap what one of its keys wrapped.
    ///
    /// # Errors
    /// [`Error::Integrity`] when the key does not open it; otherwise the vault's.
    pub(super) async fn unwrap(
        &self,
        key: &ObjectAddress,
        wrapping: Wrapping,
        wrapped: &[u8],
    ) -> Result<Acted<KeyMaterial>> {
        self.made_anew(|| self.unwrap_once(key, wrapping, wrapped)).await
    }

    async fn unwrap_once(
        &self,
        key: &ObjectAddress,
        wrapping: Wrapping,
        wrapped: &[u8],
    ) -> Result<Acted<KeyMaterial>> {
        let client = self.at(&key.vault)?;
        let call = Call::new();
        let options = KeyClientUnwrapKeyOptions {
            method_options: call.options(),
        };
        let version = key.version.as_deref().unwrap_or_default();
        let body = parameters(key, wrapping, wrapped.to_vec())?;
        let answer = client
            .key_uses
            .unwrap_key(&key.name, version, body.content(), Some(options))
            .await;
        let answer = answer.map_err(|error| {
            let error = because_of_secret(key, action::UNWRAP_KEY, &call, error);
            // Whatever else is wrong with the request, the vault says the same of it.
            match refusal_of(&error) {
                Some(refusal) if refusal.status == 400 => Error::Integrity {
                    object: format!("key wrapped by {key}"),
                    place: format!("unwrapping by {}", wrapping.name()),
                    expected: "what that key wrapped".into(),
                    actual: format!("something else ({refusal})"),
                }
                .answered(error.service().cloned().unwrap_or_default()),
                _ => error,
            }
        })?;
        let done = read(key, &call, answer)?;
        Ok(Acted {
            value: KeyMaterial::new(done.value.bytes),
            service: done.service,
        })
    }

    /// Has a vault wrap bytes; says by which version of the wrapping key that was.
    pub(super) async fn wrap(
        &self,
        key: &ObjectAddress,
        wrapping: Wrapping,
        plain: &[u8],
    ) -> Result<Acted<WrappedKey>> {
        self.made_anew(|| self.wrap_once(key, wrapping, plain)).await
    }

    async fn wrap_once(
        &self,
        key: &ObjectAddress,
        wrapping: Wrapping,
        plain: &[u8],
    ) -> Result<Acted<WrappedKey>> {
        let client = self.at(&key.vault)?;
        let call = Call::new();
        let mut options = KeyClientWrapKeyOptions::default();
        options.method_options = call.options();
        options.key_version.clone_from(&key.version);
        let body = parameters(key, wrapping, plain.to_vec())?;
        let answer = client
            .key_uses
            .wrap_key(&key.name, body.content(), Some(options))
            .await;
        let answer = answer.map_err(|error| because_of_secret(key, action::WRAP_KEY, &call, error))?;
        let done = read(key, &call, answer)?;
        let address = done
            .value
            .key
            .map(|kid| visible::escape(&kid))
            .unwrap_or_default();
        let wrapped = WrappedKey::new(
            format!("{} by {address}", wrapping.name()),
            done.value.bytes.to_vec(),
        );
        Ok(Acted {
            value: wrapped
                .with_attribute(KID, address)
                .with_attribute(ALGORITHM, wrapping.name()),
            service: done.service,
        })
    }

    /// The public part of a key, by the names of a JSON Web Key.
    pub(super) async fn public_part(&self, key: &ObjectAddress) -> Result<Acted<BTreeMap<String, String>>> {
        let client = self.at(&key.vault)?;
        let call = Call::new();
        let mut options = KeyClientGetKeyOptions::default();
        options.method_options = call.options();
        options.key_version.clone_from(&key.version);
        let answer = client.keys.get_key(&key.name, Some(options)).await;
        let answer = answer.map_err(|error| because(key, action::READ_KEY, &call, error))?;
        let service = call.answered(answer.status(), answer.headers());
        let told = answer
            .into_model()
            .map_err(|error| because(key, action::READ_KEY, &call, error))?;
        let jwk = told.key.unwrap_or_default();
        let mut part = BTreeMap::new();
        if let Some(kid) = jwk.kid {
            part.insert(KID.to_owned(), visible::escape(&kid));
        }
        if let Some(kind) = jwk.kty {
            part.insert("kty".to_owned(), visible::escape(kind.as_ref()));
        }
        for (name, number) in [("n", jwk.n), ("e", jwk.e)] {
            if let Some(number) = number {
                part.insert(name.to_owned(), public_text(&number));
            }
        }
        Ok(Acted { value: part, service })
    }
}

/// The exact key that wrapped something: its address with its version.
pub(super) const KID: &str = "kid";
/// By which algorithm.
pub(super) const ALGORITHM: &str = "alg";
/// By which algorithm the key itself is encrypted, where only a content key is wrapped.
pub(super) const ENCRYPTION: &str = "enc";

fn parameters(key: &ObjectAddress, wrapping: Wrapping, value: Vec<u8>) -> Result<SecretBody> {
    let mut parameters = KeyOperationParameters {
        algorithm: Some(wrapping.algorithm()),
        value: Some(value),
        ..KeyOperationParameters::default()
    };
    let body = SecretBody::of(&parameters);
    if let Some(value) = &mut parameters.value {
        value.zeroize();
    }
    body.ok_or_else(|| Error::misuse(format!("no request could be made for {key}")))
}

fn read(key: &ObjectAddress, call: &Call, answer: Response<KeyOperationResult>) -> Result<Acted<Done>> {
    let service = call.answered(answer.status(), answer.headers());
    // The library's error can quote what it read.
    let unreadable = |_unread: azure_core::Error| {
        Error::Provider {
            object: key.to_string(),
            operation: "reading the service's answer",
            source: None,
        }
        .answered(service.clone())
    };
    let result = answer.into_model().map_err(unreadable)?;
    let Some(bytes) = result
        .result
        .map(Zeroizing::new)
        .filter(|bytes| !bytes.is_empty())
    else {
        return Err(Error::Provider {
            object: key.to_string(),
            operation: "reading the service's answer",
            source: Some("it has no value".into()),
        }
        .answered(service));
    };
    Ok(Acted {
        value: Done {
            bytes,
            key: result.kid,
        },
        service,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_algorithms_of_rsa_are_known() {
        for (name, due) in [
            (None, Wrapping::RsaOaep),
            (Some(""), Wrapping::RsaOaep),
            (Some("RSA-OAEP"), Wrapping::RsaOaep),
            (Some("RSA-OAEP-256"), Wrapping::RsaOaep256),
            (Some("RSA1_5"), Wrapping::Rsa15),
        ] {
            assert_eq!(Wrapping::of(name).unwrap(), due);
        }
        assert!(matches!(
            Wrapping::of(Some("A128KW")),
            Err(Error::Unsupported { .. })
        ));
    }
}
