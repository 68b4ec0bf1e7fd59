//! The clauses of [`SealSigner`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use custody_core::port::SealSigner;

use super::clause::{ClauseFailure, Conforms, ensure, suite};
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

fn messages() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"x".to_vec(),
        b"origin\n3\nroot\n".to_vec(),
        pattern(32, 1),
        pattern(100_000, 2),
    ]
}

/// `SS-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_01_the_public_key_verifies_what_is_signed(harness: &SignerHarness) -> Conforms {
    let key = harness.signer.verifier_key().clone();
    for message in messages() {
        let signature = harness.signer.sign(&message).await?.value;
        ensure!(
            key.verifies(&message, &signature),
            "{key} does not verify its signature of {} bytes",
            message.len()
        );
        ensure!(*harness.signer.verifier_key() == key, "the key changed after signing");
    }
    Ok(())
}

/// `SS-02`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_02_a_signature_is_of_exactly_its_message(harness: &SignerHarness) -> Conforms {
    let key = harness.signer.verifier_key();
    for message in messages() {
        let signature = harness.signer.sign(&message).await?.value;
        let mut others = vec![[message.as_slice(), b"\n"].concat(), [b"x", message.as_slice()].concat()];
        if let Some((last, rest)) = message.split_last() {
            others.push(rest.to_vec());
            others.push([rest, &[last ^ 1]].concat());
        }
        if let Some((first, rest)) = message.split_first() {
            others.push([&[first ^ 0x80], rest].concat());
        }
        for other in others {
            ensure!(
                !key.verifies(&other, &signature),
                "a signature of {} bytes verifies for another message of {}",
                message.len(),
                other.len()
            );
        }
    }
    Ok(())
}

/// The ways in which bytes are usually printed.
pub(super) fn printed(secret: &[u8]) -> Vec<String> {
    let lower = custody_core::hex::encode(secret);
    let mut forms = vec![lower.to_uppercase(), lower, format!("{secret:?}"), String::from_utf8_lossy(secret).into()];
    // The list without its brackets: it may stand inside a longer one.
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    forms.push(list.join(", "));
    forms.push(base64(secret));
    forms
}

/// Base64 without padding and without the last digit, which also depends on what follows.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            let digit = (buffer >> bits & 63) as usize;
            text.push(char::from(DIGITS[digit]));
        }
    }
    text
}

/// That none of the texts shows the secret, or half of it, in a usual form.
pub(super) fn hides(secret: &[u8], texts: &[(&str, String)]) -> Conforms {
    let (first, second) = secret.split_at(secret.len() / 2);
    for part in [first, second].into_iter().filter(|part| part.len() >= 6) {
        for form in printed(part) {
            for (what, text) in texts {
                ensure!(!text.contains(&form), "{what} shows the secret");
            }
        }
    }
    Ok(())
}

/// `SS-03`.
///
/// # Errors
/// How the clause is broken.
pub async fn ss_03_the_private_key_is_not_shown(harness: &SignerHarness) -> Conforms {
    let Some(private) = &harness.private else {
        return Err(ClauseFailure::not_offered("the private key's bytes (`with_private`)"));
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
