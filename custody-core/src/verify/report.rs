use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::outcome::Outcome;
use crate::custody_log::ClosingState;
use crate::digest::{ImageDigests, Sha256Digest};
use crate::ids::{AcquisitionId, ByteLength, CaseId, EvidenceItemId, ExhibitNumber, Segment, StoreId};

/// The report's format and version.
pub const REPORT_FORMAT: &str = "custody-verification/1";

/// What a verification found, all of it.
///
/// Serialises to the JSON document that `--json` prints. Sizes in bytes are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// What it came to: the worst of all findings.
    pub outcome: Outcome,
    /// The same in one line, with what was checked, or with the worst finding.
    pub result: String,
    /// The store's id, as its register says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<LogReport>,
    /// Every acquisition in scope, in order of its folder.
    pub acquisitions: Vec<AcquisitionReport>,
    /// What concerns the store or its register.
    pub findings: Vec<Finding>,
    /// How many more findings there were than are kept, acquisitions included.
    pub findings_omitted: u64,
}

impl Report {
    /// Every finding: the store's own, then those of each acquisition and its items.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        let acquisitions = self.acquisitions.iter().flat_map(|acquisition| {
            let items = acquisition.items.iter().flat_map(|item| item.findings.iter());
            acquisition.findings.iter().chain(items)
        });
        self.findings.iter().chain(acquisitions)
    }

    /// Every log whose chain and checkpoints hold. Remember those of trusted signers outside the store (see
    /// [`super::KnownLog`]): a later verification then notices a rollback.
    pub fn sound_logs(&self) -> impl Iterator<Item = &LogReport> {
        let acquisitions = self.acquisitions.iter().filter_map(|a| a.log.as_ref());
        self.register
            .iter()
            .chain(acquisitions)
            .filter(|log| log.outcome <= Outcome::NotProven)
    }

    /// Bytes of evidence that were read and digested.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.items().map(|item| item.read_bytes.bytes()).sum()
    }

    /// Every item in scope.
    pub fn items(&self) -> impl Iterator<Item = &ItemReport> {
        self.acquisitions.iter().flat_map(|a| a.items.iter())
    }
}

/// A log: how far it goes, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogReport {
    /// The object.
    pub object: String,
    /// The origin of its checkpoints.
    pub origin: String,
    /// Lines that chain.
    pub lines: u64,
    /// The root over them.
    pub root: Sha256Digest,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Lines that the last of these covers.
    pub covered_lines: u64,
    /// Every key that must sign.
    pub signers: Vec<SignerReport>,
    /// Whether the caller trusts exactly these signers.
    pub trust: SignerTrust,
    /// What the log alone came to.
    pub outcome: Outcome,
}

/// Whether the caller trusts the signers of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum SignerTrust {
    /// Exactly these signers are a set that the caller named.
    Established,
    /// They are not: the log may be consistent and still be anybody's.
    NotEstablished,
}

/// A key that signs a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignerReport {
    /// Its name.
    pub name: String,
    /// The key, in note form: what a trust file holds.
    pub key: String,
    /// What a person compares with what was written down elsewhere.
    pub fingerprint: String,
}

/// One acquisition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcquisitionReport {
    /// Its folder.
    pub folder: String,
    /// The case, as its log says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The acquisition, as its log says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquisition: Option<AcquisitionId>,
    /// How it ended, as its log says; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ClosingState>,
    /// What it came to, its items included.
    pub outcome: Outcome,
    /// Its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogReport>,
    /// Its evidence items.
    pub items: Vec<ItemReport>,
    /// What concerns its records.
    pub findings: Vec<Finding>,
}

/// One evidence item, re-hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ItemReport {
    /// Its number in the acquisition.
    pub item: EvidenceItemId,
    /// Its label in proceedings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhibit: Option<ExhibitNumber>,
    /// The stored copy's file name.
    pub file: Segment,
    /// The length that the record says.
    pub length: ByteLength,
    /// What it came to.
    pub outcome: Outcome,
    /// The digests as derived from the stored bytes now; none where they could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<ImageDigests>,
    /// Bytes that were read.
    pub read_bytes: ByteLength,
    /// Bytes that were taken as zeros on the store's word (holes), not read.
    pub zero_bytes: ByteLength,
    /// Sectors that could not be read when it was acquired and are zeros in the copy.
    pub unread_sectors: u64,
    /// What was found.
    pub findings: Vec<Finding>,
}
