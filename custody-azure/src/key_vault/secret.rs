use std::collections::BTreeMap;
use std::fmt;

use azure_core::Bytes;
use azure_core::http::headers::Headers;
use azure_core::http::{Response, StatusCode};
use azure_security_keyvault_secrets::models::{Secret, SecretClientGetSecretOptions};
use custody_core::{Acted, Error, Result, ServiceRecord, visible};
use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize as _, Zeroizing};

use super::action;
use super::address::{ObjectAddress, ObjectKind};
use super::client::Vaults;
use super::refusal::because;
use crate::http::Call;

/// A version of a secret, as its vault keeps it.
pub(super) struct StoredSecret {
    /// Wiped when it is dropped. What the layers below held of it on its way is not.
    pub(super) value: Zeroizing<String>,
    pub(super) version: String,
    pub(super) content_type: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Seconds since 1970.
    pub(super) not_before: Option<i64>,
    pub(super) expires: Option<i64>,
}

/// A value that is wiped when it is dropped.
#[derive(Default)]
struct SecretText(Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SecretAnswer {
    id: String,
    value: SecretText,
    content_type: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    attributes: TimesAnswer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TimesAnswer {
    nbf: Option<i64>,
    exp: Option<i64>,
}

/// The secret of an answer. The answer's bytes are wiped where nobody else holds them.
pub(super) fn read(
    object: &dyn fmt::Display,
    call: &Call,
    answer: Response<Secret>,
) -> Result<Acted<StoredSecret>> {
    let (status, headers, body): (StatusCode, Headers, _) = answer.deconstruct();
    let service = call.answered(status, &headers);
    let bytes: Bytes = body.into();
    let read: std::result::Result<SecretAnswer, serde_json::Error> = serde_json::from_slice(&bytes);
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    let malformed = |reason: String| {
        let operation = "reading the service's answer";
        let source = Some(reason.into());
        let object = object.to_string();
        Error::Provider {
            object,
            operation,
            source,
        }
        .answered(service.clone())
    };
    // Of the library's message only the place is told: it can quote what it read.
    let found = read.map_err(|error| {
        malformed(format!(
            "unexpected form at line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    let version = found.id.rsplit('/').next().unwrap_or_default().to_owned();
    if version.is_empty() {
        return Err(malformed("it does not tell the version".into()));
    }
    Ok(Acted {
        value: StoredSecret {
            value: found.value.0,
            version,
            content_type: found.content_type,
            tags: found.tags.unwrap_or_default(),
            not_before: found.attributes.nbf,
            expires: found.attributes.exp,
        },
        service,
    })
}

impl Vaults {
    /// Exactly this version of a secret; without one, the latest.
    ///
    /// # Errors
    /// [`Error::NotFound`], saying whether it was deleted; [`Error::Integrity`] when the vault gives another one.
    pub(super) async fn secret(&self, address: &ObjectAddress) -> Result<Acted<StoredSecret>> {
        let client = self.at(&address.vault)?;
        let call = Call::new();
        let mut options = SecretClientGetSecretOptions::default();
        options.method_options = call.options();
        options.secret_version.clone_from(&address.version);
        let answer = match client.reads.get_secret(&address.name, Some(options)).await {
            Ok(answer) => answer,
            Err(error) => {
                let error = because(address, action::GET_SECRET, &call, error);
                return Err(self.gone(address, error).await);
            }
        };
        let found = read(address, &call, answer)?;
        match &address.version {
            Some(due) if !due.eq_ignore_ascii_case(&found.value.version) => Err(Error::Integrity {
                object: address.to_string(),
                place: "the version".into(),
                expected: due.clone(),
                actual: visible::escape(&found.value.version),
            }
            .answered(found.service)),
            _ => Ok(found),
        }
    }

    /// What is known of a secret that is not there: deleted and recoverable, or gone.
    async fn gone(&self, address: &ObjectAddress, error: Error) -> Error {
        if !matches!(error.meaning(), Error::NotFound { .. }) || address.kind != ObjectKind::Secret {
            return error;
        }
        let Ok(client) = self.at(&address.vault) else {
            return error;
        };
        let object = match client.reads.get_deleted_secret(&address.name, None).await {
            Ok(_) => format!(
                "{address} (it was deleted and can still be recovered: have it recovered, az keyvault secret recover, \
                 then resume)"
            ),
            Err(refused) if refused.http_status() == Some(StatusCode::NotFound) => {
                format!(
                    "{address} (nothing of that name is among what was deleted either: it was purged, or never there)"
                )
            }
            Err(_) => format!("{address} (whether it was deleted could not be told)"),
        };
        let meaning = Error::NotFound { object };
        match error.service() {
            Some(service) => meaning.answered(service.clone()),
            None => meaning,
        }
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The ids of one answer beside those of another, under names that say which.
pub(super) fn beside(mut service: ServiceRecord, what: &str, other: &ServiceRecord) -> ServiceRecord {
    for (name, value) in &other.ids {
        service = service.with_id(format!("{what} {name}"), value.clone());
    }
    service
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_value_is_not_printed() {
        let secret = StoredSecret {
            value: Zeroizing::new("CANARY".into()),
            version: "1".into(),
            content_type: None,
            tags: BTreeMap::new(),
            not_before: None,
            expires: None,
        };
        assert!(!format!("{secret:?} {secret:#?}").contains("CANARY"));
    }
}
