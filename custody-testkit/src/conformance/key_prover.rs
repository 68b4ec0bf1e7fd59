//! The clauses of [`KeyProver`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use custody_core::Result;
use custody_core::extent::{ByteRange, Extent, ReadFault, Span};
use custody_core::port::{ImageReader, KeyMaterial, KeyProof, KeyProver, ProofVerdict};
use futures::stream::BoxStream;
use zeroize::Zeroizing;

use super::clause::{ClauseFailure, Conforms, ensure, suite};
use crate::fake::{MemoryImage, pattern};
use crate::shared::Shared;

/// A prover and an encrypted image whose key is known.
pub struct ProverHarness {
    prover: Arc<dyn KeyProver>,
    image: Vec<u8>,
    key: Vec<u8>,
    metadata: Vec<ByteRange>,
    keep: Vec<Box<dyn Any>>,
}

impl ProverHarness {
    /// This prover, an encrypted image that the key opens, and the only ranges of the image that hold its
    /// metadata.
    #[must_use]
    pub fn new(
        prover: Arc<dyn KeyProver>,
        image: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
        metadata: Vec<ByteRange>,
    ) -> Self {
        Self {
            prover,
            image: image.into(),
            key: key.into(),
            metadata,
            keep: Vec::new(),
        }
    }

    /// Keeps something alive as long as the harness.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }

    async fn proof(&self, image: MemoryImage, key: &[u8]) -> Result<KeyProof> {
        let key = KeyMaterial::new(Zeroizing::new(key.to_vec()));
        self.prover.prove(Arc::new(image), &key).await
    }

    async fn prove(&self, image: MemoryImage, key: &[u8]) -> Result<ProofVerdict> {
        Ok(self.proof(image, key).await?.verdict)
    }

    fn encrypted(&self) -> MemoryImage {
        MemoryImage::new("encrypted image", self.image.clone())
    }
}

impl fmt::Debug for ProverHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProverHarness({})", self.prover)
    }
}

/// `KP-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn kp_01_opens_only_when_the_image_authenticates_the_key(harness: &ProverHarness) -> Conforms {
    let told = harness.prove(harness.encrypted(), &harness.key).await?;
    ensure!(told == ProofVerdict::Opens, "the right key: {told:?}");
    // Changed metadata vouch for no key any longer.
    for range in &harness.metadata {
        let mut image = harness.image.clone();
        let (start, end) = (usize::try_from(range.start()), usize::try_from(range.end()));
        if let Some(bytes) = image.get_mut(start.unwrap_or_default()..end.unwrap_or_default()) {
            bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        let told = harness
            .prove(MemoryImage::new("changed image", image), &harness.key)
            .await;
        ensure!(
            !matches!(told, Ok(ProofVerdict::Opens)),
            "the key opens an image whose metadata in {range} are others"
        );
    }
    Ok(())
}

/// `KP-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn kp_02_wrong_keys_and_plain_images_are_told_apart(harness: &ProverHarness) -> Conforms {
    let mut wrong = harness.key.clone();
    if let Some(last) = wrong.last_mut() {
        *last ^= 1;
    }
    let told = harness.prove(harness.encrypted(), &wrong).await?;
    ensure!(told == ProofVerdict::DoesNotOpen, "a wrong key: {told:?}");

    for image in plain_images() {
        let length = image.length();
        let told = harness.prove(image, &harness.key).await?;
        ensure!(
            told == ProofVerdict::NotEncrypted,
            "a plain image of {length} bytes: {told:?}"
        );
    }

    let mut unread = harness.encrypted();
    for range in &harness.metadata {
        unread = unread.with_unread(*range, ReadFault::new("EIO", 3));
    }
    match harness.prove(unread, &harness.key).await {
        Ok(ProofVerdict::CannotTell { reason }) => {
            ensure!(!reason.trim().is_empty(), "what cannot be told has no reason");
        }
        Ok(told) => {
            return Err(ClauseFailure::new(format!(
                "metadata that cannot be read: {told:?}"
            )));
        }
        Err(_) => {}
    }
    Ok(())
}

/// `KP-03`, by what is read: content that is not read is not decrypted.
///
/// # Errors
/// How the clause is broken.
pub async fn kp_03_only_metadata_are_read(harness: &ProverHarness) -> Conforms {
    let reads = Shared::<Vec<ByteRange>>::default();
    let image = Watched {
        inner: harness.encrypted(),
        reads: reads.clone(),
    };
    let key = KeyMaterial::new(Zeroizing::new(harness.key.clone()));
    // The verdict is another clause's matter.
    drop(harness.prover.prove(Arc::new(image), &key).await);
    for read in reads.lock().iter() {
        let inside = harness
            .metadata
            .iter()
            .any(|range| range.intersect(*read) == Some(*read));
        ensure!(
            inside || read.is_empty(),
            "{read} was read, which holds no metadata"
        );
    }
    Ok(())
}

/// `KP-04`.
///
/// # Errors
/// How the clause is broken.
pub async fn kp_04_an_empty_key_lists_what_is_encrypted_and_opens_nothing(
    harness: &ProverHarness,
) -> Conforms {
    let told = harness.proof(harness.encrypted(), &[]).await?;
    let is_open = |verdict: &ProofVerdict| *verdict == ProofVerdict::Opens;
    ensure!(
        !is_open(&told.verdict) && !told.volumes.iter().any(|volume| is_open(&volume.verdict)),
        "no key opens an encrypted image: {told:?}"
    );
    ensure!(
        told.verdict != ProofVerdict::NotEncrypted,
        "an encrypted image has no encryption where no key is at hand"
    );
    ensure!(
        !told.volumes.is_empty() || matches!(told.verdict, ProofVerdict::CannotTell { .. }),
        "an encrypted image is said to be one, and no volume of it is listed: {told:?}"
    );
    for image in plain_images() {
        let told = harness.proof(image, &[]).await?;
        ensure!(
            told.volumes.is_empty() && !is_open(&told.verdict),
            "a plain image, and no key: {told:?}"
        );
    }
    Ok(())
}

/// `KP-05`.
///
/// # Errors
/// How the clause is broken.
pub async fn kp_05_no_encryption_is_said_with_what_was_seen_instead(harness: &ProverHarness) -> Conforms {
    for key in [&harness.key[..], &[]] {
        for image in plain_images() {
            let told = harness.proof(image, key).await?;
            ensure!(
                told.verdict != ProofVerdict::NotEncrypted
                    || told.notes.iter().any(|note| !note.trim().is_empty()),
                "no encryption was found, and nothing says what was: {told:?}"
            );
        }
    }
    Ok(())
}

fn plain_images() -> Vec<MemoryImage> {
    [Vec::new(), vec![0; 4096], pattern(100_000, 1)]
        .map(|bytes| MemoryImage::new("plain image", bytes))
        .into()
}

/// An image that keeps which ranges were read.
#[derive(Debug)]
struct Watched {
    inner: MemoryImage,
    reads: Shared<Vec<ByteRange>>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watched({})", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ImageReader for Watched {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.inner.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        self.reads.lock().push(range);
        self.inner.read(range).await
    }
}

suite! { ($)
    /// Mounts the clauses of `KeyProver` as tests, on a [`ProverHarness`](crate::conformance::key_prover::ProverHarness).
    key_prover_conformance, key_prover, ProverHarness, [
        kp_01_opens_only_when_the_image_authenticates_the_key,
        kp_02_wrong_keys_and_plain_images_are_told_apart,
        kp_03_only_metadata_are_read,
        kp_04_an_empty_key_lists_what_is_encrypted_and_opens_nothing,
        kp_05_no_encryption_is_said_with_what_was_seen_instead,
    ]
}
