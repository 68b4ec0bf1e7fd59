//! Where one item stands, as the lines about it tell.

use super::digest_state::DigestStates;
use super::item::{Acquired, Snapshotted, StoredCopy, Verified};
use super::key_state::KeyStates;
use super::live_access::LiveAccess;
use super::opening::OpenedForm;
use crate::custody_log::{Act, Failure, ItemVerdict, LeftBehind, PlannedItem};
use crate::ids::EvidenceItemId;
use crate::manifest::NotEvidence;
use crate::port::DiskDescription;

/// How far an item is.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Planned,
    Snapshotted(Snapshotted),
    Acquired(Acquired),
    Verified(Verified),
    /// Final: no attempt gave evidence. Its disk snapshot may be of another disk than the one that was planned.
    Failed(Option<Snapshotted>),
}

/// One item, as the log tells it.
#[derive(Debug, Clone)]
pub(crate) struct ItemState {
    pub(crate) planned: PlannedItem,
    pub(crate) stage: Stage,
    /// The attempt in hand, or the next one.
    pub(crate) attempt: u32,
    /// An acquire intent that nothing answered: the attempt may have left anything.
    pub(crate) open_attempt: bool,
    /// The line of a snapshot intent that nothing answered.
    pub(crate) open_snapshot: Option<u64>,
    /// A grant may live.
    pub(crate) granted: bool,
    /// What of it may outlive the process.
    pub(crate) live_access: Option<LiveAccess>,
    /// What opening its disk snapshot told, where only that does.
    pub(crate) opened: Option<OpenedForm>,
    /// Why the attempt in hand is streamed, where the sink's service copies.
    pub(crate) streamed: Option<String>,
    pub(crate) failures: Vec<NotEvidence>,
    /// Why no attempt will be made any more.
    pub(crate) failed_by: Option<Failure>,
    pub(crate) keys: KeyStates,
    pub(crate) digests: DigestStates,
    /// A custodian gave it up.
    pub(crate) given_up: bool,
    /// Its disk snapshot is gone.
    pub(crate) deleted: bool,
    /// A line says why its disk snapshot is kept.
    pub(crate) kept_named: bool,
    /// A custodian ordered its disk snapshot away.
    pub(crate) discard_ordered: bool,
}

impl ItemState {
    pub(super) fn planned(planned: PlannedItem) -> Self {
        Self {
            planned,
            stage: Stage::Planned,
            attempt: 1,
            open_attempt: false,
            open_snapshot: None,
            granted: false,
            live_access: None,
            opened: None,
            streamed: None,
            failures: Vec::new(),
            failed_by: None,
            given_up: false,
            keys: KeyStates::default(),
            digests: DigestStates::default(),
            deleted: false,
            kept_named: false,
            discard_ordered: false,
        }
    }

    /// Takes the next line about it.
    pub(super) fn take(
        &mut self,
        line: u64,
        act: &Act,
        description: Option<DiskDescription>,
    ) -> std::result::Result<(), String> {
        self.live_access = LiveAccess::after(self.live_access, act);
        match act {
            Act::SnapshotIntent { .. } => {
                self.open_snapshot = Some(line);
                // Whether something unfinished is still there shows after this try.
                self.kept_named = false;
            }
            Act::SnapshotFailed { .. } => self.open_snapshot = None,
            Act::SnapshotDone { snapshot, state, .. } => {
                self.open_snapshot = None;
                let snapshotted = Snapshotted {
                    planned: self.planned.clone(),
                    description: description.ok_or("its disk was never described")?,
                    snapshot: snapshot.clone(),
                    state: state.clone(),
                };
                match self.stage {
                    Stage::Planned => self.stage = Stage::Snapshotted(snapshotted),
                    // It is kept and named; nothing of it becomes evidence.
                    Stage::Failed(None) => self.stage = Stage::Failed(Some(snapshotted)),
                    _ => {}
                }
            }
            // A grant that failed for us may have been given all the same: revoking what is not there does no harm.
            Act::GrantIntent { .. }
            | Act::GrantDone { .. }
            | Act::GrantFailed { .. }
            | Act::RevokeFailed { .. } => self.granted = true,
            Act::RevokeDone { .. } => self.granted = false,
            Act::AcquireIntent { attempt, .. } => {
                self.attempt = *attempt;
                self.open_attempt = true;
                self.streamed = None;
            }
            Act::SourceOpened { length, form, .. } => {
                let found = OpenedForm {
                    length: *length,
                    form: form.clone(),
                };
                match &self.opened {
                    Some(earlier) if *earlier != found => {
                        return Err(format!("opened as {found}, and before as {earlier}"));
                    }
                    _ => self.opened = Some(found),
                }
            }
            Act::AcquireStreamed { reason, .. } => self.streamed = Some(reason.clone()),
            Act::AcquireDone {
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
            } => {
                self.open_attempt = false;
                let Stage::Snapshotted(snapshotted) = &self.stage else {
                    return Err("acquired without a snapshot".into());
                };
                let copy = StoredCopy {
                    attempt: *attempt,
                    file: receipt.object.file_name(),
                    receipt: receipt.clone(),
                    source: source.clone(),
                    footers: footers.clone(),
                    chunk_list: chunk_list.clone(),
                    zeros: zeros.clone(),
                    unread: unread.clone(),
                    state_before: state_before.clone(),
                    state_after: state_after.clone(),
                    form: self.opened.as_ref().and_then(|opened| opened.form.clone()),
                    streamed: self.streamed.clone(),
                };
                self.stage = Stage::Acquired(snapshotted.clone().acquired(copy));
            }
            Act::AcquireFailed {
                item,
                attempt,
                file,
                failure,
                left,
            } => {
                self.open_attempt = false;
                if matches!(left, LeftBehind::Object | LeftBehind::Unknown) {
                    let mut failed = NotEvidence::new(item.clone(), *attempt);
                    failed.file = Some(file.clone());
                    failed.failure = Some(failure.clone());
                    self.failures.push(failed);
                    self.next_attempt(*attempt);
                }
            }
            Act::ReadBackDone {
                item,
                attempt,
                verdict,
                ..
            } => self.judge(item, *attempt, verdict)?,
            Act::ReadBackFailed {
                item,
                attempt,
                failure,
            } => {
                if let Stage::Acquired(acquired) = &self.stage
                    && failure.is_integrity()
                {
                    let mut failed = NotEvidence::new(item.clone(), *attempt);
                    failed.file = Some(acquired.copy().file.clone());
                    failed.failure = Some(failure.clone());
                    self.failures.push(failed);
                }
            }
            Act::ItemFailed { failure, order, .. } => {
                self.given_up |= order.is_some();
                self.fail(failure);
            }
            Act::DeleteDone { .. } => self.deleted = true,
            Act::SnapshotKept { .. } => self.kept_named = true,
            Act::DiscardOrdered { .. } => self.discard_ordered = true,
            Act::DigestIntent { .. }
            | Act::DigestDone { .. }
            | Act::DigestFailed { .. }
            | Act::DigestGivenUp { .. } => self.digests.take(act),
            other => self.keys.take(line, other)?,
        }
        Ok(())
    }

    fn judge(
        &mut self,
        item: &EvidenceItemId,
        attempt: u32,
        verdict: &ItemVerdict,
    ) -> std::result::Result<(), String> {
        let Stage::Acquired(acquired) = self.stage.clone() else {
            return Err("read back without having been acquired".into());
        };
        match acquired.judged(verdict.clone()) {
            Ok(verified) => self.stage = Stage::Verified(verified),
            Err(acquired) => {
                let mut failed = NotEvidence::new(item.clone(), attempt);
                failed.file = Some(acquired.copy().file.clone());
                failed.verdict = Some(verdict.clone());
                self.failures.push(failed);
                self.next_attempt(attempt);
                self.stage = Stage::Snapshotted(acquired.snapshotted().clone());
            }
        }
        Ok(())
    }

    /// What follows an attempt whose name is used up.
    fn next_attempt(&mut self, after: u32) {
        self.attempt = after + 1;
        self.streamed = None;
    }

    fn fail(&mut self, failure: &Failure) {
        self.failed_by = Some(failure.clone());
        if self.failures.is_empty() {
            let mut failed = NotEvidence::new(self.planned.item.clone(), 0);
            failed.failure = Some(failure.clone());
            self.failures.push(failed);
        }
        self.stage = Stage::Failed(self.snapshotted().cloned());
    }

    /// The line before its disk snapshot is taken, or adopted.
    pub(crate) fn snapshot_intent(&self) -> Act {
        Act::SnapshotIntent {
            item: self.planned.item.clone(),
            disk: self.planned.disk.clone(),
            snapshot: self.planned.snapshot.clone(),
        }
    }

    /// Its snapshot, once there is one.
    pub(crate) fn snapshotted(&self) -> Option<&Snapshotted> {
        match &self.stage {
            Stage::Snapshotted(snapshotted) => Some(snapshotted),
            Stage::Acquired(acquired) => Some(acquired.snapshotted()),
            Stage::Verified(verified) => Some(verified.acquired().snapshotted()),
            Stage::Failed(snapshotted) => snapshotted.as_ref(),
            Stage::Planned => None,
        }
    }
}
