use serde::{Deserialize, Serialize};

use crate::extent::ByteRange;

/// Whether a key opens an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a new verdict must break callers")]
pub enum ProofVerdict {
    /// It does.
    Opens,
    /// It does not.
    DoesNotOpen,
    /// No encrypted volume was found; the notes of the proof say what was seen instead. A header that was wiped, or that
    /// lies elsewhere, leaves nothing to be found.
    NotEncrypted,
    /// It could not be told.
    CannotTell {
        /// Why.
        reason: String,
    },
}

/// What a key does to one encrypted volume of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeProof {
    /// Where the volume lies in the image.
    pub range: ByteRange,
    /// Its format, by its own name: `bitlocker`, `luks1`, `luks2`.
    pub format: String,
    /// What the volume calls itself: a GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Whether the key opens it; never [`ProofVerdict::NotEncrypted`].
    pub verdict: ProofVerdict,
    /// What else was seen, without any secret: which key slot or protector, damaged copies of the header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl VolumeProof {
    /// A volume of this format with this verdict.
    pub fn new(range: ByteRange, format: impl Into<String>, verdict: ProofVerdict) -> Self {
        Self {
            range,
            format: format.into(),
            identifier: None,
            verdict,
            notes: Vec::new(),
        }
    }

    /// Adds what the volume calls itself.
    #[must_use]
    pub fn with_identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }

    /// Adds what else was seen.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// What came of trying a key on an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyProof {
    /// Over all volumes: [`Opens`](ProofVerdict::Opens) when the key opens at least one.
    pub verdict: ProofVerdict,
    /// The encrypted volumes that were found, by where they lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeProof>,
    /// What was seen where no encrypted volume is, and of the image as a whole: file systems, damaged tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl KeyProof {
    /// A proof without volumes: nothing was found, or nothing could be told.
    #[must_use]
    pub const fn new(verdict: ProofVerdict) -> Self {
        Self {
            verdict,
            volumes: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The proof over these volumes, at least one: opened if one is; else what could not be told counts before what
    /// does not open.
    #[must_use]
    pub fn of_volumes(volumes: Vec<VolumeProof>) -> Self {
        let unsure = |volume: &&VolumeProof| matches!(volume.verdict, ProofVerdict::CannotTell { .. });
        let verdict = if volumes.is_empty() {
            ProofVerdict::NotEncrypted
        } else if volumes.iter().any(|volume| volume.verdict == ProofVerdict::Opens) {
            ProofVerdict::Opens
        } else if let Some(volume) = volumes.iter().find(unsure) {
            volume.verdict.clone()
        } else {
            ProofVerdict::DoesNotOpen
        };
        Self {
            verdict,
            volumes,
            notes: Vec::new(),
        }
    }

    /// Adds what was seen.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The proof of an image of which somebody says that it is encrypted: that no encrypted volume was found does not
    /// settle it then.
    #[must_use]
    pub fn where_encryption_is_stated(mut self, statement: &str) -> Self {
        if self.verdict == ProofVerdict::NotEncrypted {
            self.verdict = ProofVerdict::CannotTell {
                reason: format!(
                    "no encrypted volume was found, and {statement}: its header may have been wiped or lie elsewhere"
                ),
            };
        }
        self
    }
}
