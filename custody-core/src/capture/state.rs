//! Where an acquisition stands: a fold over the lines of its log.

use std::collections::BTreeMap;

use super::item::{Acquired, Snapshotted, StoredCopy, Verified};
use super::key_state::KeyStates;
use super::opening::OpenedForm;
use super::record_state::RecordStates;
use crate::custody_log::{
    AcquireMethod, AcquisitionSettings, Act, ClosingState, Event, Failure, ItemVerdict, LeftBehind,
    PlannedItem, SealedObject, StoreBinding,
};
use crate::error::{Error, Result};
use crate::ids::{AcquisitionId, CaseId, EvidenceItemId};
use crate::manifest::NotEvidence;
use crate::port::{DiskDescription, Machine};

/// What the first line of an acquisition's log says.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) case: CaseId,
    pub(crate) acquisition: AcquisitionId,
    pub(crate) signers: Vec<String>,
    pub(crate) signers_pinned: Option<String>,
    pub(crate) machine: Machine,
    pub(crate) method: AcquireMethod,
    pub(crate) settings: AcquisitionSettings,
}

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
    /// What opening its disk snapshot told, where only that does.
    pub(crate) opened: Option<OpenedForm>,
    /// Why the attempt in hand is streamed, where the sink's service copies.
    pub(crate) streamed: Option<String>,
    pub(crate) failures: Vec<NotEvidence>,
    /// Why no attempt will be made any more.
    pub(crate) failed_by: Option<Failure>,
    pub(crate) keys: KeyStates,
    /// A custodian gave it up.
    pub(crate) given_up: bool,
    /// Its disk snapshot is gone.
    pub(crate) deleted: bool,
    /// A line says why its disk snapshot is kept.
    pub(crate) kept_named: bool,
    /// A custodian ordered its disk snapshot away.
    pub(crate) discard_ordered: bool,
}

/// One acquisition, as its log tells it.
#[derive(Debug, Clone)]
pub(crate) struct AcquisitionState {
    pub(crate) opened: Opened,
    /// The store; none as long as evidence could not be stored.
    pub(crate) binding: Option<StoreBinding>,
    pub(crate) items: BTreeMap<EvidenceItemId, ItemState>,
    pub(crate) records: RecordStates,
    pub(crate) seal_intent: Option<SealedObject>,
    pub(crate) sealed: Option<Vec<SealedObject>>,
    /// The checkpoint of so many lines is to carry a time stamp.
    pub(crate) stamp_intent: Option<u64>,
    /// It carries one, or none was to be had.
    pub(crate) stamp_settled: bool,
    pub(crate) abandoned: bool,
    pub(crate) closed: Option<ClosingState>,
}

impl AcquisitionState {
    /// Reads the whole log.
    pub(crate) fn fold(object: &str, events: &[Event]) -> Result<Self> {
        let mut events = events.iter();
        let first = events.next().ok_or_else(|| Error::NotFound {
            object: object.to_owned(),
        })?;
        let mut state = Self::opened(object, first)?;
        for event in events {
            state.take(event).map_err(|reason| Error::Integrity {
                object: object.to_owned(),
                place: format!("line {}", event.seq + 1),
                expected: "a line that fits what came before".into(),
                actual: reason,
            })?;
        }
        Ok(state)
    }

    fn opened(object: &str, event: &Event) -> Result<Self> {
        let (
            Act::AcquisitionOpened {
                store,
                origin,
                signers,
                signers_pinned,
                machine,
                items,
                method,
                protection,
                settings,
            },
            Some(case),
            Some(acquisition),
        ) = (&event.act, &event.case, &event.acquisition)
        else {
            return Err(Error::malformed(object, "line 1 does not open an acquisition"));
        };
        let binding = StoreBinding::of_opening(store.clone(), origin.clone(), protection.clone())
            .map_err(|reason| Error::malformed(object, format!("line 1 {reason}")))?;
        let opened = Opened {
            case: case.clone(),
            acquisition: acquisition.clone(),
            signers: signers.clone(),
            signers_pinned: signers_pinned.clone(),
            machine: machine.clone(),
            method: *method,
            settings: settings.clone(),
        };
        let items = items
            .iter()
            .map(|planned| (planned.item.clone(), ItemState::planned(planned.clone())))
            .collect();
        Ok(Self {
            opened,
            binding,
            items,
            records: RecordStates::default(),
            seal_intent: None,
            sealed: None,
            stamp_intent: None,
            stamp_settled: false,
            abandoned: false,
            closed: None,
        })
    }

    /// Takes the next line.
    pub(crate) fn take(&mut self, event: &Event) -> std::result::Result<(), String> {
        if self.closed.is_some() {
            return Err("something follows the closing line".into());
        }
        if self.binding.is_none() && !event.act.needs_no_store() {
            return Err("it needs a store, and the acquisition is bound to none".into());
        }
        match &event.act {
            Act::AcquisitionBound {
                store,
                origin,
                protection,
            } => self.bind(StoreBinding {
                store: store.clone(),
                origin: origin.clone(),
                protection: protection.clone(),
            })?,
            Act::SealIntent { manifest } => self.seal_intent = Some(manifest.clone()),
            Act::SealDone { objects } => self.sealed = Some(objects.clone()),
            Act::StampIntent { size } => self.stamp_intent = Some(*size),
            Act::StampDone { .. } | Act::StampFailed { .. } => self.stamp_settled = true,
            Act::AcquisitionAbandoned { .. } => self.abandoned = true,
            Act::AcquisitionClosed { state } => self.closed = Some(*state),
            act => {
                self.records.take(event.seq, act)?;
                if let Some(id) = item_of(act) {
                    let description = self.description(id);
                    let item = self
                        .items
                        .get_mut(id)
                        .ok_or_else(|| format!("{id} was never planned"))?;
                    item.take(event.seq, act, description)?;
                }
            }
        }
        Ok(())
    }

    fn bind(&mut self, binding: StoreBinding) -> std::result::Result<(), String> {
        if let Some(bound) = &self.binding {
            return Err(format!("it is bound to the store {} already", bound.store));
        }
        self.binding = Some(binding);
        Ok(())
    }

    /// The store that the acquisition is bound to.
    pub(crate) fn bound(&self) -> Result<&StoreBinding> {
        self.binding.as_ref().ok_or_else(|| Error::Refused {
            object: self.opened.acquisition.to_string(),
            reason: "evidence could not be stored yet: it is bound to no store".into(),
        })
    }

    fn description(&self, id: &EvidenceItemId) -> Option<DiskDescription> {
        let disk = &self.items.get(id)?.planned.disk;
        self.opened
            .machine
            .disks
            .iter()
            .find(|description| description.disk == *disk)
            .cloned()
    }

    /// Whether every item is verified or finally failed.
    pub(crate) fn all_final(&self) -> bool {
        self.items
            .values()
            .all(|item| matches!(item.stage, Stage::Verified(_) | Stage::Failed(_)))
    }

    /// How the acquisition ends as it stands.
    pub(crate) fn closing_state(&self) -> ClosingState {
        let incomplete = |item: &ItemState| {
            item.keys.why_kept().is_some()
                || matches!(&item.stage, Stage::Verified(verified) if verified.acquired().copy().unread.sectors > 0)
        };
        if self.abandoned {
            ClosingState::Abandoned
        } else if self
            .items
            .values()
            .any(|item| !matches!(item.stage, Stage::Verified(_)))
        {
            ClosingState::Failed
        } else if self.items.values().any(incomplete) {
            ClosingState::Incomplete
        } else {
            ClosingState::Complete
        }
    }
}

impl ItemState {
    fn planned(planned: PlannedItem) -> Self {
        Self {
            planned,
            stage: Stage::Planned,
            attempt: 1,
            open_attempt: false,
            open_snapshot: None,
            granted: false,
            opened: None,
            streamed: None,
            failures: Vec::new(),
            failed_by: None,
            given_up: false,
            keys: KeyStates::default(),
            deleted: false,
            kept_named: false,
            discard_ordered: false,
        }
    }

    fn take(
        &mut self,
        line: u64,
        act: &Act,
        description: Option<DiskDescription>,
    ) -> std::result::Result<(), String> {
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

/// The item that an act concerns.
fn item_of(act: &Act) -> Option<&EvidenceItemId> {
    match act {
        Act::SnapshotIntent { item, .. }
        | Act::SnapshotDone { item, .. }
        | Act::SnapshotFailed { item, .. }
        | Act::GrantIntent { item, .. }
        | Act::GrantDone { item, .. }
        | Act::GrantFailed { item, .. }
        | Act::RevokeIntent { item, .. }
        | Act::RevokeDone { item, .. }
        | Act::RevokeFailed { item, .. }
        | Act::AcquireIntent { item, .. }
        | Act::SourceOpened { item, .. }
        | Act::AcquireStreamed { item, .. }
        | Act::AcquireDone { item, .. }
        | Act::AcquireFailed { item, .. }
        | Act::ReadBackDone { item, .. }
        | Act::ReadBackFailed { item, .. }
        | Act::ItemFailed { item, .. }
        | Act::KeyRequirement { item, .. }
        | Act::KeyNotTold { item, .. }
        | Act::KeyIntent { item, .. }
        | Act::KeyDone { item, .. }
        | Act::KeyFailed { item, .. }
        | Act::KeyProof { item, .. }
        | Act::KeyProofFailed { item, .. }
        | Act::KeyGivenUp { item, .. }
        | Act::KeyNotTaken { item, .. }
        | Act::DeleteIntent { item, .. }
        | Act::DeleteDone { item, .. }
        | Act::DeleteFailed { item, .. }
        | Act::DiscardOrdered { item, .. }
        | Act::SnapshotKept { item, .. } => Some(item),
        _ => None,
    }
}
