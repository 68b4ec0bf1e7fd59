use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::attributes::{Attributes, Recovery};
use super::key_material::KeyMaterial;
use super::object::Objects;
use crate::azure_sim::inspection::StoredSecret;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::{Vault, VaultSecret};

/// A vault as it is now.
#[derive(Debug)]
pub(crate) struct VaultState {
    pub(crate) settings: Vault,
    pub(crate) id: String,
    pub(super) secrets: Objects<SecretVersion>,
    pub(super) keys: Objects<KeyVersion>,
}

/// A version of a secret.
#[derive(Clone)]
pub(super) struct SecretVersion {
    pub(super) value: String,
    pub(super) content_type: Option<String>,
    pub(super) tags: Option<Value>,
    pub(super) attributes: Attributes,
}

/// A version of a key.
#[derive(Clone, Debug)]
pub(super) struct KeyVersion {
    pub(super) kind: String,
    pub(super) material: KeyMaterial,
    pub(super) operations: Vec<String>,
    pub(super) exportable: bool,
    pub(super) tags: Option<Value>,
    pub(super) attributes: Attributes,
}

impl SecretVersion {
    fn of(secret: &VaultSecret, now: Timestamp) -> Self {
        Self {
            value: secret.value.clone(),
            content_type: secret.content_type.clone(),
            tags: tags_of(&secret.tags),
            attributes: Attributes::new(secret.enabled, secret.not_before, secret.expires, now),
        }
    }
}

fn tags_of(tags: &BTreeMap<String, String>) -> Option<Value> {
    (!tags.is_empty()).then(|| json!(tags))
}

/// The id of a version: 32 hexadecimal digits.
pub(super) fn version_of(guid: &str) -> String {
    guid.chars().filter(char::is_ascii_hexdigit).collect()
}

impl VaultState {
    pub(crate) fn new(settings: &Vault, id: String, now: Timestamp) -> Self {
        let mut state = Self {
            settings: settings.clone(),
            id,
            secrets: Objects::new("Secret"),
            keys: Objects::new("Key"),
        };
        let name_of = |kind: &str, number: usize, given: &Option<String>| {
            let made = || version_of(&keyed::guid(&format!("{kind} {} {number}", settings.name)));
            given.clone().unwrap_or_else(made)
        };
        for (number, secret) in settings.secrets.iter().enumerate() {
            let version = SecretVersion::of(secret, now);
            let id = name_of("secret", number, &secret.version);
            // Nothing is deleted yet, so that every name is free.
            drop(state.secrets.add(&secret.name, id, version));
        }
        for (number, key) in settings.keys.iter().enumerate() {
            let material = KeyMaterial::of_scenario(&settings.name, number, key);
            let version = KeyVersion {
                operations: if key.operations.is_empty() {
                    material.all_operations()
                } else {
                    key.operations.clone()
                },
                kind: key.kind.clone(),
                material,
                exportable: key.exportable,
                tags: tags_of(&key.tags),
                attributes: Attributes::new(key.enabled, key.not_before, key.expires, now),
            };
            drop(
                state
                    .keys
                    .add(&key.name, name_of("key", number, &key.version), version),
            );
        }
        state
    }

    pub(super) fn recovery(&self) -> Recovery {
        Recovery {
            days: self.settings.soft_delete_days,
            purge_protection: self.settings.purge_protection,
        }
    }

    /// Where its backups can be restored: the region's geography, as far as region names tell it.
    pub(super) fn geography(&self) -> String {
        let region = self.settings.location.to_lowercase();
        let rest = region.trim_end_matches(|c: char| c.is_ascii_digit());
        let directions = [
            "northcentral",
            "southcentral",
            "westcentral",
            "central",
            "north",
            "south",
            "west",
            "east",
        ];
        let plain = directions
            .iter()
            .fold(rest.to_string(), |text, word| text.replacen(word, "", 1));
        if plain.is_empty() { rest.to_string() } else { plain }
    }

    /// The latest version of a secret.
    pub(crate) fn stored_secret(&self, name: &str) -> Option<StoredSecret> {
        let versions = self.secrets.find(name).ok()?;
        let (_, latest) = versions.latest();
        let tags = latest
            .tags
            .as_ref()
            .and_then(|tags| serde_json::from_value(tags.clone()).ok());
        Some(StoredSecret {
            value: latest.value.clone(),
            content_type: latest.content_type.clone(),
            tags: tags.unwrap_or_default(),
            versions: versions.0.len(),
        })
    }

    pub(crate) fn secret_names(&self) -> Vec<String> {
        self.secrets.list().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn put_secret(&mut self, secret: &VaultSecret, made: &str, now: Timestamp) {
        let version = secret.version.clone().unwrap_or_else(|| version_of(made));
        // Someone else meets the same refusals; a test that runs into one finds nothing there.
        drop(
            self.secrets
                .add(&secret.name, version, SecretVersion::of(secret, now)),
        );
    }

    pub(crate) fn delete_secret(&mut self, name: &str, now: Timestamp) {
        let recovery = self.recovery();
        drop(self.secrets.delete(name, recovery, now));
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.secrets.forget(name);
        self.keys.forget(name);
    }

    pub(crate) fn disable(&mut self, name: &str) {
        self.secrets
            .each(name, |secret| secret.attributes.enabled = false);
        self.keys.each(name, |key| key.attributes.enabled = false);
    }

    /// Changes the tags of every secret.
    pub(crate) fn change_tags(&mut self, change: impl Fn(&mut Value)) {
        for name in self.secret_names() {
            self.secrets.each(&name, |secret| {
                if let Some(tags) = &mut secret.tags {
                    change(tags);
                }
            });
        }
    }

    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.secrets.settle(now);
        self.keys.settle(now);
    }
}

impl fmt::Debug for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretVersion")
    }
}
