use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{KeyMaterial, KeyReference, WrappedKey};
use crate::digest::Sha256Digest;
use crate::ids::{AcquisitionId, EvidenceItemId, Segment};

/// In what form an escrow is given a key.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an escrow must decide whether it can guard each form"
)]
pub enum EscrowedKey {
    /// Wrapped: whoever reads the escrow cannot use it.
    Wrapped(WrappedKey),
    /// In plain form: only the escrow's own access rules guard it.
    Entrusted(KeyMaterial),
}

/// What an escrow keeps of one key.
///
/// Two records are of *the same key* when acquisition, item and source address are equal: a source address names one
/// version, which never changes, while wrapping the same key twice gives different bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct EscrowRecord {
    /// The acquisition it belongs to.
    pub acquisition: AcquisitionId,
    /// The evidence item that it opens.
    pub item: EvidenceItemId,
    /// Where it came from.
    pub source: KeyReference,
    /// The key.
    pub key: EscrowedKey,
    /// The wrapped form in which the source holds it.
    pub original: Option<WrappedKey>,
    /// What the source says of it, by its own names.
    pub attributes: BTreeMap<String, String>,
    /// What core says of it: case, disk, stored object.
    pub labels: BTreeMap<String, String>,
}

impl EscrowRecord {
    /// A key of this item.
    #[must_use]
    pub const fn new(
        acquisition: AcquisitionId,
        item: EvidenceItemId,
        source: KeyReference,
        key: EscrowedKey,
    ) -> Self {
        Self {
            acquisition,
            item,
            source,
            key,
            original: None,
            attributes: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    /// Adds the wrapped form in which the source holds it.
    #[must_use]
    pub fn with_original(mut self, original: Option<WrappedKey>) -> Self {
        self.original = original;
        self
    }

    /// Adds what the source says of it.
    #[must_use]
    pub fn with_attributes(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.attributes = attributes;
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Whether both are of the same key.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.acquisition == other.acquisition
            && self.item == other.item
            && self.source.address == other.source.address
    }
}

/// What an escrow says of a key that it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EscrowReceipt {
    /// Its name, as text.
    pub name: String,
    /// How it is kept: the wrapping, or that the escrow alone guards it.
    pub form: String,
    /// SHA-256 of the wrapped key as kept; none for a key that is kept in plain form, whose digest would be a clue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped_digest: Option<Sha256Digest>,
    /// What identifies this version of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

impl EscrowReceipt {
    /// What `form` says of a key that is kept in plain form.
    pub const ENTRUSTED: &'static str = "plain, guarded by the escrow";

    /// A receipt for this key under this name.
    #[must_use]
    pub fn new(name: &Segment, key: &EscrowedKey) -> Self {
        let (form, wrapped_digest) = match key {
            EscrowedKey::Wrapped(wrapped) => {
                (wrapped.wrapping.clone(), Some(Sha256Digest::of(&wrapped.bytes)))
            }
            EscrowedKey::Entrusted(_) => (Self::ENTRUSTED.to_owned(), None),
        };
        Self {
            name: name.to_string(),
            form,
            wrapped_digest,
            version: BTreeMap::new(),
        }
    }

    /// Adds what identifies this version.
    #[must_use]
    pub fn with_version(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.version.insert(name.into(), value.into());
        self
    }
}
