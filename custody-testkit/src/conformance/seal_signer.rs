//! The clauses of [`SealSigner`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::port::SealSigner;

use super::clause::{ClauseFailure, Conforms, ensure, suite};
use super::secret::hides;
use crate::fake::pattern;

/// A signer, and what its private key looks like.
pub struct SignerHarness {
    signer: Arc<dyn SealSigner>,
    private: Option<Vec<u8>>,
    failing: Option<Arc<dyn SealSigner>>,
    keep: Vec<Box<dyn Any>>,
}

impl SignerHarness {
    /// This signer.
    #[must_use]
    pub fn new(signer: Arc<dyn SealSigner>) -> Self {
        Self {
            signer,
            private: None,
            failing: None,
            keep: Vec::new(),
        }
    }

    /// The private key's bytes, which must not be seen anywhere. For a key that never leaves a vault,
    /// whatever credential stands in its place.
    #[must_use]
    pub fn with_private(mut self, private: impl Into<Vec<u8>>) -> Self {
        self.private = Some(private.into());
        self
    }

    /// A signer with the same key, whose `sign` fails.
    #[must_use]
    pub fn with_failing(mut self, signer: Arc<dyn SealSigner>) -> Self {
        self.failing = Some(signer);
        self
    }

    /// Keeps something alive as long as the harness: a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.keep.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for SignerHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignerHarness(..)")
    }
}

/// `SS-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_01_the_public_key_verifies_what_is_signed(harness: &SignerHarness) -> Conforms {
    let key = harness.signer.verifier_key().clone();
    let framed = |length, seed| [b"<", pattern(length, seed).as_slice(), b">"].concat();
    for message in [
        b"x".to_vec(),
        b"in-toto".to_vec(),
        framed(30, 1),
        framed(100_000, 2),
    ] {
        let signature = harness.signer.sign(&message).await?.value;
        ensure!(
            key.verifies(&message, &signature),
            "{key} does not verify its signature of {} bytes",
            message.len()
        );
        ensure!(
            *harness.signer.verifier_key() == key,
            "the key changed after signing"
        );
    }
    Ok(())
}

/// Messages that a signer may be tempted to sign in another form than they have, with such forms.
fn tempting() -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let note = b"origin\n3\nroot\n".to_vec();
    let blank = b" x\r\n\0".to_vec();
    let digest = custody_core::digest::Sha256Digest::of(b"x").as_bytes().to_vec();
    vec![
        (Vec::new(), vec![b"\n".to_vec(), vec![0]]),
        (
            note.clone(),
            vec![note.trim_ascii().to_vec(), [note, b"\n".to_vec()].concat()],
        ),
        (
            blank.clone(),
            vec![
                b"x".to_vec(),
                blank.trim_ascii_start().to_vec(),
                b" x\n\0".to_vec(),
                b" x\r\n".to_vec(),
            ],
        ),
        // A digest is a message like any other: it is not what it is the digest of.
        (digest, vec![b"x".to_vec()]),
        (
            b"\xff\xfe is no text".to_vec(),
            vec!["\u{fffd}\u{fffd} is no text".as_bytes().to_vec()],
        ),
    ]
}

/// `SS-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_02_a_signature_is_of_exactly_its_message(harness: &SignerHarness) -> Conforms {
    let key = harness.signer.verifier_key();
    for (message, others) in tempting() {
        let signature = harness.signer.sign(&message).await?.value;
        for other in others {
            ensure!(
                !key.verifies(&other, &signature),
                "the signature of {message:?} verifies for {other:?}"
            );
        }
        ensure!(
            key.verifies(&message, &signature),
            "the signature of {message:?} does not verify"
        );
    }
    Ok(())
}

/// `SS-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_03_the_private_key_is_not_shown(harness: &SignerHarness) -> Conforms {
    let Some(private) = &harness.private else {
        return Err(ClauseFailure::not_offered(
            "the private key's bytes (`with_private`)",
        ));
    };
    let signature = harness.signer.sign(b"message").await?.value;
    let mut texts = vec![
        ("Debug", format!("{:?} {:#?}", harness.signer, harness.signer)),
        ("Display", harness.signer.to_string()),
        ("the public key", harness.signer.verifier_key().to_string()),
        ("a signature", custody_core::hex::encode(&signature)),
    ];
    if let Some(failing) = &harness.failing {
        match failing.sign(b"message").await {
            Ok(_) => return Err(ClauseFailure::new("the signer that should fail signs")),
            Err(error) => texts.push(("an error", format!("{error} {error:?} {:?}", error.causes()))),
        }
    }
    hides(private, &texts)
}

suite! { ($)
    /// Mounts the clauses of `SealSigner` as tests, on a [`SignerHarness`](crate::conformance::seal_signer::SignerHarness).
    seal_signer_conformance, seal_signer, SignerHarness, [
        ss_01_the_public_key_verifies_what_is_signed,
        ss_02_a_signature_is_of_exactly_its_message,
        ss_03_the_private_key_is_not_shown,
    ]
}
