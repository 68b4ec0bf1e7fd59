use std::collections::{BTreeMap, BTreeSet};

use super::discipline::Discipline;
use super::finding::{Finding, Findings};
use super::item_history::ItemHistory;
use super::log_marks::{Bound, Opening, SealIntent, Sealed};
use super::machine_records::RecordHistory;
use crate::custody_log::{Act, ClosingState, Event, ItemKeys, PlannedItem, SealedObject, StoreBinding};
use crate::ids::{EvidenceItemId, ObjectName, Segment};
use crate::layout;
use crate::manifest::NotEvidence;
use crate::port::{NotAcquired, SnapshotKind};

/// Bytes of lines whose content is kept while a log is read; a log that has more is not an acquisition's.
const MAX_KEPT_BYTES: usize = 256 * 1024 * 1024;

/// What the log of an acquisition tells, derived anew from its lines, with what is wrong in what it tells.
#[derive(Debug)]
pub(super) struct AcquisitionLog {
    object: ObjectName,
    folder: ObjectName,
    pub(super) opening: Option<Opening>,
    pub(super) bound: Option<Bound>,
    /// Whether a line was told of that needs a store and stands before the binding.
    told_of_unbound: bool,
    pub(super) items: BTreeMap<EvidenceItemId, ItemHistory>,
    pub(super) records: RecordHistory,
    pub(super) seal_intents: Vec<SealIntent>,
    pub(super) sealed: Option<Sealed>,
    pub(super) closed: Option<(u64, ClosingState)>,
    pub(super) abandoned: bool,
    /// Time-stamp tokens that lines name.
    pub(super) tokens: Vec<SealedObject>,
    /// Names under which a token may lie that no line names.
    pub(super) stamped: BTreeSet<Segment>,
    /// Number (from 0) of the first line that says a snapshot was taken, and of the first grant's intent.
    pub(super) first_snapshot: Option<u64>,
    pub(super) first_grant: Option<u64>,
    discipline: Discipline,
    kept_bytes: usize,
    pub(super) findings: Findings,
}

impl AcquisitionLog {
    pub(super) fn new(folder: ObjectName, object: ObjectName) -> Self {
        Self {
            object,
            folder,
            opening: None,
            bound: None,
            told_of_unbound: false,
            items: BTreeMap::new(),
            records: RecordHistory::default(),
            seal_intents: Vec::new(),
            sealed: None,
            closed: None,
            abandoned: false,
            tokens: Vec::new(),
            stamped: BTreeSet::new(),
            first_snapshot: None,
            first_grant: None,
            discipline: Discipline::default(),
            kept_bytes: 0,
            findings: Findings::default(),
        }
    }

    /// Takes the next line, numbered from 1.
    pub(super) fn take(&mut self, line: u64, bytes: usize, event: Event) {
        self.belongs(line, &event);
        if let Err((expected, found)) = self.discipline.take(&event) {
            self.wrong(line, expected, found);
        }
        if let Some((closed, _)) = self.closed {
            self.wrong(
                line,
                format!("nothing behind the closing line {}", closed + 1),
                "a line",
            );
        }
        self.kept_bytes = self.kept_bytes.saturating_add(kept_bytes(&event.act, bytes));
        if self.kept_bytes > MAX_KEPT_BYTES {
            let expected = format!("at most {MAX_KEPT_BYTES} bytes of lines that tell what was done");
            self.findings.push(Finding::could_not_check(
                &self.object,
                format!("line {line}"),
                expected,
                "more",
            ));
            self.kept_bytes = usize::MAX;
            return;
        }
        self.fold(line, event);
    }

    fn belongs(&mut self, line: u64, event: &Event) {
        let (Some(case), Some(acquisition)) = (&event.case, &event.acquisition) else {
            return self.wrong(line, "a case and an acquisition", "none");
        };
        if layout::acquisition_folder(case, acquisition) != self.folder {
            let expected = format!("the case and acquisition of the folder {}", self.folder);
            self.wrong(line, expected, format!("{case}, {acquisition}"));
        }
    }

    fn fold(&mut self, line: u64, event: Event) {
        let seq = event.seq;
        if self.bound.is_none() && !event.act.needs_no_store() && !self.told_of_unbound {
            self.told_of_unbound = true;
            self.wrong(
                line,
                "no line that needs a store before the one that binds the acquisition to a store",
                "one",
            );
        }
        if let Some(sealed) = &mut self.sealed
            && sealed.next.is_none()
            && !matches!(
                event.act,
                Act::TailSetAside { .. } | Act::AcquisitionResumed { .. }
            )
        {
            sealed.next = Some(seq);
        }
        match event.act {
            Act::AcquisitionOpened {
                store,
                origin,
                signers,
                machine,
                items,
                protection,
                ..
            } if line == 1 => {
                self.plan(line, items);
                if let (Some(case), Some(acquisition)) = (event.case, event.acquisition) {
                    self.opening = Some(Opening {
                        case,
                        acquisition,
                        signers,
                        machine,
                    });
                }
                match StoreBinding::of_opening(store, origin, protection) {
                    Ok(Some(to)) => self.bind(line, to),
                    Ok(None) => {}
                    Err(found) => self.wrong(line, "a store with its origin and protection, or none", found),
                }
            }
            _ if line == 1 => self.wrong(line, "the opening of an acquisition", "something else"),
            Act::AcquisitionOpened { .. } => self.wrong(line, "one opening, in line 1", "another"),
            Act::AcquisitionBound {
                store,
                origin,
                protection,
            } => self.bind(
                line,
                StoreBinding {
                    store,
                    origin,
                    protection,
                },
            ),
            Act::SealIntent { manifest } => self.seal_intents.push(SealIntent {
                seq,
                manifest,
                circumstances: event.circumstances,
            }),
            Act::SealDone { objects } => {
                if self.sealed.is_some() {
                    self.wrong(line, "one seal", "another");
                }
                let intended = self
                    .seal_intents
                    .iter()
                    .find(|intent| Some(intent.seq) == event.intent)
                    .map(|intent| &intent.manifest);
                if !intended.is_some_and(|manifest| objects.contains(manifest)) {
                    self.wrong(line, "a seal of the manifest that the intent names", "another");
                }
                self.sealed = Some(Sealed {
                    seq,
                    objects,
                    next: None,
                });
            }
            Act::StampIntent { size } => drop(self.stamped.insert(layout::time_stamp(size))),
            Act::StampDone { size, token } => {
                if token.file != layout::time_stamp(size) {
                    let found = token.file.to_string();
                    self.wrong(line, format!("the token {}", layout::time_stamp(size)), found);
                }
                self.tokens.push(token);
            }
            Act::AcquisitionAbandoned { .. } => self.abandoned = true,
            Act::AcquisitionClosed { state } => self.close(line, seq, state),
            act @ (Act::MachineRecordIntent { .. }
            | Act::MachineRecordDone { .. }
            | Act::MachineRecordFailed { .. }
            | Act::MachineRecordNotTaken { .. }) => {
                let sealed = self.sealed.is_some();
                if let Some((expected, found)) = self.records.take(act, sealed) {
                    self.wrong(line, expected, found);
                }
            }
            act => self.fold_item(line, seq, act),
        }
    }

    fn bind(&mut self, line: u64, to: StoreBinding) {
        if let Some(bound) = &self.bound {
            let expected = format!("no other store than that of line {}", bound.line);
            return self.wrong(line, expected, format!("a binding to {}", to.store));
        }
        let origin = self
            .opening
            .as_ref()
            .map(|opening| StoreBinding::origin_of(&to.store, &opening.acquisition));
        if let Some(origin) = origin.filter(|origin| *origin != to.origin) {
            self.wrong(line, format!("the origin {origin}"), to.origin.clone());
        }
        self.bound = Some(Bound { line, to });
    }

    /// A log in a store names the store: it comes there with the line that does.
    pub(super) fn must_be_bound(&mut self) {
        if let (Some(_), None) = (&self.opening, &self.bound) {
            self.findings.push(Finding::integrity(
                &self.object,
                "whole log",
                "a line that binds the acquisition to this store",
                "none",
            ));
        }
    }

    fn plan(&mut self, line: u64, items: Vec<PlannedItem>) {
        for planned in items {
            let id = planned.item.clone();
            if self.items.insert(id.clone(), ItemHistory::new(planned)).is_some() {
                self.wrong(line, "each item once", format!("{id} twice"));
            }
        }
    }

    fn fold_item(&mut self, line: u64, seq: u64, act: Act) {
        match &act {
            Act::SnapshotDone { .. } => self.first_snapshot = self.first_snapshot.or(Some(seq)),
            Act::GrantIntent { .. } => self.first_grant = self.first_grant.or(Some(seq)),
            _ => {}
        }
        let Some(id) = act.item().cloned() else { return };
        let sealed = self.sealed.is_some();
        let Some(item) = self.items.get_mut(&id) else {
            return self.wrong(line, "an item that line 1 plans", id.to_string());
        };
        let faults = item.take(act, &self.folder, sealed);
        for (expected, found) in faults {
            self.wrong(line, expected, found);
        }
    }

    fn close(&mut self, line: u64, seq: u64, state: ClosingState) {
        let derived = self.derived_state();
        if state != derived {
            self.wrong(
                line,
                format!("the state that the lines before lead to: {derived:?}"),
                format!("{state:?}"),
            );
        }
        self.closed = Some((seq, state));
    }

    fn derived_state(&self) -> ClosingState {
        if self.abandoned {
            ClosingState::Abandoned
        } else if self.items.values().any(|item| item.evidence().is_none()) {
            ClosingState::Failed
        } else if self.items.values().any(ItemHistory::is_incomplete) {
            ClosingState::Incomplete
        } else {
            ClosingState::Complete
        }
    }

    fn wrong(&mut self, line: u64, expected: impl Into<String>, found: impl Into<String>) {
        self.findings.push(Finding::integrity(
            &self.object,
            format!("line {line}"),
            expected,
            found,
        ));
    }

    /// Items and attempts that are not evidence.
    pub(super) fn not_evidence(&self) -> Vec<NotEvidence> {
        self.items
            .values()
            .flat_map(|item| item.not_evidence.iter().cloned())
            .collect()
    }

    /// What is known of the items' keys.
    pub(super) fn keys(&self) -> Vec<ItemKeys> {
        let records = self.items.iter().filter_map(|(id, item)| item.keys.record(id));
        records.collect()
    }

    /// The keys that a manifest must name as not acquired.
    pub(super) fn missing_keys(&self) -> Vec<String> {
        let missing = self.items.iter().flat_map(|(id, item)| item.keys.missing(id));
        missing.collect()
    }

    /// What was not taken, as the opening says, and the machine records that were not to be had.
    pub(super) fn not_acquired(&self) -> Vec<NotAcquired> {
        let opening = self.opening.as_ref();
        let mut list = opening.map_or_else(Vec::new, |opening| opening.machine.not_acquired.clone());
        list.extend(self.records.not_acquired());
        list
    }

    /// What a closed log leaves open: acts whose end nobody knows, snapshots and grants that may still be there.
    pub(super) fn loose_ends(&self) -> Vec<Finding> {
        let note = |place: String, expected: &str, found: String| {
            Finding::note(&self.object, place, expected, found)
        };
        let mut ends: Vec<Finding> = self
            .discipline
            .unanswered()
            .take(100)
            .map(|(line, deed)| {
                note(
                    format!("line {line}"),
                    "an answer to this intent",
                    format!("none (a stop): {deed}"),
                )
            })
            .collect();
        for (id, item) in &self.items {
            if item.granted {
                ends.push(note(
                    id.to_string(),
                    "read access that was ended",
                    "read access that may still live".into(),
                ));
            }
            for name in item.digests.missing() {
                ends.push(note(
                    id.to_string(),
                    "a digest that was put into the second register",
                    format!("{name} is not known to be there{}", item.digests.by_order()),
                ));
            }
            let made = item
                .snapshot
                .as_ref()
                .filter(|(snapshot, _)| snapshot.kind == SnapshotKind::Made);
            if let (Some((snapshot, _)), false) = (made, item.deleted) {
                ends.push(note(
                    id.to_string(),
                    "no disk snapshot of ours left",
                    format!("disk snapshot {} is kept", snapshot.name),
                ));
            }
        }
        ends
    }
}

/// How much of a line stays in memory once it was folded.
const fn kept_bytes(act: &Act, bytes: usize) -> usize {
    match act {
        Act::Anomaly { .. }
        | Act::DigestDone { .. }
        | Act::DigestFailed { .. }
        | Act::GrantIntent { .. }
        | Act::GrantDone { .. }
        | Act::GrantFailed { .. }
        | Act::RevokeIntent { .. }
        | Act::RevokeDone { .. }
        | Act::RevokeFailed { .. }
        | Act::AcquisitionResumed { .. }
        | Act::StampFailed { .. }
        | Act::TailSetAside { .. } => 0,
        _ => bytes,
    }
}
