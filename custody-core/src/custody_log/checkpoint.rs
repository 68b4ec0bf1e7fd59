use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};

use super::verifier_key::VerifierKey;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};

/// What is signed of a log: which log, how many lines, and the root over them.
///
/// Source: c2sp.org/tlog-checkpoint, commit 5ba5ee8, read 2026-11-21. No extension lines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the three lines of the format")]
pub struct Checkpoint {
    /// Which log: unique over all stores.
    pub origin: String,
    /// How many lines.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Sha256Digest,
}

impl Checkpoint {
    /// The three lines that are signed.
    #[must_use]
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            Base64::encode_string(self.root.as_bytes())
        )
    }

    fn parse(object: &str, body: &str) -> Result<Self> {
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) = (
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
            lines.next(),
        ) else {
            return Err(Error::malformed(object, "not the three lines of a checkpoint"));
        };
        let size = size
            .parse::<u64>()
            .ok()
            .filter(|n| n.to_string() == size)
            .ok_or_else(|| Error::malformed(object, "line 2 is not a plain number"))?;
        let root = Base64::decode_vec(root)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| Error::malformed(object, "line 3 is not the base64 of 32 bytes"))?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root: Sha256Digest::from_bytes(root),
        })
    }
}

/// A checkpoint with its signatures, as a C2SP signed note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    body: String,
    /// Name, key id, signature.
    signatures: Vec<(String, [u8; 4], Vec<u8>)>,
}

const MAX_NOTE_BYTES: usize = 64 * 1024;

impl SignedNote {
    /// A note of this checkpoint, not yet signed.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self {
            body: checkpoint.body(),
            signatures: Vec::new(),
        }
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Adds a signature over [`body`](Self::body).
    #[must_use]
    pub fn with_signature(mut self, key: &VerifierKey, signature: Vec<u8>) -> Self {
        self.signatures
            .push((key.name().to_owned(), key.key_id(), signature));
        self
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.body);
        for (name, id, signature) in &self.signatures {
            let mut bytes = id.to_vec();
            bytes.extend_from_slice(signature);
            text.push_str(&format!("\u{2014} {name} {}\n", Base64::encode_string(&bytes)));
        }
        text
    }

    /// Reads the stored form. Only the one form that [`to_text`](Self::to_text) writes is taken.
    ///
    /// # Errors
    /// [`Error::Malformed`], naming the line.
    pub fn parse(object: &str, text: &[u8]) -> Result<Self> {
        let bad = |reason: String| Error::malformed(object, reason);
        if text.len() > MAX_NOTE_BYTES {
            return Err(bad(format!(
                "has {} bytes, at most {MAX_NOTE_BYTES} are allowed",
                text.len()
            )));
        }
        let text =
            std::str::from_utf8(text).map_err(|e| bad(format!("not UTF-8 at byte {}", e.valid_up_to())))?;
        let Some((body, tail)) = text.rsplit_once("\n\n") else {
            return Err(bad("no empty line between text and signatures".into()));
        };
        let body = format!("{body}\n");
        let first = body.lines().count() + 2;
        let mut signatures = Vec::new();
        for (i, line) in tail.lines().enumerate() {
            let line_bad = |reason: &str| bad(format!("line {}: {reason}", first + i));
            let (name, encoded) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(|| line_bad("not a signature line"))?;
            let bytes = Base64::decode_vec(encoded).map_err(|error| line_bad(&error.to_string()))?;
            let (id, signature) = bytes
                .split_first_chunk::<4>()
                .ok_or_else(|| line_bad("too short for a key id"))?;
            signatures.push((name.to_owned(), *id, signature.to_vec()));
        }
        let note = Self { body, signatures };
        if note.to_text() == text {
            Ok(note)
        } else {
            Err(bad("not in the one form of a signed note".into()))
        }
    }

    /// The checkpoint, when every expected key has signed it, once, and nobody else.
    ///
    /// "Any known signature" would let a damaged signature pass as an unknown one; so all are demanded
    /// and an extra one is refused.
    ///
    /// # Errors
    /// [`Error::Integrity`] naming the signer whose signature is missing, wrong or not expected;
    /// [`Error::Malformed`] when the text is no checkpoint.
    pub fn verify(&self, object: &str, expected: &[VerifierKey]) -> Result<Checkpoint> {
        let fault = |place: String, expected: &str, actual: &str| Error::Integrity {
            object: object.to_owned(),
            place,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
        };
        if expected.is_empty() {
            return Err(fault("signatures".into(), "at least one signer", "none is named"));
        }
        let mut seen = BTreeSet::new();
        for (name, id, signature) in &self.signatures {
            let place = format!("signature of {}", crate::visible::escape(name));
            let Some(key) = expected
                .iter()
                .find(|key| key.name() == name && key.key_id() == *id)
            else {
                return Err(fault(
                    place,
                    "a signer of this log",
                    "a key that this log does not name",
                ));
            };
            if !seen.insert(key) {
                return Err(fault(place, "one signature", "two"));
            }
            if !key.verifies(self.body.as_bytes(), signature) {
                return Err(fault(
                    place,
                    "a signature of this text",
                    "one that does not verify",
                ));
            }
        }
        if let Some(missing) = expected.iter().find(|key| !seen.contains(key)) {
            return Err(fault(
                format!("signature of {}", missing.name()),
                "present",
                "missing",
            ));
        }
        Checkpoint::parse(object, &self.body)
    }

    /// The checkpoint as it stands, whoever signed it. Proves nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the text is no checkpoint.
    pub fn checkpoint_unverified(&self, object: &str) -> Result<Checkpoint> {
        Checkpoint::parse(object, &self.body)
    }
}
