use custody_core::extent::ByteRange;
use custody_core::port::{KeyProof, ProofVerdict, VolumeProof};

use crate::secret_bytes::MemoryLock;
use crate::volume_finding::VolumeFinding;

/// What came of trying a key on a disk, in full.
///
/// It holds no secret. It says that a key opens a volume, or not; not that the content is what it was: nothing of it
/// is decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskProof {
    /// Over all volumes: opened if one is; else what could not be told counts before what does not open.
    pub verdict: ProofVerdict,
    /// The volumes that are encrypted, or may be, by where they lie.
    pub volumes: Vec<ProvenVolume>,
    /// What else was seen: what lies where no encrypted volume is, damaged partition tables.
    pub notes: Vec<String>,
    /// Bytes read of the disk.
    pub bytes_read: u64,
    /// Whether the key's memory was kept out of swap.
    pub memory_lock: MemoryLock,
}

/// What the key does to one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvenVolume {
    /// Where it lies on the disk.
    pub range: ByteRange,
    /// `bitlocker`, `luks1`, `luks2`, or `unknown` where nothing could be told.
    pub format: String,
    /// What the volume calls itself: a GUID.
    pub identifier: Option<String>,
    /// Whether the key opens it.
    pub verdict: ProofVerdict,
    /// Protectors or key slots, damaged copies of the header, states that a custodian must know of.
    pub notes: Vec<String>,
}

impl ProvenVolume {
    pub(crate) fn new(range: ByteRange, finding: VolumeFinding) -> Self {
        Self {
            range,
            format: finding.format.to_owned(),
            identifier: finding.identifier,
            verdict: finding.verdict,
            notes: finding.notes,
        }
    }

    /// A volume of which nothing could be told.
    pub(crate) fn unknown(range: ByteRange, reason: impl Into<String>) -> Self {
        Self::new(range, VolumeFinding::new("unknown").cannot_tell(reason))
    }
}

/// As many notes as a record takes of one disk.
const MAX_NOTES: usize = 64;

impl From<DiskProof> for KeyProof {
    fn from(proof: DiskProof) -> Self {
        let mut told = Self::new(proof.verdict);
        told.volumes = proof.volumes.into_iter().map(VolumeProof::from).collect();
        let more = proof.notes.len().saturating_sub(MAX_NOTES);
        told.notes = proof.notes;
        told.notes.truncate(MAX_NOTES);
        if more > 0 {
            told.notes.push(format!("{more} more are left out"));
        }
        told
    }
}

impl From<ProvenVolume> for VolumeProof {
    fn from(volume: ProvenVolume) -> Self {
        let mut told = Self::new(volume.range, volume.format, volume.verdict);
        told.identifier = volume.identifier;
        told.notes = volume.notes;
        told
    }
}

/// The verdict over several volumes.
pub(crate) fn overall(volumes: &[ProvenVolume]) -> ProofVerdict {
    let mut verdict = ProofVerdict::NotEncrypted;
    let mut reasons = Vec::new();
    for volume in volumes {
        match &volume.verdict {
            ProofVerdict::Opens => return ProofVerdict::Opens,
            ProofVerdict::CannotTell { reason } => reasons.push(format!("bytes {}: {reason}", volume.range)),
            ProofVerdict::DoesNotOpen => verdict = ProofVerdict::DoesNotOpen,
            ProofVerdict::NotEncrypted => {}
        }
    }
    if reasons.is_empty() {
        return verdict;
    }
    ProofVerdict::CannotTell {
        reason: reasons.join("; "),
    }
}
