use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::custody_log::{SealedObject, VerifierKey};
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::ids::{AcquisitionId, CaseId, Segment};

/// The payload type of a DSSE envelope around an in-toto Statement.
pub const ENVELOPE_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The type of the Statement. Source: in-toto attestation framework v1, read 2026-11-21.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of our predicate: which acquisition the subjects belong to.
pub const PREDICATE_TYPE: &str = "https://custody.invalid/acquisition-seal/v1";

/// What is sealed: an in-toto Statement whose subjects are the stored objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The stored objects.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// Which acquisition.
    pub predicate: Predicate,
}

/// A stored object and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Subject {
    /// Its file name in the acquisition's folder.
    pub name: Segment,
    /// Its digest.
    pub digest: SubjectDigest,
}

/// The digest of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SubjectDigest {
    /// SHA-256.
    pub sha256: Sha256Digest,
}

/// Which acquisition the subjects belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Predicate {
    /// The case.
    pub case: CaseId,
    /// The acquisition.
    pub acquisition: AcquisitionId,
    /// The manifest that says what the subjects are.
    pub manifest: Segment,
}

impl Statement {
    /// The statement that these objects are what is stored of the acquisition.
    #[must_use]
    pub fn new(
        case: CaseId,
        acquisition: AcquisitionId,
        manifest: Segment,
        objects: &[SealedObject],
    ) -> Self {
        let subject = objects
            .iter()
            .map(|object| Subject {
                name: object.file.clone(),
                digest: SubjectDigest {
                    sha256: object.sha256,
                },
            })
            .collect();
        Self {
            kind: STATEMENT_TYPE.into(),
            subject,
            predicate_type: PREDICATE_TYPE.into(),
            predicate: Predicate {
                case,
                acquisition,
                manifest,
            },
        }
    }
}

/// A DSSE envelope. Source: secure-systems-lab/dsse protocol v1.0, read 2026-11-21.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Envelope {
    /// Base64 of the statement's canonical bytes.
    pub payload: String,
    /// [`ENVELOPE_PAYLOAD_TYPE`].
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// One signature of each signer.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature over an envelope's pre-authentication encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EnvelopeSignature {
    /// The key, in note form.
    pub keyid: String,
    /// Base64 of the signature.
    pub sig: String,
}

/// What is signed: `DSSEv1 <length> <type> <length> <payload>`.
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// An envelope around the statement, not yet signed.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the statement has no canonical form.
    pub fn of(statement: &Statement) -> Result<Self> {
        let payload = canonical::to_bytes(statement)?;
        Ok(Self {
            payload: Base64::encode_string(&payload),
            payload_type: ENVELOPE_PAYLOAD_TYPE.into(),
            signatures: Vec::new(),
        })
    }

    /// The bytes that are signed.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the payload is not base64.
    pub fn signed_bytes(&self, object: &str) -> Result<Vec<u8>> {
        Ok(pre_authentication_encoding(
            &self.payload_type,
            &self.payload_bytes(object)?,
        ))
    }

    fn payload_bytes(&self, object: &str) -> Result<Vec<u8>> {
        Base64::decode_vec(&self.payload)
            .map_err(|error| Error::malformed(object, format!("payload: {error}")))
    }

    /// Adds a signature over [`signed_bytes`](Self::signed_bytes).
    #[must_use]
    pub fn with_signature(mut self, key: &VerifierKey, signature: &[u8]) -> Self {
        self.signatures.push(EnvelopeSignature {
            keyid: key.to_string(),
            sig: Base64::encode_string(signature),
        });
        self
    }

    /// The statement, when every expected key has signed it, once, and nobody else.
    ///
    /// # Errors
    /// [`Error::Integrity`] naming the signer; [`Error::Malformed`] when it is no envelope of ours.
    pub fn verify(&self, object: &str, expected: &[VerifierKey]) -> Result<Statement> {
        let fault = |place: String, expected: &str, actual: &str| Error::Integrity {
            object: object.to_owned(),
            place,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
        };
        if self.payload_type != ENVELOPE_PAYLOAD_TYPE {
            return Err(fault(
                "payloadType".into(),
                ENVELOPE_PAYLOAD_TYPE,
                &crate::visible::escape(&self.payload_type),
            ));
        }
        if expected.is_empty() {
            return Err(fault("signatures".into(), "at least one signer", "none is named"));
        }
        let message = self.signed_bytes(object)?;
        let mut seen = std::collections::BTreeSet::new();
        for signature in &self.signatures {
            let place = format!("signature of {}", crate::visible::escape(&signature.keyid));
            let Some(key) = expected.iter().find(|key| key.to_string() == signature.keyid) else {
                return Err(fault(
                    place,
                    "a signer of this acquisition",
                    "a key that its log does not name",
                ));
            };
            let bytes = Base64::decode_vec(&signature.sig)
                .map_err(|error| Error::malformed(object, format!("{place}: {error}")))?;
            if !seen.insert(key) {
                return Err(fault(place, "one signature", "two"));
            }
            if !key.verifies(&message, &bytes) {
                return Err(fault(
                    place,
                    "a signature of this statement",
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
        let payload = self.payload_bytes(object)?;
        canonical::check(object, &payload)?;
        serde_json::from_slice(&payload)
            .map_err(|error| Error::malformed(object, format!("no statement: {error}")))
    }
}
