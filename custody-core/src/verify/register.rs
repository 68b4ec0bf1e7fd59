use std::collections::{BTreeMap, BTreeSet};

use super::Verifier;
use super::checkpoints::{self, SignedLog};
use super::finding::{Finding, Findings};
use super::inventory::Inventory;
use super::log_walk::{self, LogWalk};
use super::report::LogReport;
use super::signers::Signers;
use crate::custody_log::{Act, ClosingState, Event, Trust, VerifierKey};
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::ids::{AcquisitionId, CaseId, ObjectName, StoreId};
use crate::layout;
use crate::port::LogName;

/// What the register says of an acquisition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) acquisition: AcquisitionId,
    pub(super) state: ClosingState,
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: Sha256Digest,
    /// The line that says so, counted from 1.
    pub(super) line: u64,
}

/// What the register says.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) store: Option<StoreId>,
    /// By folder.
    pub(super) registered: BTreeMap<ObjectName, Registered>,
    /// Whether all of it could be read, and its chain holds.
    pub(super) sound: bool,
    pub(super) report: Option<LogReport>,
}

impl Register {
    const fn unread() -> Self {
        Self {
            store: None,
            registered: BTreeMap::new(),
            sound: false,
            report: None,
        }
    }
}

impl Verifier {
    /// Checks the register of the store.
    pub(super) async fn check_register(&self, inventory: &Inventory, findings: &mut Findings) -> Register {
        let object = layout::log(&LogName::Register);
        self.options.progress.step("verifying the register");
        let folder = layout::checkpoints(&LogName::Register);
        let notes = checkpoints::notes(inventory.below(&folder));
        let mut sizes: BTreeSet<u64> = notes.iter().map(|(size, _)| *size).collect();
        sizes.extend(self.options.known.iter().map(|known| known.size));

        let mut fold = Fold::new(&object, &self.trust);
        let walk = match self.reader.open(&object).await {
            Ok(reader) => {
                let mut take = |line, _, event| fold.take(line, event);
                log_walk::walk(
                    object.as_str(),
                    reader,
                    &sizes,
                    self.options.stop.as_ref(),
                    &mut take,
                )
                .await
            }
            Err(error) => Err(error),
        };
        let walk = match walk {
            Ok(walk) => walk,
            Err(error) => {
                // A folder without anything of a store in it is no damaged store: it is the wrong folder.
                let no_store = matches!(error.meaning(), Error::NotFound { .. })
                    && notes.is_empty()
                    && inventory.acquisition_folders().is_empty();
                if !no_store {
                    findings.push(Finding::of_error(&object, &error));
                }
                return Register::unread();
            }
        };
        let Fold {
            store,
            origin,
            sets,
            registered,
            findings: folded,
            ..
        } = fold;
        let told_well = !folded.has_integrity_failure();
        let log = SignedLog {
            object: &object,
            walk: &walk,
            origin: &origin,
            sets: &sets,
        };
        let mut of_log = folded;
        if walk.lines == 0 && walk.fault.is_none() {
            of_log.push(Finding::integrity(
                &object,
                "line 1",
                "the opening of a store",
                "no line",
            ));
        }
        let coverage = self.check_checkpoints(&log, &notes, &mut of_log).await;
        of_log.extend(loose_ends(&walk, coverage.lines(), &object));
        let report = self.log_report(&log, &coverage, &mut of_log);
        findings.absorb(of_log);
        Register {
            store,
            registered,
            sound: told_well && !coverage.contradicted && walk.lines > 0,
            report: Some(report),
        }
    }
}

/// What the register has that no checkpoint covers.
fn loose_ends(walk: &LogWalk, covered: u64, object: &ObjectName) -> Vec<Finding> {
    let mut findings = Vec::new();
    let next = "run `custody resume` if a capture was stopped; otherwise find out who wrote there";
    if walk.tail_bytes > 0 {
        findings.push(Finding::not_proven(
            object,
            format!("behind line {}", walk.lines),
            "a line feed at the end of the last line",
            format!(
                "{} bytes that are no line: an append was interrupted, or somebody wrote there",
                walk.tail_bytes
            ),
            next,
        ));
    }
    if walk.fault.is_none() && covered < walk.lines {
        findings.push(Finding::not_proven(
            &layout::checkpoint(&LogName::Register, walk.lines),
            "whole object",
            format!("a signed checkpoint of all {} lines of {object}", walk.lines),
            format!(
                "none: lines {} to {} are not covered by a signature",
                covered + 1,
                walk.lines
            ),
            next,
        ));
    }
    findings
}

/// The fold over the register's lines.
struct Fold<'a> {
    object: &'a ObjectName,
    trust: &'a Trust,
    store: Option<StoreId>,
    origin: String,
    sets: Vec<Signers>,
    registered: BTreeMap<ObjectName, Registered>,
    findings: Findings,
}

impl<'a> Fold<'a> {
    fn new(object: &'a ObjectName, trust: &'a Trust) -> Self {
        Self {
            object,
            trust,
            store: None,
            origin: String::new(),
            sets: Vec::new(),
            registered: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    fn take(&mut self, line: u64, event: Event) {
        let Event {
            act,
            case,
            acquisition,
            ..
        } = event;
        match act {
            Act::StoreOpened {
                store,
                origin,
                signers,
            } if line == 1 => {
                self.store = Some(store);
                self.origin = origin;
                self.name_signers(line, &signers);
            }
            _ if line == 1 => self.wrong(line, "the opening of a store", "something else"),
            Act::StoreOpened { .. } => self.wrong(line, "one opening of the store, in line 1", "another"),
            Act::SignersDeclared {
                signers,
                fingerprints,
                ..
            } => {
                let named: Option<Vec<String>> = signers
                    .iter()
                    .map(|key| key.parse::<VerifierKey>().ok().map(|key| key.fingerprint()))
                    .collect();
                if named.is_some_and(|named| named != fingerprints) {
                    self.wrong(line, "the fingerprints of the keys beside them", "others");
                }
                self.name_signers(line, &signers);
            }
            Act::AcquisitionRegistered {
                state,
                origin,
                size,
                root,
            } => match (case, acquisition) {
                (Some(case), Some(acquisition)) => {
                    let folder = layout::acquisition_folder(&case, &acquisition);
                    let entry = Registered {
                        acquisition,
                        state,
                        origin,
                        size,
                        root,
                        line,
                    };
                    self.register(folder, entry, &case);
                }
                _ => self.wrong(line, "the case and acquisition that is registered", "none"),
            },
            _ => {}
        }
    }

    fn name_signers(&mut self, line: u64, signers: &[String]) {
        let signers = Signers::named(self.object, line, signers, self.trust, &mut self.findings);
        self.sets.extend(signers);
    }

    fn register(&mut self, folder: ObjectName, entry: Registered, case: &CaseId) {
        let line = entry.line;
        match self.registered.get(&folder) {
            Some(before)
                if Registered {
                    line,
                    ..before.clone()
                } != entry =>
            {
                let found = format!(
                    "{case}, {} registered otherwise in line {}",
                    entry.acquisition, before.line
                );
                self.wrong(line, "one entry for each acquisition", &found);
            }
            Some(_) => {}
            None => drop(self.registered.insert(folder, entry)),
        }
    }

    fn wrong(&mut self, line: u64, expected: &str, found: &str) {
        self.findings.push(Finding::integrity(
            self.object,
            format!("line {line}"),
            expected,
            found,
        ));
    }
}
