use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::Verifier;
use super::finding::{Finding, Findings};
use super::log_walk::LogWalk;
use super::report::{LogReport, SignerTrust};
use super::signers::Signers;
use crate::custody_log::{Checkpoint, SignedNote};
use crate::error::Error;
use crate::ids::ObjectName;
use crate::layout;
use crate::port::EvidenceReaderExt as _;

const MAX_NOTE_BYTES: u64 = 64 * 1024;
const NOTES_AT_ONCE: usize = 8;

/// A log that was walked, and who must have signed its checkpoints.
#[derive(Debug)]
pub(super) struct SignedLog<'a> {
    pub(super) object: &'a ObjectName,
    pub(super) walk: &'a LogWalk,
    /// The origin that its first line names.
    pub(super) origin: &'a str,
    /// The sets of signers that its lines name: any one of them signs in full. Empty where none could be read.
    pub(super) sets: &'a [Signers],
}

/// What the checkpoints of a log say of it.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Every size at which a checkpoint holds, and which set of signers signed it.
    pub(super) good: BTreeMap<u64, usize>,
    /// Whether a checkpoint that is signed as it must be speaks of other lines, or the chain breaks: then what the
    /// lines say is not to be believed. A note that is itself damaged does not count.
    pub(super) contradicted: bool,
}

impl Coverage {
    /// Lines that a checkpoint covers.
    pub(super) fn lines(&self) -> u64 {
        self.good.keys().next_back().copied().unwrap_or(0)
    }

    /// Lines that a checkpoint of trusted signers covers.
    fn established(&self, sets: &[Signers]) -> u64 {
        let trusted = |set: usize| sets.get(set).is_some_and(|signers| signers.trusted);
        let last = self.good.iter().rev().find(|(_, set)| trusted(**set));
        last.map_or(0, |(size, _)| *size)
    }

    /// Whether a checkpoint holds at one of these sizes.
    pub(super) fn has(&self, sizes: std::ops::RangeInclusive<u64>) -> bool {
        !sizes.is_empty() && self.good.range(sizes).next().is_some()
    }
}

/// What one note turned out to be.
enum Verdict {
    /// It holds; which set of signers signed it.
    Holds(usize),
    /// Properly signed, but over lines that are not there.
    Ahead(Checkpoint),
    /// Properly signed, but over other lines.
    OtherRoot(Checkpoint),
    /// It speaks of lines behind the break in the chain: nothing can be said.
    BehindFault,
    Bad(Finding),
}

impl Verifier {
    /// Checks every checkpoint of a log, and the log against them.
    pub(super) async fn check_checkpoints(
        &self,
        log: &SignedLog<'_>,
        notes: &[(u64, ObjectName)],
        findings: &mut Findings,
    ) -> Coverage {
        let mut coverage = Coverage::default();
        let mut ahead: Option<Checkpoint> = None;
        let mut other_root: Option<Checkpoint> = None;
        let verdicts: Vec<_> = notes
            .iter()
            .map(|(size, name)| async move { (*size, self.check_note(log, *size, name).await) })
            .collect();
        let mut verdicts = futures::stream::iter(verdicts).buffered(NOTES_AT_ONCE);
        while let Some((size, verdict)) = verdicts.next().await {
            match verdict {
                Verdict::Holds(set) => drop(coverage.good.insert(size, set)),
                Verdict::Ahead(checkpoint) => ahead = later(ahead, checkpoint),
                Verdict::OtherRoot(checkpoint) => other_root = earlier(other_root, checkpoint),
                Verdict::BehindFault => {}
                Verdict::Bad(finding) => findings.push(finding),
            }
        }
        coverage.contradicted = ahead.is_some() || other_root.is_some() || log.walk.fault.is_some();
        findings.extend(ahead.map(|checkpoint| lines_missing(log, &checkpoint, "a signed checkpoint")));
        findings.extend(other_root.map(|checkpoint| changed(log, &coverage, &checkpoint)));
        if let Some(mut fault) = log.walk.fault.clone() {
            fault.settle(coverage.lines());
            findings.push(Finding::integrity(
                log.object,
                fault.place(),
                fault.expected,
                fault.found,
            ));
        }
        coverage
    }

    async fn check_note(&self, log: &SignedLog<'_>, size: u64, name: &ObjectName) -> Verdict {
        if self.options.stop.is_stopped() {
            return Verdict::Bad(Finding::stopped(name));
        }
        let read = self.reader.fetch(name, MAX_NOTE_BYTES).await;
        let note = read.and_then(|bytes| SignedNote::parse(name.as_str(), &bytes));
        match note.and_then(|note| verified(&note, name, size, log.sets)) {
            Ok((checkpoint, set)) => judged(log, size, name, checkpoint, set),
            Err(error) => Verdict::Bad(Finding::of_error(name, &error)),
        }
    }

    /// The summary of a log, with the findings that concern its signers and its known past.
    pub(super) fn log_report(
        &self,
        log: &SignedLog<'_>,
        coverage: &Coverage,
        findings: &mut Findings,
    ) -> LogReport {
        self.check_known(log, findings);
        let covered = coverage.lines();
        let established = coverage.established(log.sets);
        let trusted = covered > 0 && established == covered;
        let last = coverage.good.values().next_back().copied().unwrap_or(0);
        if let (false, Some(signers)) = (trusted, log.sets.get(last).filter(|signers| !signers.trusted)) {
            let place = match established {
                0 => "signers".to_owned(),
                some => format!("signers of the lines behind line {some}"),
            };
            findings.push(signers.not_established(log.object, place));
        }
        LogReport {
            object: log.object.to_string(),
            origin: crate::visible::escape(log.origin),
            lines: log.walk.lines,
            root: log.walk.root,
            checkpoints: coverage.good.len() as u64,
            covered_lines: covered,
            signers: log.sets.iter().flat_map(Signers::reports).collect(),
            trust: if trusted {
                SignerTrust::Established
            } else {
                SignerTrust::NotEstablished
            },
            outcome: findings.outcome(),
        }
    }

    /// Compares a log with what this host remembers of it.
    fn check_known(&self, log: &SignedLog<'_>, findings: &mut Findings) {
        for known in self
            .options
            .known
            .iter()
            .filter(|known| known.origin == log.origin)
        {
            match log.walk.roots.get(&known.size) {
                Some(root) if *root == known.root => {}
                Some(root) => findings.push(Finding::integrity(
                    log.object,
                    format!("lines 1 to {}", known.size),
                    format!("root {}, as this host saw it before", known.root),
                    format!("root {root}: the log was rewritten"),
                )),
                None if log.walk.fault.is_some() => {}
                None => {
                    let checkpoint = Checkpoint {
                        origin: known.origin.clone(),
                        size: known.size,
                        root: known.root,
                    };
                    findings.push(lines_missing(log, &checkpoint, "what this host saw before"));
                }
            }
        }
    }
}

/// The checkpoint of a note and which set of signers signed it.
fn verified(
    note: &SignedNote,
    name: &ObjectName,
    size: u64,
    sets: &[Signers],
) -> Result<(Checkpoint, usize), Error> {
    let mut refused = None;
    for (set, signers) in sets
        .iter()
        .enumerate()
        .filter(|(_, signers)| signers.line <= size)
    {
        match note.verify(name.as_str(), &signers.keys) {
            Ok(checkpoint) => return Ok((checkpoint, set)),
            // What is said of the first set is kept: it is the one that opened the log.
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::Integrity {
        object: name.to_string(),
        place: "signatures".into(),
        expected: "a log that names its signers".into(),
        actual: "a log that names none before this size".into(),
    }))
}

fn judged(log: &SignedLog<'_>, size: u64, name: &ObjectName, checkpoint: Checkpoint, set: usize) -> Verdict {
    if checkpoint.size != size {
        let found = format!("{} lines: the note of another size was put here", checkpoint.size);
        return Verdict::Bad(Finding::integrity(
            name,
            "line 2",
            format!("{size} lines, as its name says"),
            found,
        ));
    }
    if checkpoint.origin != log.origin {
        let found = format!("{}: the note of another log was put here", checkpoint.origin);
        return Verdict::Bad(Finding::integrity(name, "line 1", log.origin, found));
    }
    match log.walk.roots.get(&size) {
        Some(root) if *root == checkpoint.root => Verdict::Holds(set),
        Some(_) => Verdict::OtherRoot(checkpoint),
        None if log.walk.fault.is_some() => Verdict::BehindFault,
        None => Verdict::Ahead(checkpoint),
    }
}

fn later(held: Option<Checkpoint>, new: Checkpoint) -> Option<Checkpoint> {
    match held {
        Some(held) if held.size >= new.size => Some(held),
        _ => Some(new),
    }
}

fn earlier(held: Option<Checkpoint>, new: Checkpoint) -> Option<Checkpoint> {
    match held {
        Some(held) if held.size <= new.size => Some(held),
        _ => Some(new),
    }
}

fn lines_missing(log: &SignedLog<'_>, checkpoint: &Checkpoint, whose: &str) -> Finding {
    let (lines, size) = (log.walk.lines, checkpoint.size);
    Finding::integrity(
        log.object,
        format!("line {}", lines + 1),
        format!("{size} lines, as {whose} says"),
        format!("{lines} lines: lines {} to {size} are missing", lines + 1),
    )
}

/// The chain holds, and still the lines are not those that were signed: the last of them was changed, which no later
/// line's digest shows, or several were and the chain was made anew.
fn changed(log: &SignedLog<'_>, coverage: &Coverage, checkpoint: &Checkpoint) -> Finding {
    let size = checkpoint.size;
    let intact = coverage
        .good
        .range(..size)
        .next_back()
        .map_or(0, |(size, _)| *size);
    let place = if intact + 1 == size {
        format!("line {size}")
    } else {
        format!(
            "line {size}, or lines {} to {size} with their chain made anew",
            intact + 1
        )
    };
    let found = log
        .walk
        .roots
        .get(&size)
        .map(ToString::to_string)
        .unwrap_or_default();
    Finding::integrity(
        log.object,
        place,
        format!(
            "lines with root {}, as the signed checkpoint of {size} lines says",
            checkpoint.root
        ),
        format!("lines with root {found}"),
    )
}

/// The sizes that notes in a folder speak of, with their names; what is no note is left out.
pub(super) fn notes<'a>(objects: impl Iterator<Item = &'a ObjectName>) -> Vec<(u64, ObjectName)> {
    objects
        .filter_map(|name| layout::checkpoint_size(&name.file_name()).map(|size| (size, name.clone())))
        .collect()
}
