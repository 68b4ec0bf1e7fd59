use serde::{Deserialize, Serialize};

/// A storage account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StorageAccount {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its subscription, when not the scenario's first.
    pub subscription: Option<String>,
    /// Its region.
    pub location: String,
    /// Whether it serves https only.
    pub https_only: bool,
    /// `TLS1_2` and so on.
    pub minimum_tls_version: String,
    /// Whether its keys may sign.
    pub shared_key: bool,
    /// Whether its network rules deny what they do not name.
    pub network_default_deny: bool,
    /// Addresses that network rules let in.
    pub network_allowed: Vec<String>,
    /// Whether blobs have versions.
    pub versioning: bool,
    /// Whether it has a hierarchical namespace. Reported only.
    pub hierarchical_namespace: bool,
    /// `AAD` or `PrivateLink`, or none. Set, nothing is copied there from exports and from other accounts.
    pub allowed_copy_scope: Option<String>,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container of blobs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its time-based retention policy.
    pub immutability_policy: Option<ImmutabilityPolicy>,
    /// Tags of its legal hold; none, no hold.
    pub legal_hold: Vec<String>,
    /// Whether the hold lets append blobs and block blobs grow (`allowProtectedAppendWritesAll`).
    pub legal_hold_allows_appends: bool,
    /// Whether policies and holds are of versions (`immutableStorageWithVersioning`).
    pub version_level_worm: bool,
}

/// A container's time-based retention policy.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ImmutabilityPolicy {
    /// Days from a blob's creation.
    pub days: u32,
    /// Whether it is locked.
    pub locked: bool,
    /// Whether append blobs may grow.
    pub allow_protected_append_writes: bool,
    /// Whether append blobs and block blobs may grow.
    pub allow_protected_append_writes_all: bool,
}

impl ImmutabilityPolicy {
    /// A locked policy.
    #[must_use]
    pub fn locked(days: u32) -> Self {
        Self {
            days,
            locked: true,
            ..Self::default()
        }
    }

    /// A policy that can still be removed.
    #[must_use]
    pub fn unlocked(days: u32) -> Self {
        Self {
            days,
            ..Self::default()
        }
    }

    /// Lets append blobs grow.
    #[must_use]
    pub fn with_protected_append_writes(mut self) -> Self {
        self.allow_protected_append_writes = true;
        self
    }
}

impl Default for StorageAccount {
    fn default() -> Self {
        Self {
            name: "account".into(),
            resource_group: "soc".into(),
            subscription: None,
            location: "westeurope".into(),
            https_only: true,
            minimum_tls_version: "TLS1_2".into(),
            shared_key: false,
            network_default_deny: false,
            network_allowed: Vec::new(),
            versioning: false,
            hierarchical_namespace: false,
            allowed_copy_scope: None,
            containers: Vec::new(),
        }
    }
}

impl StorageAccount {
    /// An account of the resource group `soc`, in West Europe.
    #[must_use]
    pub fn new(name: &str, containers: Vec<Container>) -> Self {
        Self {
            name: name.into(),
            containers,
            ..Self::default()
        }
    }
}

impl Container {
    /// A container without protection.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Gives it a time-based policy.
    #[must_use]
    pub fn with_policy(mut self, policy: ImmutabilityPolicy) -> Self {
        self.immutability_policy = Some(policy);
        self
    }

    /// Places a legal hold with one tag.
    #[must_use]
    pub fn with_legal_hold(mut self, tag: &str) -> Self {
        self.legal_hold.push(tag.into());
        self
    }
}

impl StorageAccount {
    /// The ARM id, given the subscription.
    pub(crate) fn id(&self, subscription: &str) -> String {
        let group = &self.resource_group;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{}",
            self.name
        )
    }
}
