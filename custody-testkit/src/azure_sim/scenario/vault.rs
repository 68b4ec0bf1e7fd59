use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A key vault.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Vault {
    /// Its name: the first label of its host.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its subscription, when not the scenario's first.
    pub subscription: Option<String>,
    /// Its region.
    pub location: String,
    /// Whether roles decide who may do what; else its access policies do.
    pub rbac: bool,
    /// Who may do what, where roles do not decide.
    pub access_policies: Vec<VaultAccessPolicy>,
    /// Whether its network rules deny what they do not name.
    pub network_default_deny: bool,
    /// Addresses that network rules let in.
    pub network_allowed: Vec<String>,
    /// Whether it can be reached from outside of its private endpoints.
    pub public_network_access: bool,
    /// Whether nobody can purge what was deleted before its time.
    pub purge_protection: bool,
    /// How long what was deleted is kept.
    pub soft_delete_days: u32,
    /// Its secrets. Several of one name are its versions, the oldest first.
    pub secrets: Vec<VaultSecret>,
    /// Its keys, likewise.
    pub keys: Vec<VaultKey>,
}

/// What one identity may do in a vault with access policies.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultAccessPolicy {
    /// The identity's object id.
    pub object_id: String,
    /// With secrets: `get`, `list`, `set`, `delete` and so on.
    pub secrets: Vec<String>,
    /// With keys: `get`, `wrapKey`, `unwrapKey`, `sign` and so on.
    pub keys: Vec<String>,
}

/// A version of a secret.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultSecret {
    /// The secret's name.
    pub name: String,
    /// The version, 32 hexadecimal digits; made up when none is given.
    pub version: Option<String>,
    /// Its value. Test data, and yet never printed.
    pub value: String,
    /// What it says of its content.
    pub content_type: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it can be read.
    pub enabled: bool,
    /// From when on it is meant to be used, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Until when it is meant to be used.
    pub expires: Option<i64>,
}

/// A version of a key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultKey {
    /// The key's name.
    pub name: String,
    /// The version, 32 hexadecimal digits; made up when none is given.
    pub version: Option<String>,
    /// `RSA`, `RSA-HSM` or `EC` (on P-256).
    pub kind: String,
    /// Bits of an RSA key: 2048, 3072 or 4096.
    pub bits: u32,
    /// What it may be used for; all that its kind can do when empty.
    pub operations: Vec<String>,
    /// Whether it may be released.
    pub exportable: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it can be used.
    pub enabled: bool,
    /// From when on, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Until when.
    pub expires: Option<i64>,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            name: "vault".into(),
            resource_group: "soc".into(),
            subscription: None,
            location: "westeurope".into(),
            rbac: true,
            access_policies: Vec::new(),
            network_default_deny: false,
            network_allowed: Vec::new(),
            public_network_access: true,
            purge_protection: true,
            soft_delete_days: 90,
            secrets: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Default for VaultSecret {
    fn default() -> Self {
        Self {
            name: "secret".into(),
            version: None,
            value: String::new(),
            content_type: None,
            tags: BTreeMap::new(),
            enabled: true,
            not_before: None,
            expires: None,
        }
    }
}

impl Default for VaultKey {
    fn default() -> Self {
        Self {
            name: "key".into(),
            version: None,
            kind: "RSA".into(),
            bits: 2048,
            operations: Vec::new(),
            exportable: false,
            tags: BTreeMap::new(),
            enabled: true,
            not_before: None,
            expires: None,
        }
    }
}

impl Vault {
    /// An empty vault of the resource group `soc`, in West Europe, in which roles decide.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Puts it in another resource group.
    #[must_use]
    pub fn in_resource_group(mut self, group: &str) -> Self {
        self.resource_group = group.into();
        self
    }

    /// Adds a version of a secret.
    #[must_use]
    pub fn with_secret(mut self, secret: VaultSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Adds a version of a key.
    #[must_use]
    pub fn with_key(mut self, key: VaultKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Lets access policies decide, and adds one.
    #[must_use]
    pub fn with_access_policy(mut self, object_id: &str, secrets: &[&str], keys: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        self.rbac = false;
        self.access_policies.push(VaultAccessPolicy {
            object_id: object_id.into(),
            secrets: owned(secrets),
            keys: owned(keys),
        });
        self
    }

    /// The ARM id, given the scenario's first subscription.
    #[must_use]
    pub fn id(&self, default_subscription: &str) -> String {
        let subscription = self.subscription.as_deref().unwrap_or(default_subscription);
        let group = &self.resource_group;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{}",
            self.name
        )
    }
}

impl VaultSecret {
    /// A version of a secret.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    /// Gives the version its id.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Says what its content is.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &str) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, name: &str, value: &str) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }
}

impl VaultKey {
    /// An RSA key of 2048 bits.
    #[must_use]
    pub fn rsa(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// A key on the curve P-256.
    #[must_use]
    pub fn p256(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: "EC".into(),
            ..Self::default()
        }
    }

    /// Gives the version its id.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        self.version = Some(version.into());
        self
    }
}

impl fmt::Debug for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSecret")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("content_type", &self.content_type)
            .field("tags", &self.tags)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_secret_is_not_printed() {
        let printed = format!(
            "{:?}",
            Vault::new("v").with_secret(VaultSecret::new("s", "CANARY"))
        );
        assert!(!printed.contains("CANARY"), "{printed}");
    }
}
