use std::collections::BTreeMap;

use custody_core::ids::Region;
use custody_core::{Acted, Error, Result};
use serde::Deserialize;
use serde_json::Value;

use super::ResourceId;
use super::client::Arm;
use super::region::region;

/// The version of the storage resource provider's interface that is spoken.
const STORAGE_VERSION: (&str, &str) = ("api-version", "2023-05-01");

/// The state of a container's time-based retention policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "protection must be decided on in every state"
)]
pub enum PolicyState {
    /// There is none.
    Absent,
    /// There is one, which can still be shortened or taken away.
    Unlocked {
        /// The days that objects are kept, from their creation.
        days: u64,
    },
    /// There is one that nobody can shorten.
    Locked {
        /// The days that objects are kept, from their creation.
        days: u64,
    },
}

/// What protects the objects of a container, as the Resource Manager tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerProtection {
    /// The time-based policy.
    pub policy: PolicyState,
    /// The tags of legal holds.
    pub holds: Vec<String>,
    /// Whether lines may be appended to append blobs under the policy or hold.
    pub appends: bool,
    /// Whether single versions of objects can have policies of their own.
    pub version_level: bool,
    /// The account's region.
    pub region: Option<Region>,
    /// Whether the account has a hierarchical namespace.
    pub hierarchical: bool,
    /// The account's `allowedCopyScope`, which says from where it lets itself be copied to; none where there is none.
    pub copy_scope: Option<String>,
    /// Settings of the account, its blob service and the container, by the service's names.
    pub observed: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    properties: ContainerProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerProperties {
    has_legal_hold: bool,
    legal_hold: LegalHolds,
    immutability_policy: Option<Policy>,
    immutable_storage_with_versioning: Option<Versioning>,
    public_access: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LegalHolds {
    tags: Vec<HoldTag>,
    protected_append_writes_history: Option<AppendHistory>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AppendHistory {
    allow_protected_append_writes_all: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HoldTag {
    tag: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Policy {
    properties: PolicyProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PolicyProperties {
    immutability_period_since_creation_in_days: u64,
    state: String,
    allow_protected_append_writes: bool,
    allow_protected_append_writes_all: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Versioning {
    enabled: bool,
}

/// Settings of an account that a record should show, by their place in the service's answer.
const ACCOUNT_SETTINGS: [&str; 14] = [
    "/location",
    "/properties/supportsHttpsTrafficOnly",
    "/properties/minimumTlsVersion",
    "/properties/allowSharedKeyAccess",
    "/properties/allowBlobPublicAccess",
    "/properties/publicNetworkAccess",
    "/properties/networkAcls/defaultAction",
    "/properties/networkAcls/bypass",
    "/properties/networkAcls/ipRules",
    "/properties/networkAcls/virtualNetworkRules",
    VERSION_LEVEL,
    "/properties/allowedCopyScope",
    "/properties/isHnsEnabled",
    "/properties/encryption/keySource",
];

/// The name, in what was observed, of the account-wide setting that a container has under the same name.
const VERSION_LEVEL: &str = "/properties/immutableStorageWithVersioning/enabled";

/// Settings of an account's blob service that a record should show: what a deletion can be undone by.
const BLOB_SERVICE_SETTINGS: [&str; 3] = [
    "/properties/deleteRetentionPolicy",
    "/properties/containerDeleteRetentionPolicy",
    "/properties/isVersioningEnabled",
];

impl Arm {
    /// What protects the objects of a container. Changes nothing.
    ///
    /// # Errors
    /// The service's, when it cannot be told.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn container_protection(
        &self,
        account: &ResourceId,
        container: &str,
    ) -> Result<Acted<ContainerProtection>> {
        let id = account
            .child("blobServices", "default")?
            .child("containers", container)?;
        let answer: Acted<Container> = self
            .read(
                &id,
                &[STORAGE_VERSION],
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            )
            .await?;
        let properties = answer.value.properties;
        let policy = properties.immutability_policy.unwrap_or_default().properties;
        let days = policy.immutability_period_since_creation_in_days;
        let state = match policy.state.to_ascii_lowercase().as_str() {
            "locked" => PolicyState::Locked { days },
            "unlocked" => PolicyState::Unlocked { days },
            _ => PolicyState::Absent,
        };
        let holds: Vec<String> = properties
            .legal_hold
            .tags
            .iter()
            .map(|hold| custody_core::visible::escape(&hold.tag))
            .collect();
        let hold_appends = properties
            .legal_hold
            .protected_append_writes_history
            .is_some_and(|history| history.allow_protected_append_writes_all);
        let protected = state != PolicyState::Absent || properties.has_legal_hold;
        let policy_appends = policy.allow_protected_append_writes || policy.allow_protected_append_writes_all;
        let appends = !protected
            || ((state == PolicyState::Absent || policy_appends)
                && (!properties.has_legal_hold || hold_appends || policy.allow_protected_append_writes_all));
        let settings = self.account_settings(account).await?;
        let mut observed = told(&settings, &ACCOUNT_SETTINGS, "account");
        observed.append(&mut self.blob_service_settings(account).await?);
        observed.insert(
            "container publicAccess".into(),
            properties.public_access.unwrap_or_else(|| "None".into()),
        );
        observed.insert("hasLegalHold".into(), properties.has_legal_hold.to_string());
        Ok(Acted {
            value: ContainerProtection {
                policy: state,
                holds: if properties.has_legal_hold && holds.is_empty() {
                    vec!["(tag not told)".into()]
                } else {
                    holds
                },
                appends,
                version_level: properties
                    .immutable_storage_with_versioning
                    .is_some_and(|versioning| versioning.enabled),
                region: settings
                    .pointer("/location")
                    .and_then(Value::as_str)
                    .and_then(region),
                hierarchical: settings.pointer("/properties/isHnsEnabled") == Some(&Value::Bool(true)),
                copy_scope: copy_scope(&settings),
                observed,
            },
            service: answer.service,
        })
    }

    /// The `allowedCopyScope` of an account; none where there is none.
    pub(crate) async fn allowed_copy_scope(&self, account: &ResourceId) -> Result<Option<String>> {
        Ok(copy_scope(&self.account_settings(account).await?))
    }

    async fn account_settings(&self, account: &ResourceId) -> Result<Value> {
        let action = "Microsoft.Storage/storageAccounts/read";
        let answer: Acted<Value> = self.read(account, &[STORAGE_VERSION], action).await?;
        Ok(answer.value)
    }

    /// Settings of the blob service. That they may not be read is what is told of them then: nothing rests on them.
    async fn blob_service_settings(&self, account: &ResourceId) -> Result<BTreeMap<String, String>> {
        let service = account.child("blobServices", "default")?;
        let action = "Microsoft.Storage/storageAccounts/blobServices/read";
        let answer: Result<Acted<Value>> = self.read(&service, &[STORAGE_VERSION], action).await;
        match answer {
            Ok(answer) => Ok(told(&answer.value, &BLOB_SERVICE_SETTINGS, "blob service")),
            Err(error) if matches!(error.meaning(), Error::PermissionDenied { .. }) => {
                let why = format!("could not be read: {error}");
                Ok([("blob service".to_owned(), custody_core::visible::escape(&why))].into())
            }
            Err(error) => Err(error),
        }
    }
}

fn copy_scope(settings: &Value) -> Option<String> {
    let scope = settings.pointer("/properties/allowedCopyScope")?.as_str()?;
    (!scope.is_empty()).then(|| custody_core::visible::escape(scope))
}

/// What an answer tells of these places, by the last part of each place's name.
fn told(answer: &Value, places: &[&str], of: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for place in places {
        let Some(value) = answer.pointer(place) else {
            continue;
        };
        let name = match *place {
            VERSION_LEVEL => "immutableStorageWithVersioning",
            place => place.rsplit('/').next().unwrap_or_default(),
        };
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        settings.insert(format!("{of} {name}"), custody_core::visible::escape(&text));
    }
    settings
}
