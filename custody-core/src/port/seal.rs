use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Port;
use crate::custody_log::VerifierKey;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::ids::AcquisitionId;
use crate::service::Acted;

/// Signs checkpoints and seals.
///
/// # Clauses
/// * `SS-01` [`verifier_key`](Self::verifier_key) is constant, and its public key verifies what
///   [`sign`](Self::sign) gives: Ed25519 over the message, or ECDSA P-256 over its SHA-256, DER-encoded.
/// * `SS-02` the signature is over exactly the message: it does not verify for any other.
/// * `SS-03` the private key never leaves the signer, and is in no `Debug`, `Display` or error text.
#[async_trait]
pub trait SealSigner: Port {
    /// The public half, with the signer's name.
    fn verifier_key(&self) -> &VerifierKey;

    /// Signs a message.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn sign(&self, message: &[u8]) -> Result<Acted<Vec<u8>>>;
}

/// Gives RFC 3161 time-stamp tokens.
///
/// # Clauses
/// * `TA-01` [`stamp`](Self::stamp) gives a DER `TimeStampResp` whose imprint is SHA-256 of the message, as
///   `openssl ts -verify -data` takes it.
/// * `TA-02` an authority that does not answer, or refuses, is an error: never an empty token.
#[async_trait]
pub trait TimestampAuthority: Port {
    /// A token over the message.
    ///
    /// # Errors
    /// The authority's refusal, or that it did not answer.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn stamp(&self, message: &[u8]) -> Result<Acted<Vec<u8>>>;
}

/// A digest with what it is of, for a [`DigestRegister`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestEntry {
    /// The name that core chose, for example `<snapshot>-hash-SHA256`.
    pub name: String,
    /// The digest.
    pub digest: Sha256Digest,
    /// The acquisition that computed it.
    pub acquisition: AcquisitionId,
    /// What it is of: `case`, `disk`, the stored `object` by its whole name; `disk unique id` and `lun` where the
    /// provider tells them.
    pub labels: BTreeMap<String, String>,
}

impl DigestEntry {
    /// A digest of this acquisition under this name.
    pub fn new(name: impl Into<String>, digest: Sha256Digest, acquisition: AcquisitionId) -> Self {
        Self {
            name: name.into(),
            digest,
            acquisition,
            labels: BTreeMap::new(),
        }
    }

    /// Adds what it is of.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}

/// A second place for digests, in other hands than the evidence: the SOC's vault.
///
/// # Clauses
/// * `DR-01` [`put`](Self::put) stores a digest under a name once; the same digest again is adopted.
/// * `DR-02` another digest under the same name is [`crate::Error::AlreadyExists`], and the first one stays.
/// * `DR-03` [`find`](Self::find) gives what was put; `None` only when nothing was.
#[async_trait]
pub trait DigestRegister: Port {
    /// Puts a digest under its name. The labels are told to whoever looks there; they do not decide what is the same.
    ///
    /// # Errors
    /// See clause DR-02; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    async fn put(&self, entry: &DigestEntry) -> Result<Acted<()>>;

    /// The digest under a name.
    ///
    /// # Errors
    /// The provider's, when it cannot tell.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn find(&self, name: &str) -> Result<Option<Sha256Digest>>;
}
