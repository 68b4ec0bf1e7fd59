use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::StatusCode;
use azure_core::http::pager::PagerOptions;
use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::models::{
    SecretClientListSecretPropertiesOptions, SecretClientListSecretPropertiesVersionsOptions,
    SecretClientSetSecretOptions, SecretProperties, SetSecretParameters,
};
use custody_core::{Acted, Error, Result};
use futures::TryStreamExt as _;
use futures::lock::OwnedMutexGuard;
use zeroize::{Zeroize as _, Zeroizing};

use super::action;
use super::address::{ObjectAddress, ObjectKind, check_name};
use super::client::Vaults;
use super::location::VaultLocation;
use super::name_turns::NameTurns;
use super::refusal::{because, because_of_secret};
use super::secret::{StoredSecret, read};
use super::secret_body::SecretBody;
use super::vault_name::VaultNames;
use crate::arm::Arm;
use crate::http::Call;

/// The longest value that a secret has. Source: "About Azure Key Vault secrets", read 2026-11-21.
pub(super) const MAX_VALUE_BYTES: usize = 25 * 1024;
/// The tag in which what we put has the name that core chose for it.
pub(super) const NAME_TAG: &str = "custody-name";
/// How many tags it has.
pub(super) const MAX_TAGS: usize = 15;
/// The longest tag of ours: an older text of the same page says 256, the current one 512.
pub(super) const MAX_OWN_TAG_CHARACTERS: usize = 256;
/// The longest tag at all.
const MAX_TAG_CHARACTERS: usize = 512;

/// Secrets of one vault, of each of which the first version counts.
///
/// Setting a secret always succeeds, and adds a version: nobody can be kept from adding one who may set secrets. So the
/// oldest version is what was put, and whatever came after changes nothing.
#[derive(Clone)]
pub(super) struct OnceOnly {
    vaults: Vaults,
    location: VaultLocation,
    turns: NameTurns,
}

/// What is to be put.
pub(super) struct NewSecret {
    pub(super) value: Zeroizing<String>,
    pub(super) content_type: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// A secret as lists tell of it.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) tags: HashMap<String, String>,
}

impl OnceOnly {
    pub(super) fn new(arm: &Arm, location: VaultLocation, credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            vaults: Vaults::new(arm.sending().clone(), credential),
            location,
            turns: NameTurns::default(),
        }
    }

    /// Waits until nobody else here puts what may lie under these names.
    pub(super) async fn turn(&self, names: &VaultNames) -> OwnedMutexGuard<()> {
        self.turns.of(names.plain()).await
    }

    pub(super) const fn location(&self) -> &VaultLocation {
        &self.location
    }

    pub(super) fn address(&self, name: &str, version: Option<String>) -> Result<ObjectAddress> {
        check_name(name)?;
        Ok(ObjectAddress {
            vault: self.location.address().clone(),
            kind: ObjectKind::Secret,
            name: name.to_owned(),
            version,
        })
    }

    /// The first version of a secret; none when there is none.
    ///
    /// # Errors
    /// [`Error::Integrity`] when it cannot be told which one was first; otherwise the vault's.
    pub(super) async fn first(&self, name: &str) -> Result<Option<Acted<StoredSecret>>> {
        let address = self.address(name, None)?;
        let versions = self.versions(&address).await?;
        let Some(oldest) = versions.first().map(|(created, _)| *created) else {
            return Ok(None);
        };
        let tied = versions.into_iter().filter(|(created, _)| *created == oldest);
        let mut first: Option<Acted<StoredSecret>> = None;
        for (_, version) in tied {
            let found = self.vaults.secret(&self.address(name, Some(version))?).await?;
            let differs = first
                .as_ref()
                .is_some_and(|first| *first.value.value != *found.value.value);
            if differs {
                return Err(Error::Integrity {
                    object: address.to_string(),
                    place: "its versions".into(),
                    expected: "one first version".into(),
                    actual: "two different ones of the same second".into(),
                }
                .answered(found.service));
            }
            first.get_or_insert(found);
        }
        Ok(first)
    }

    /// When each version was made and its id, the oldest first.
    async fn versions(&self, address: &ObjectAddress) -> Result<Vec<(OffsetDateTime, String)>> {
        let client = self.vaults.at(&address.vault)?;
        let call = Call::new();
        let options = SecretClientListSecretPropertiesVersionsOptions {
            method_options: PagerOptions {
                context: call.context(),
                ..PagerOptions::default()
            },
            ..SecretClientListSecretPropertiesVersionsOptions::default()
        };
        let refused = |error| because(address, action::LIST_SECRETS, &call, error);
        let mut pager = client
            .reads
            .list_secret_properties_versions(&address.name, Some(options))
            .map_err(refused)?;
        let mut versions = Vec::new();
        loop {
            match pager.try_next().await {
                Ok(Some(found)) => versions.push(dated(address, &found)?),
                Ok(None) => break,
                // The service answers an empty list, or this.
                Err(error) if error.http_status() == Some(StatusCode::NotFound) => return Ok(Vec::new()),
                Err(error) => return Err(refused(error)),
            }
        }
        versions.sort();
        Ok(versions)
    }

    /// Adds a version, where [`first`](Self::first) found none; then looks which one is first now.
    ///
    /// # Errors
    /// [`Error::Precondition`] for the name of a secret that was deleted and can be recovered; otherwise the vault's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the version; [`first`](Self::first) finds it.
    pub(super) async fn add(&self, name: &str, new: NewSecret) -> Result<Acted<StoredSecret>> {
        let address = self.address(name, None)?;
        check(&address, &new)?;
        let client = self.vaults.at(&address.vault)?;
        let call = Call::new();
        let options = SecretClientSetSecretOptions {
            method_options: call.options(),
        };
        let mut parameters = SetSecretParameters {
            content_type: Some(new.content_type),
            tags: Some(new.tags.into_iter().collect()),
            value: Some(new.value.to_string()),
            ..SetSecretParameters::default()
        };
        let body = SecretBody::of(&parameters);
        if let Some(value) = &mut parameters.value {
            value.zeroize();
        }
        let Some(body) = body else {
            return Err(Error::misuse(format!("no request could be made for {address}")));
        };
        let answer = client
            .writes
            .set_secret(name, body.content(), Some(options))
            .await;
        let answer = answer.map_err(|error| because_of_secret(&address, action::SET_SECRET, &call, error))?;
        let made = read(&address, &call, answer)?;
        let first = self.first(name).await?.map(|first| first.value);
        Ok(Acted {
            value: first.unwrap_or(made.value),
            service: made.service,
        })
    }

    /// Every secret, in no order, that is enabled or not.
    pub(super) async fn list(&self) -> Result<Vec<Listed>> {
        let client = self.vaults.at(self.location.address())?;
        let call = Call::new();
        let options = SecretClientListSecretPropertiesOptions {
            method_options: PagerOptions {
                context: call.context(),
                ..PagerOptions::default()
            },
            ..SecretClientListSecretPropertiesOptions::default()
        };
        let refused = |error| because(&self.location, action::LIST_SECRETS, &call, error);
        let mut pager = client
            .reads
            .list_secret_properties(Some(options))
            .map_err(refused)?;
        let mut listed = Vec::new();
        while let Some(found) = pager.try_next().await.map_err(refused)? {
            let id = found.id.unwrap_or_default();
            listed.push(Listed {
                name: id.rsplit('/').next().unwrap_or_default().to_owned(),
                tags: found.tags.unwrap_or_default(),
            });
        }
        Ok(listed)
    }
}

fn dated(address: &ObjectAddress, found: &SecretProperties) -> Result<(OffsetDateTime, String)> {
    let created = found
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.created);
    let version = found
        .id
        .as_deref()
        .and_then(|id| id.rsplit('/').next())
        .unwrap_or_default();
    match created {
        Some(created) if check_name(version).is_ok() => Ok((created, version.to_owned())),
        _ => Err(Error::Provider {
            object: address.to_string(),
            operation: "reading the service's answer",
            source: Some("a version without an id or without the time at which it was made".into()),
        }),
    }
}

/// What the vault would refuse is refused here, before a key is sent.
fn check(address: &ObjectAddress, new: &NewSecret) -> Result<()> {
    let refuse = |reason: String| {
        Err(Error::Refused {
            object: address.to_string(),
            reason,
        })
    };
    if new.value.len() > MAX_VALUE_BYTES {
        return refuse(format!(
            "it has {} bytes, and a secret has at most {MAX_VALUE_BYTES}",
            new.value.len()
        ));
    }
    if new.tags.len() > MAX_TAGS {
        return refuse(format!(
            "it has {} tags, and a secret has at most {MAX_TAGS}",
            new.tags.len()
        ));
    }
    let too_long = |text: &String| text.chars().count() > MAX_TAG_CHARACTERS;
    match new
        .tags
        .iter()
        .find(|(name, value)| too_long(name) || too_long(value))
    {
        Some((name, _)) => refuse(format!(
            "its tag {} is longer than {MAX_TAG_CHARACTERS} characters",
            custody_core::visible::escape(name)
        )),
        None => Ok(()),
    }
}

/// A tag of ours: cut where it is too long, and visibly so.
pub(super) fn tag_text(text: &str) -> String {
    match text.char_indices().nth(MAX_OWN_TAG_CHARACTERS) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(MAX_OWN_TAG_CHARACTERS - 1).collect();
            format!("{kept}…")
        }
    }
}

impl fmt::Debug for OnceOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceOnly")
            .field("location", &self.location.name())
            .finish_non_exhaustive()
    }
}
