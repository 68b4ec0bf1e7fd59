use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Where a disk's key lies, exactly: vault, name and version, or a path. Never the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyReference {
    /// The address of exactly one version of the key.
    pub address: String,
    /// What else the provider says of it, by the provider's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl KeyReference {
    /// The key at this address.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            attributes: BTreeMap::new(),
        }
    }

    /// Adds what the provider says of it.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Which keys a disk needs before its content can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the workflow must decide on every kind of requirement"
)]
pub enum KeyRequirement {
    /// None: the provider says that the content is readable without one.
    None,
    /// These, at least one.
    Keys(Vec<KeyReference>),
    /// The provider keeps no key for it, or it cannot be told, and why. A volume that somebody encrypted inside the
    /// machine is known to nobody but its image.
    Unknown(String),
}

/// A disk's key in plain form. Lives in memory that is wiped, and nowhere else.
pub struct KeyMaterial(Zeroizing<Vec<u8>>);

impl KeyMaterial {
    /// Takes these bytes.
    #[must_use]
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes. Never print, log or store what this returns.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same bytes; takes as long for any two of one length.
    #[must_use]
    pub fn is_equal(&self, other: &Self) -> bool {
        let differing = self
            .0
            .iter()
            .zip(other.0.iter())
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        self.0.len() == other.0.len() && differing == 0
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(hidden)")
    }
}

/// A key that others can keep without being able to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WrappedKey {
    /// How it is wrapped and by what: an algorithm, and the address or the fingerprint of the wrapping key.
    pub wrapping: String,
    /// The wrapped key.
    pub bytes: Vec<u8>,
    /// What is known of the wrapping key without any secret: its public part, for example.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl WrappedKey {
    /// A key, wrapped like this.
    pub fn new(wrapping: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self {
            wrapping: wrapping.into(),
            bytes,
            attributes: BTreeMap::new(),
        }
    }

    /// Adds what is known of the wrapping key.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// A disk's key as its source gave it.
#[derive(Debug)]
#[non_exhaustive]
pub struct FetchedKey {
    /// The key: what opens the volume, freed of any wrapping and text form.
    pub key: KeyMaterial,
    /// What the source holds, where that is the key in a wrapping of its own.
    pub original: Option<WrappedKey>,
    /// What else the source says of it, by its own names: content type, tags.
    pub attributes: BTreeMap<String, String>,
}

impl FetchedKey {
    /// A key that its source holds in plain form.
    #[must_use]
    pub const fn new(key: KeyMaterial) -> Self {
        Self {
            key,
            original: None,
            attributes: BTreeMap::new(),
        }
    }

    /// Adds the wrapped form in which the source holds it.
    #[must_use]
    pub fn with_original(mut self, original: WrappedKey) -> Self {
        self.original = Some(original);
        self
    }

    /// Adds what the source says of it.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}
