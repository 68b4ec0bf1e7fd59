use std::collections::{BTreeMap, BTreeSet};

use super::digest_history::DigestHistory;
use super::key_history::KeyHistory;
use super::stored_attempt::StoredAttempt;
use crate::custody_log::{Act, ItemVerdict, LeftBehind, PlannedItem};
use crate::digest::DiskData;
use crate::ids::{ByteLength, ObjectName, Segment, SnapshotName};
use crate::manifest::{ManifestItem, NotEvidence};
use crate::port::{DiskSnapshot, ImageForm, Machine, SnapshotKind, SourceState};

/// What is due, and what is there instead.
pub(super) type Fault = (String, String);

/// What the log of an acquisition says of one item.
#[derive(Debug)]
pub(super) struct ItemHistory {
    pub(super) planned: PlannedItem,
    /// Its disk snapshot and the source as it was then.
    pub(super) snapshot: Option<(DiskSnapshot, SourceState)>,
    /// Names under which attempts were begun.
    pub(super) begun: BTreeSet<Segment>,
    stored: BTreeMap<u32, StoredAttempt>,
    /// What opening its disk snapshot told, where only that does.
    opened: Option<(ByteLength, Option<ImageForm>)>,
    /// Why attempts were streamed.
    streamed: BTreeMap<u32, String>,
    pub(super) not_evidence: Vec<NotEvidence>,
    failed: bool,
    pub(super) keys: KeyHistory,
    pub(super) digests: DigestHistory,
    /// Read access may live.
    pub(super) granted: bool,
    pub(super) deleted: bool,
    ordered_away: BTreeSet<SnapshotName>,
}

impl ItemHistory {
    pub(super) fn new(planned: PlannedItem) -> Self {
        Self {
            planned,
            snapshot: None,
            begun: BTreeSet::new(),
            stored: BTreeMap::new(),
            opened: None,
            streamed: BTreeMap::new(),
            not_evidence: Vec::new(),
            failed: false,
            keys: KeyHistory::default(),
            digests: DigestHistory::default(),
            granted: false,
            deleted: false,
            ordered_away: BTreeSet::new(),
        }
    }

    /// The attempt that is evidence: stored, read back and matched.
    pub(super) fn evidence(&self) -> Option<(u32, &StoredAttempt)> {
        if self.failed {
            return None;
        }
        self.stored
            .iter()
            .find(|(_, stored)| matches!(stored.verdict, Some(ItemVerdict::Matched { .. })))
            .map(|(attempt, stored)| (*attempt, stored))
    }

    /// Whether sectors could not be read, or a key was not taken or is not proven to open it.
    pub(super) fn is_incomplete(&self) -> bool {
        self.keys.is_incomplete()
            || self
                .evidence()
                .is_some_and(|(_, stored)| stored.unread.sectors > 0)
    }

    /// The entry that a manifest must have for it, if it is evidence.
    pub(super) fn manifest_item(&self, machine: &Machine) -> Option<ManifestItem> {
        let (attempt, stored) = self.evidence()?;
        let (snapshot, state) = self.snapshot.as_ref()?;
        let disk = machine.disks.iter().find(|disk| disk.disk == self.planned.disk);
        Some(ManifestItem {
            planned: self.planned.clone(),
            file: self.planned.file_of_attempt(attempt),
            attempt,
            format: stored.form.as_ref().map(|form| form.format.clone()),
            data: match (&stored.form, disk) {
                (Some(form), _) => form.data.clone(),
                (None, Some(disk)) => disk.data.clone(),
                (None, None) => DiskData::NotComputed {
                    reason: "the disk was never described".into(),
                },
            },
            streamed: stored.streamed.clone(),
            sector_bytes: disk.map_or(0, |disk| disk.sector_bytes),
            source: stored.source.clone(),
            footers: stored.footers.clone(),
            read_back: stored.verdict.clone()?,
            chunk_list: stored.chunk_list.clone(),
            zeros: stored.zeros.clone(),
            unread: stored.unread.clone(),
            snapshot: snapshot.clone(),
            state_before: state.clone(),
            state_after: stored.state_after.clone(),
            receipt: stored.receipt.clone(),
        })
    }

    /// Takes the next line about it; gives what is wrong with that line.
    pub(super) fn take(&mut self, act: Act, folder: &ObjectName, sealed: bool) -> Vec<Fault> {
        match act {
            Act::SnapshotIntent { disk, snapshot, .. } => same("disk", &self.planned.disk, &disk)
                .into_iter()
                .chain(same("disk snapshot", &self.planned.snapshot, &snapshot))
                .collect(),
            Act::SnapshotDone { snapshot, state, .. } => self.snapshotted(snapshot, state),
            Act::GrantIntent { .. }
            | Act::GrantDone { .. }
            | Act::GrantFailed { .. }
            | Act::RevokeFailed { .. } => {
                self.granted = true;
                Vec::new()
            }
            Act::RevokeDone { .. } => {
                self.granted = false;
                Vec::new()
            }
            Act::AcquireIntent { attempt, file, .. } => {
                // How it is stored is told anew each time that it is begun.
                self.streamed.remove(&attempt);
                self.begin(attempt, file)
            }
            Act::AcquireFailed {
                item,
                attempt,
                file,
                failure,
                left,
            } => {
                match left {
                    // The same attempt goes on: nothing was lost, and nothing is evidence yet.
                    LeftBehind::Nothing | LeftBehind::Adoptable => {}
                    LeftBehind::Object | LeftBehind::Unknown => {
                        let mut failed = NotEvidence::new(item, attempt);
                        failed.file = Some(file);
                        failed.failure = Some(failure);
                        self.not_evidence.push(failed);
                    }
                }
                Vec::new()
            }
            Act::SourceOpened { length, form, .. } => self.open(length, form),
            Act::AcquireStreamed { attempt, reason, .. } => {
                self.streamed.insert(attempt, reason);
                Vec::new()
            }
            act @ Act::AcquireDone { .. } => self.store(act, folder),
            Act::ReadBackDone { attempt, verdict, .. } => self.judge(attempt, verdict),
            Act::ReadBackFailed {
                item,
                attempt,
                failure,
            } => {
                if failure.is_integrity() {
                    let mut failed = NotEvidence::new(item, attempt);
                    failed.file = Some(self.planned.file_of_attempt(attempt));
                    failed.failure = Some(failure);
                    self.not_evidence.push(failed);
                }
                Vec::new()
            }
            Act::ItemFailed { item, failure, .. } => {
                if self.not_evidence.is_empty() {
                    let mut failed = NotEvidence::new(item, 0);
                    failed.failure = Some(failure);
                    self.not_evidence.push(failed);
                }
                self.failed = true;
                Vec::new()
            }
            act @ (Act::KeyIntent { .. } | Act::KeyRequirement { .. }) => {
                let mut faults = self.keys.take(act, sealed, self.evidence().is_some());
                if self.snapshot.is_none() {
                    faults.push(("a disk snapshot, before its keys are taken".into(), "none".into()));
                }
                faults
            }
            act @ (Act::KeyDone { .. }
            | Act::KeyFailed { .. }
            | Act::KeyNotTold { .. }
            | Act::KeyProof { .. }
            | Act::KeyProofFailed { .. }
            | Act::KeyNotTaken { .. }
            | Act::KeyGivenUp { .. }) => self.keys.take(act, sealed, self.evidence().is_some()),
            act @ (Act::DigestIntent { .. } | Act::DigestDone { .. } | Act::DigestGivenUp { .. }) => {
                self.digests.take(act, sealed)
            }
            Act::DiscardOrdered { snapshot, .. } => {
                self.ordered_away.insert(snapshot);
                Vec::new()
            }
            Act::DeleteIntent { snapshot, .. } => self.may_delete(&snapshot, sealed),
            Act::DeleteDone { .. } => {
                self.deleted = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn snapshotted(&mut self, snapshot: DiskSnapshot, state: SourceState) -> Vec<Fault> {
        // Of an item that failed a snapshot of another disk may be there: it is kept, and nothing of it is evidence.
        let other_disk = same("disk", &self.planned.disk, &snapshot.disk).filter(|_| !self.failed);
        let faults = other_disk
            .into_iter()
            .chain(same("disk snapshot", &self.planned.snapshot, &snapshot.name))
            .collect();
        if self.snapshot.is_none() {
            self.snapshot = Some((snapshot, state));
        }
        faults
    }

    fn begin(&mut self, attempt: u32, file: Segment) -> Vec<Fault> {
        let mut faults: Vec<Fault> = same("file", &self.planned.file_of_attempt(attempt), &file)
            .into_iter()
            .collect();
        if self.evidence().is_some() {
            faults.push((
                "no further attempt: one was read back and matched".into(),
                format!("attempt {attempt}"),
            ));
        }
        self.begun.insert(file);
        faults
    }

    fn open(&mut self, length: ByteLength, form: Option<ImageForm>) -> Vec<Fault> {
        let words = |(length, form): &(ByteLength, Option<ImageForm>)| match form {
            Some(form) => format!("{length} bytes of {}", form.format),
            None => format!("{length} bytes"),
        };
        let found = (length, form);
        match &self.opened {
            Some(earlier) if *earlier != found => vec![(
                format!("what was opened before: {}", words(earlier)),
                words(&found),
            )],
            _ => {
                self.opened = Some(found);
                Vec::new()
            }
        }
    }

    fn store(&mut self, act: Act, folder: &ObjectName) -> Vec<Fault> {
        let Act::AcquireDone {
            attempt,
            receipt,
            source,
            footers,
            chunk_list,
            zeros,
            unread,
            state_before,
            state_after,
            ..
        } = act
        else {
            return Vec::new();
        };
        let file = self.planned.file_of_attempt(attempt);
        let mut faults: Vec<Fault> = same("object", &folder.join(&file), &receipt.object)
            .into_iter()
            .chain(same("length of the stored copy", &source.length, &receipt.length))
            .collect();
        let told = self.snapshot.as_ref().and_then(|(snapshot, _)| snapshot.length);
        let told = told.or(self.opened.as_ref().map(|(length, _)| *length));
        match told {
            Some(told) => faults.extend(same("length of what was read", &told, &source.length)),
            None if self.snapshot.is_some() => faults.push((
                "a length that was told with the disk snapshot or when it was opened".into(),
                "none".into(),
            )),
            None => {}
        }
        if self.snapshot.is_none() {
            faults.push(("a disk snapshot that was taken before".into(), "none".into()));
        }
        let stored = StoredAttempt {
            receipt,
            source,
            footers,
            chunk_list,
            zeros,
            unread,
            state_before,
            state_after,
            form: self.opened.as_ref().and_then(|(_, form)| form.clone()),
            streamed: self.streamed.get(&attempt).cloned(),
            verdict: None,
        };
        self.stored.insert(attempt, stored);
        faults
    }

    fn judge(&mut self, attempt: u32, verdict: ItemVerdict) -> Vec<Fault> {
        let already = self.evidence().is_some();
        let snapshot_state = self.snapshot.as_ref().map(|(_, state)| state.clone());
        let Some(stored) = self.stored.get_mut(&attempt) else {
            return vec![(format!("an attempt {attempt} that was stored"), "none".into())];
        };
        let mut faults = Vec::new();
        match &verdict {
            ItemVerdict::Matched { root } => {
                faults.extend(stored.against_the_bytes(root));
                if already {
                    faults.push(("one attempt that matched".into(), "another".into()));
                }
                let failed = self.not_evidence.iter().any(|failed| failed.attempt == attempt);
                if failed {
                    faults.push((
                        "an attempt whose read-back failed is not evidence".into(),
                        "matched after that".into(),
                    ));
                }
                faults.extend(stored.against_the_source(snapshot_state.as_ref()));
            }
            ItemVerdict::Mismatched { .. } | ItemVerdict::SourceChanged { .. } => {
                let mut failed = NotEvidence::new(self.planned.item.clone(), attempt);
                failed.file = Some(self.planned.file_of_attempt(attempt));
                failed.verdict = Some(verdict.clone());
                self.not_evidence.push(failed);
            }
        }
        stored.verdict = Some(verdict);
        faults
    }

    /// A disk snapshot is deleted only when its stored copy was read back and matched and the seal is written, or on a
    /// custodian's order; and only one that we made.
    fn may_delete(&self, snapshot: &SnapshotName, sealed: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self
            .snapshot
            .as_ref()
            .is_some_and(|(known, _)| known.kind != SnapshotKind::Made)
        {
            faults.push((
                "a deletion of a disk snapshot that this acquisition made".into(),
                format!("{snapshot}, which it did not make"),
            ));
        }
        if self.ordered_away.contains(snapshot) {
            return faults;
        }
        if self.evidence().is_none() {
            faults.push((
                "a stored copy that was read back and matched, before its source is deleted".into(),
                format!("{snapshot} without one"),
            ));
        }
        if self.keys.is_incomplete() {
            faults.push((
                "every key that the stored copy needs, proven to open it, before its source is deleted"
                    .into(),
                format!("{snapshot} without that"),
            ));
        }
        if !sealed {
            faults.push((
                "the seal, before a source is deleted".into(),
                format!("{snapshot} without it"),
            ));
        }
        faults
    }
}

pub(super) fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: &T, found: &T) -> Option<Fault> {
    (expected != found).then(|| (format!("{what} {expected}"), format!("{what} {found}")))
}

#[cfg(test)]
mod tests;
