use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{
    DiskDescription, DiskSnapshot, EscrowReceipt, EscrowRecord, FetchedKey, ImageReader, KeyMaterial,
    KeyProof, KeyReference, KeyRequirement, Port, WrappedKey,
};
use crate::error::Result;
use crate::ids::{AcquisitionId, Segment};
use crate::service::Acted;

/// Finds and fetches the keys of a disk.
///
/// # Clauses
/// * `KS-01` [`requirement`](Self::requirement) is [`KeyRequirement::None`](super::KeyRequirement::None) only when the provider says that no key is
///   needed, and names at least one key in [`KeyRequirement::Keys`](super::KeyRequirement::Keys).
/// * `KS-02` [`fetch`](Self::fetch) gives exactly the version that the reference names.
/// * `KS-03` no key, and no part of one, is in any `Debug`, `Display` or error text.
#[async_trait]
pub trait KeySource: Port {
    /// Which keys the content of a disk snapshot needs: as the snapshot itself says where it can be asked, because a
    /// key that is changed after the plan was made is another one than the content's.
    ///
    /// # Errors
    /// The provider's; never an empty answer for what could not be asked.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn requirement(
        &self,
        disk: &DiskDescription,
        snapshot: &DiskSnapshot,
    ) -> Result<Acted<KeyRequirement>>;

    /// One key.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::PermissionDenied`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>>;
}

/// Wraps keys for custodians, and unwraps them where it holds what that takes.
///
/// # Clauses
/// * `KW-01` what [`wrap`](Self::wrap) gives, [`unwrap_key`](Self::unwrap_key) turns back into the same bytes, or is
///   [`crate::Error::Unsupported`] where this wrapper was given only the public part.
/// * `KW-02` the wrapped form does not hold the plain key.
/// * `KW-03` what was changed is refused, never unwrapped into other bytes; so is a key of another acquisition, where
///   the wrapping binds it.
#[async_trait]
pub trait KeyWrapper: Port {
    /// Wraps a key.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn wrap(&self, key: &KeyMaterial, acquisition: &AcquisitionId) -> Result<Acted<WrappedKey>>;

    /// Unwraps a key.
    ///
    /// # Errors
    /// [`crate::Error::Integrity`] for what was changed; [`crate::Error::Unsupported`] for a wrapper that cannot
    /// unwrap; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn unwrap_key(&self, key: &WrappedKey, acquisition: &AcquisitionId) -> Result<Acted<KeyMaterial>>;

    /// What whoever decides on a capture must know of keys that are kept so: what a plan says of it, a sentence each.
    fn cautions(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Keeps keys for the custodians.
///
/// # Clauses
/// * `KE-01` [`withdraw`](Self::withdraw) gives what was deposited: key, original, attributes and labels.
/// * `KE-02` the same key again ([`EscrowRecord::is_same_key`]) is adopted, and the receipt is of what is kept; another
///   one under the same name, or one entrusted in plain form whose bytes differ, is [`crate::Error::AlreadyExists`],
///   and the first one stays.
/// * `KE-03` [`list`](Self::list) yields every key of the acquisition, each once.
/// * `KE-04` an escrow that does not guard what it keeps refuses a key in plain form with
///   [`crate::Error::Unsupported`], and keeps nothing of it.
#[async_trait]
pub trait KeyEscrow: Port {
    /// Deposits a key under a name that core chose.
    ///
    /// # Errors
    /// See clauses KE-02 and KE-04; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    async fn deposit(&self, name: &Segment, record: &EscrowRecord) -> Result<Acted<EscrowReceipt>>;

    /// The key under a name.
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
/// * `KP-01` [`ProofVerdict::Opens`](super::ProofVerdict::Opens) only when the image's own metadata authenticates the key.
/// * `KP-02` a wrong key is [`ProofVerdict::DoesNotOpen`](super::ProofVerdict::DoesNotOpen), an image without encryption
///   [`ProofVerdict::NotEncrypted`](super::ProofVerdict::NotEncrypted); what cannot be told says why.
/// * `KP-03` no content of the image is decrypted.
/// * `KP-04` an empty key asks which encrypted volumes there are, and opens none: the volumes are listed as they would be
///   for a wrong key, without the work of trying one; a prover that cannot do that says
///   [`ProofVerdict::CannotTell`](super::ProofVerdict::CannotTell).
/// * `KP-05` a proof that says [`ProofVerdict::NotEncrypted`](super::ProofVerdict::NotEncrypted) has notes that say what was seen instead.
///
/// What a proof may cost is bounded by the prover, whatever a header asks for, and so is the memory of several proofs at
/// once. A caller that is to stop gives a reader that fails from then on, and the proof ends with that error.
#[async_trait]
pub trait KeyProver: Port {
    /// Tries the key on the image.
    ///
    /// # Errors
    /// The reader's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn prove(&self, image: Arc<dyn ImageReader>, key: &KeyMaterial) -> Result<KeyProof>;
}
