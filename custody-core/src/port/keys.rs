use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{DiskDescription, ImageReader, Port};
use crate::error::Result;
use crate::ids::{AcquisitionId, Segment};
use crate::service::Acted;

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
}

/// Which keys a disk needs before its content can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the workflow must decide on every kind of requirement"
)]
pub enum KeyRequirement {
    /// None.
    None,
    /// These.
    Keys(Vec<KeyReference>),
    /// It cannot be told, and why.
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
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(hidden)")
    }
}

/// A key as it is kept in escrow: wrapped, never plain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EscrowRecord {
    /// The acquisition it belongs to.
    pub acquisition: AcquisitionId,
    /// How it is wrapped and for whom.
    pub wrapping: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// What is known of it without opening it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl EscrowRecord {
    /// A wrapped key of this acquisition.
    pub fn new(acquisition: AcquisitionId, wrapping: impl Into<String>, wrapped: Vec<u8>) -> Self {
        Self {
            acquisition,
            wrapping: wrapping.into(),
            wrapped,
            attributes: BTreeMap::new(),
        }
    }
}

/// What an escrow says of a key that it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EscrowReceipt {
    /// Its name, as text.
    pub name: String,
    /// What identifies this version of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

impl EscrowReceipt {
    /// A receipt for this name.
    #[must_use]
    pub fn new(name: &Segment) -> Self {
        Self {
            name: name.to_string(),
            version: BTreeMap::new(),
        }
    }
}

/// Whether a key opens an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a new verdict must break callers")]
pub enum ProofVerdict {
    /// It does.
    Opens,
    /// It does not.
    DoesNotOpen,
    /// The image holds no encrypted volume.
    NotEncrypted,
    /// It could not be told.
    CannotTell {
        /// Why.
        reason: String,
    },
}

/// Finds and fetches the keys of a disk.
///
/// # Clauses
/// * `KS-01` [`requirement`](Self::requirement) is [`KeyRequirement::None`] only when the provider says that no key is
///   needed.
/// * `KS-02` [`fetch`](Self::fetch) gives exactly the version that the reference names.
/// * `KS-03` no key, and no part of one, is in any `Debug`, `Display` or error text.
#[async_trait]
pub trait KeySource: Port {
    /// Which keys the disk needs.
    ///
    /// # Errors
    /// The provider's.
    fn requirement(&self, disk: &DiskDescription) -> Result<KeyRequirement>;

    /// One key.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::PermissionDenied`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn fetch(&self, key: &KeyReference) -> Result<Acted<KeyMaterial>>;
}

/// Wraps keys for custodians, and unwraps them.
///
/// # Clauses
/// * `KW-01` what [`wrap`](Self::wrap) gives, [`unwrap_key`](Self::unwrap_key) turns back into the same bytes.
/// * `KW-02` the wrapped form does not hold the plain key.
/// * `KW-03` a record that was changed is refused, never unwrapped into other bytes.
#[async_trait]
pub trait KeyWrapper: Port {
    /// Wraps a key.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<EscrowRecord>>;

    /// Unwraps a key.
    ///
    /// # Errors
    /// [`crate::Error::Integrity`] for a record that was changed; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn unwrap_key(&self, record: &EscrowRecord) -> Result<Acted<KeyMaterial>>;
}

/// Keeps wrapped keys.
///
/// # Clauses
/// * `KE-01` [`withdraw`](Self::withdraw) gives what was deposited.
/// * `KE-02` the same record again is adopted; another one under the same name is [`crate::Error::AlreadyExists`], and
///   the first one stays.
/// * `KE-03` [`list`](Self::list) yields every key of the acquisition, each once.
#[async_trait]
pub trait KeyEscrow: Port {
    /// Deposits a wrapped key under a name that core chose.
    ///
    /// # Errors
    /// See clause KE-02; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>>;

    /// The wrapped key under a name.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn withdraw(&self, name: &Segment) -> Result<Acted<EscrowRecord>>;

    /// The keys of an acquisition.
    fn list(&self, of: &AcquisitionId) -> BoxStream<'_, Result<EscrowReceipt>>;
}

/// Proves that a key opens an image, from the image's headers alone.
///
/// # Clauses
/// * `KP-01` [`ProofVerdict::Opens`] only when the image's own metadata authenticates the key.
/// * `KP-02` a wrong key is [`ProofVerdict::DoesNotOpen`], an image without encryption
///   [`ProofVerdict::NotEncrypted`]; what cannot be told says why.
/// * `KP-03` no content of the image is decrypted.
#[async_trait]
pub trait KeyProver: Port {
    /// Tries the key on the image.
    ///
    /// # Errors
    /// The reader's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> Result<ProofVerdict>;
}
