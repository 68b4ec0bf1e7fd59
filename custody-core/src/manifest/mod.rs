//! The manifest of an acquisition, and its seal.
//!
//! One canonical JSON says what was taken, with every digest, and what was not. The seal is a DSSE
//! envelope around an in-toto Statement whose subjects are the stored objects, signed by every signer.

mod envelope;
mod sums;

use serde::{Deserialize, Serialize};

pub use envelope::{
    ENVELOPE_PAYLOAD_TYPE, Envelope, EnvelopeSignature, PREDICATE_TYPE, STATEMENT_TYPE, Statement, Subject,
    SubjectDigest, pre_authentication_encoding,
};
pub use sums::sums;

use crate::custody_log::{
    Circumstances, ClosingState, Failure, Footers, ItemKeys, ItemVerdict, PlannedItem, SealedObject,
    StoredRecord, UnreadSummary, ZeroSummary, stated_encryption,
};
use crate::digest::{DiskData, ImageDigests, Sha256Digest};
use crate::ids::{AcquisitionId, CaseId, EvidenceItemId, Segment, StoreId};
use crate::port::{DiskSnapshot, Machine, NotAcquired, Protection, Receipt, SourceState};

/// The manifest's format and version.
pub const MANIFEST_FORMAT: &str = "custody-manifest/1";

/// What was taken, in one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// The store.
    pub store: StoreId,
    /// The case.
    pub case: CaseId,
    /// The acquisition.
    pub acquisition: AcquisitionId,
    /// Whether it is complete.
    pub state: ClosingState,
    /// Who, where, how and why, as of the sealing.
    pub circumstances: Circumstances,
    /// The machine and its disks as described before anything was taken.
    pub machine: Machine,
    /// The evidence items.
    pub items: Vec<ManifestItem>,
    /// What those who run the machine answered, as stored; ordered by file name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_records: Vec<StoredRecord>,
    /// What is known of the items' keys, never a key; ordered by item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ItemKeys>,
    /// Items and attempts that are not evidence, and why.
    pub not_evidence: Vec<NotEvidence>,
    /// What was not taken, and why. Never empty.
    pub not_acquired: Vec<NotAcquired>,
    /// What protects the store, as seen when the acquisition began and when it was sealed.
    pub protection: ProtectionRecord,
    /// Where the log stood when this was written. Later lines are covered by later checkpoints.
    pub log: LogPosition,
    /// Every key that must sign, in note form.
    pub signers: Vec<String>,
    /// What this record proves and what it does not.
    pub limits: Vec<String>,
}

impl Manifest {
    /// Who says that an item is encrypted, whatever is found on it: the machine's description, or whoever named a key for
    /// it; see [`KeyProof::where_encryption_is_stated`](crate::port::KeyProof::where_encryption_is_stated).
    #[must_use]
    pub fn stated_encryption(&self, item: &ManifestItem) -> Option<String> {
        let planned = &item.planned;
        let mut disks = self.machine.disks.iter();
        let disk = disks.find(|disk| disk.disk == planned.disk)?;
        let mut keys = self.keys.iter();
        let keys = keys.find(|keys| keys.item == planned.item);
        stated_encryption(&disk.encryption, keys.and_then(|keys| keys.need.as_ref()))
    }
}

/// The store's protection at two instants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ProtectionRecord {
    /// Before anything was written.
    pub before: Protection,
    /// When it was sealed.
    pub after: Protection,
}

impl ProtectionRecord {
    /// Seen at both instants.
    #[must_use]
    pub const fn new(before: Protection, after: Protection) -> Self {
        Self { before, after }
    }
}

/// Where a log stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogPosition {
    /// The origin of its checkpoints.
    pub origin: String,
    /// How many lines it had.
    pub size: u64,
    /// The root over them.
    pub root: Sha256Digest,
}

impl LogPosition {
    /// So many lines with this root.
    pub fn new(origin: impl Into<String>, size: u64, root: Sha256Digest) -> Self {
        Self {
            origin: origin.into(),
            size,
            root,
        }
    }
}

/// One evidence item: stored, read back and matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ManifestItem {
    /// The item as planned: number, exhibit, disk.
    pub planned: PlannedItem,
    /// The name of the stored copy.
    pub file: Segment,
    /// Which attempt it is.
    pub attempt: u32,
    /// What kind of file it is, where only its bytes told; else it is what `machine` says of its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Which of its bytes are the disk's own.
    pub data: DiskData,
    /// Why it was stored by stream, where the sink's service copies and did not copy this item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streamed: Option<String>,
    /// The smallest unit that could be read, in bytes.
    pub sector_bytes: u32,
    /// The source digests: of what was read, with the stored copy's footer where `footers` says so.
    pub source: ImageDigests,
    /// Of a fixed VHD that a service copied: the footers of both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footers: Option<Footers>,
    /// The read-back verdict: always matched here.
    pub read_back: ItemVerdict,
    /// The chunk list.
    pub chunk_list: SealedObject,
    /// Zeros that were not read, and on whose word.
    pub zeros: ZeroSummary,
    /// Sectors that could not be read and are zeros in the copy.
    pub unread: UnreadSummary,
    /// The disk snapshot it was read from.
    pub snapshot: DiskSnapshot,
    /// The source before it was read.
    pub state_before: SourceState,
    /// The source after.
    pub state_after: SourceState,
    /// What the sink says of the stored copy.
    pub receipt: Receipt,
}

/// An item, or an attempt at one, that is not evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NotEvidence {
    /// The item.
    pub item: EvidenceItemId,
    /// The attempt; 0 when none was begun.
    pub attempt: u32,
    /// The object that it left in the store, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Segment>,
    /// What came of reading it back, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<ItemVerdict>,
    /// What failed, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl NotEvidence {
    /// Attempt number `attempt` at an item.
    #[must_use]
    pub const fn new(item: EvidenceItemId, attempt: u32) -> Self {
        Self {
            item,
            attempt,
            file: None,
            verdict: None,
            failure: None,
        }
    }
}

impl Manifest {
    /// Every object that belongs to the evidence: items, chunk lists, lists of zeros, maps; then machine records.
    #[must_use]
    pub fn objects(&self) -> Vec<SealedObject> {
        let mut objects = Vec::new();
        for item in &self.items {
            if let Some(digest) = item.source.stored_file {
                objects.push(SealedObject::new(
                    item.file.clone(),
                    item.source.length.bytes(),
                    digest,
                ));
            }
            objects.push(item.chunk_list.clone());
            objects.extend(item.zeros.list.clone());
            objects.extend(item.unread.map.clone());
        }
        objects.extend(self.machine_records.iter().map(|record| record.object.clone()));
        objects
    }
}
