use serde::Serialize;

use super::digest_outcome::DigestOutcome;
use super::key_outcome::KeysOutcome;
use super::live_access::LiveAccess;
use super::state::{AcquisitionState, ItemState, Stage};
use crate::custody_log::{Checkpoint, ClosingState, Failure, ItemVerdict, SealedObject};
use crate::digest::ImageDigests;
use crate::ids::{AcquisitionId, CaseId, EvidenceItemId, ExhibitNumber, ObjectName, SnapshotName};
use crate::layout;
use crate::port::NotAcquired;

/// How far an item came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "exit codes must decide on every state")]
pub enum ItemStatus {
    /// Nothing was done for it yet.
    Planned,
    /// Its disk snapshot is there.
    Snapshotted,
    /// It is stored, not yet read back.
    Acquired,
    /// It is stored, read back and matched.
    Verified,
    /// No attempt gave evidence.
    Failed,
}

/// What became of one item.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ItemOutcome {
    /// The item.
    pub item: EvidenceItemId,
    /// Its label in proceedings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhibit: Option<ExhibitNumber>,
    /// The disk.
    pub disk: String,
    /// How far it came.
    pub status: ItemStatus,
    /// Where the stored copy lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// Its source digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<ImageDigests>,
    /// Sectors that could not be read.
    pub unread_sectors: u64,
    /// The verdicts and failures of attempts that are not evidence, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_evidence: Vec<String>,
    /// What is known of its keys, where something was told of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeysOutcome>,
    /// Its digests that are not known to be in the second register, where they were begun to be put there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub digests_not_registered: Vec<DigestOutcome>,
    /// Access to its disk snapshot that may still live: whoever holds it can read the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_may_live: Option<LiveAccess>,
    /// What stopped it in this run, if it is not final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<Failure>,
    #[serde(skip)]
    failure: Option<FailureKind>,
}

/// Why an item failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// Bytes are not what they must be, or the source changed.
    Integrity,
    /// It could not be had.
    NotHad,
}

/// What became of a capture.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CaptureOutcome {
    /// The case.
    pub case: CaseId,
    /// The acquisition.
    pub acquisition: AcquisitionId,
    /// Where its objects lie.
    pub folder: ObjectName,
    /// How it ended; `None` when it did not end and can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ClosingState>,
    /// Its items.
    pub items: Vec<ItemOutcome>,
    /// Disk snapshots that we made and that still exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<SnapshotName>,
    /// What was not taken, and why.
    pub not_acquired: Vec<NotAcquired>,
    /// The sealed objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<SealedObject>,
    /// The last anchored checkpoints: origin, size, root. Worth remembering outside the store.
    #[serde(skip)]
    pub checkpoints: Vec<Checkpoint>,
}

impl CaptureOutcome {
    pub(super) fn of(state: &AcquisitionState, checkpoints: Vec<Checkpoint>) -> Self {
        let opened = &state.opened;
        let folder = layout::acquisition_folder(&opened.case, &opened.acquisition);
        let kept = state.items.values().filter_map(super::clean_up::kept).collect();
        Self {
            case: opened.case.clone(),
            acquisition: opened.acquisition.clone(),
            state: state.closed,
            items: state
                .items
                .values()
                .map(|item| ItemOutcome::of(item, &folder))
                .collect(),
            kept,
            not_acquired: super::seal::not_acquired(state),
            sealed: state.sealed.clone().unwrap_or_default(),
            checkpoints,
            folder,
        }
    }

    /// The exit code: 0 done, 3 could not complete, 4 integrity failure. Digests that a custodian gave up are 3 too.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.state {
            Some(ClosingState::Complete) if self.lacks_digests() => 3,
            Some(ClosingState::Complete | ClosingState::Abandoned) => 0,
            Some(ClosingState::Incomplete) => 3,
            Some(ClosingState::Failed) | None if self.items.iter().any(ItemOutcome::is_integrity_failure) => {
                4
            }
            Some(ClosingState::Failed) | None => 3,
        }
    }

    /// Whether a digest is not known to be in the second register.
    fn lacks_digests(&self) -> bool {
        self.items
            .iter()
            .any(|item| !item.digests_not_registered.is_empty())
    }
}

impl ItemOutcome {
    fn is_integrity_failure(&self) -> bool {
        self.failure == Some(FailureKind::Integrity)
            || self.keys.as_ref().is_some_and(KeysOutcome::is_integrity_failure)
    }

    fn of(item: &ItemState, folder: &ObjectName) -> Self {
        let (status, copy) = match &item.stage {
            Stage::Planned => (ItemStatus::Planned, None),
            Stage::Snapshotted(_) => (ItemStatus::Snapshotted, None),
            Stage::Acquired(acquired) => (ItemStatus::Acquired, Some(acquired.copy())),
            Stage::Verified(verified) => (ItemStatus::Verified, Some(verified.acquired().copy())),
            Stage::Failed(_) => (ItemStatus::Failed, None),
        };
        Self {
            item: item.planned.item.clone(),
            exhibit: item.planned.exhibit.clone(),
            disk: item.planned.disk.to_string(),
            status,
            object: copy.map(|copy| folder.join(&copy.file)),
            digests: copy.map(|copy| copy.source.clone()),
            unread_sectors: copy.map_or(0, |copy| copy.unread.sectors),
            not_evidence: item.failures.iter().map(not_evidence_line).collect(),
            keys: KeysOutcome::of(item),
            digests_not_registered: item.digests.missing(),
            access_may_live: item.live_access,
            stopped_by: None,
            failure: failure_kind(item),
        }
    }
}

fn failure_kind(item: &ItemState) -> Option<FailureKind> {
    if !matches!(item.stage, Stage::Failed(_)) {
        return None;
    }
    let of_bytes = |failed: &crate::manifest::NotEvidence| {
        failed.verdict.is_some() || failed.failure.as_ref().is_some_and(Failure::is_integrity)
    };
    let of_bytes =
        item.failures.iter().any(of_bytes) || item.failed_by.as_ref().is_some_and(Failure::is_integrity);
    Some(if of_bytes {
        FailureKind::Integrity
    } else {
        FailureKind::NotHad
    })
}

fn not_evidence_line(failed: &crate::manifest::NotEvidence) -> String {
    let what = match (&failed.verdict, &failed.failure) {
        (Some(ItemVerdict::Mismatched { ranges, chunks }), _) => {
            let first = ranges.first().map(ToString::to_string).unwrap_or_default();
            format!("the stored copy differs from what was read in {chunks} chunks, first at bytes {first}")
        }
        (Some(ItemVerdict::SourceChanged { changes }), _) => {
            let names: Vec<&str> = changes.iter().map(|(name, _, _)| name.as_str()).collect();
            format!("the source changed while it was read: {}", names.join(", "))
        }
        (_, Some(failure)) => failure.error.clone(),
        _ => "not evidence".into(),
    };
    match &failed.file {
        Some(file) => format!("attempt {} ({file}): {what}", failed.attempt),
        None if failed.attempt > 0 => format!("attempt {}: {what}", failed.attempt),
        None => what,
    }
}
