use std::collections::BTreeSet;

use futures::StreamExt as _;

use super::Verifier;
use super::acquisition_log::AcquisitionLog;
use super::checkpoints::{self, Coverage, SignedLog};
use super::finding::{Finding, Findings};
use super::inventory::{Inventory, uncovered};
use super::log_walk::{self, LogWalk};
use super::manifest::{self, StoredManifest};
use super::register::Register;
use super::report::{AcquisitionReport, ItemReport};
use super::seal::SealDue;
use super::signers::Signers;
use crate::custody_log::{ClosingState, SealedObject};
use crate::error::Error;
use crate::ids::{ObjectName, Segment};
use crate::layout;
use crate::manifest::ManifestItem;

/// An acquisition in the middle of its verification.
#[derive(Debug)]
struct Records<'a> {
    folder: &'a ObjectName,
    /// Its log.
    object: ObjectName,
    log: AcquisitionLog,
    walk: LogWalk,
    coverage: Coverage,
    signers: Option<Signers>,
    manifest: StoredManifest,
    /// Whether the log's chain, checkpoints and story hold.
    sound: bool,
}

impl Verifier {
    /// Checks everything in one acquisition's folder, and what the register says of it.
    pub(super) async fn check_acquisition(
        &self,
        folder: &ObjectName,
        inventory: &Inventory,
        register: &Register,
        omitted: &mut u64,
    ) -> AcquisitionReport {
        self.options.progress.step(&format!("verifying {folder}"));
        let mut findings = Findings::default();
        let mut report = AcquisitionReport {
            folder: folder.to_string(),
            case: None,
            acquisition: None,
            state: None,
            outcome: super::Outcome::Proven,
            log: None,
            items: Vec::new(),
            findings: Vec::new(),
        };
        if let Some(records) = self.read_records(folder, inventory, register, &mut findings).await {
            self.check_records(&records, inventory, register, &mut report, &mut findings).await;
        }
        report.outcome = report
            .items
            .iter()
            .map(|item| item.outcome)
            .fold(findings.outcome(), std::cmp::Ord::max);
        let (kept, more) = findings.into_parts();
        report.findings = kept;
        *omitted += more;
        report
    }

    /// Reads manifest and log; `None` where there is no log to read.
    async fn read_records<'a>(
        &self,
        folder: &'a ObjectName,
        inventory: &Inventory,
        register: &Register,
        findings: &mut Findings,
    ) -> Option<Records<'a>> {
        let object = folder.join(&layout::segment(layout::LOG_FILE));
        let manifest = self.read_manifest(folder).await;
        let notes = checkpoints::notes(inventory.below(&checkpoint_folder(folder)));
        let mut sizes: BTreeSet<u64> = notes.iter().map(|(size, _)| *size).collect();
        sizes.extend(self.options.known.iter().map(|known| known.size));
        sizes.extend(manifest.manifest().map(|manifest| manifest.log.size));
        sizes.extend(register.registered.get(folder).map(|entry| entry.size));

        let mut log = AcquisitionLog::new(folder.clone(), object.clone());
        let walk = match self.reader.open(&object).await {
            Ok(reader) => {
                let mut take = |line, bytes, event| log.take(line, bytes, event);
                log_walk::walk(object.as_str(), reader, &sizes, self.options.stop.as_ref(), &mut take).await
            }
            Err(error) => Err(error),
        };
        let walk = match walk {
            Ok(walk) => walk,
            Err(error) => {
                findings.push(self.no_log(&object, &error, folder, register));
                return None;
            }
        };
        let mut of_log = std::mem::take(&mut log.findings);
        if walk.lines == 0 && walk.fault.is_none() {
            of_log.push(Finding::integrity(&object, "line 1", "the opening of an acquisition", "no line"));
        }
        let signers = match log.opening.as_ref() {
            Some(opening) => match Signers::named(&object, 1, &opening.signers, &self.trust) {
                Ok(signers) => Some(signers),
                Err(finding) => {
                    of_log.push(finding);
                    None
                }
            },
            None => None,
        };
        let origin = log.opening.as_ref().map_or("", |opening| opening.origin.as_str());
        let signed = SignedLog {
            object: &object,
            walk: &walk,
            origin,
            sets: signers.as_slice(),
        };
        let coverage = self.check_checkpoints(&signed, &notes, &mut of_log).await;
        let sound = !of_log.has_integrity_failure();
        findings.absorb(of_log);
        Some(Records {
            folder,
            object,
            walk,
            coverage,
            signers,
            manifest,
            sound,
            log,
        })
    }

    fn no_log(
        &self,
        object: &ObjectName,
        error: &Error,
        folder: &ObjectName,
        register: &Register,
    ) -> Finding {
        let missing = matches!(error.meaning(), Error::NotFound { .. });
        match register.registered.get(folder) {
            Some(entry) if missing => Finding::integrity(
                object,
                "whole object",
                format!("the log of an acquisition that line {} of the register names", entry.line),
                "missing",
            ),
            None if missing => Finding::not_proven(
                object,
                "whole object",
                "the log of what lies in this folder",
                "missing: no record covers it",
                "find out who put it there; if a capture was stopped before it came to anything, `custody resume` it",
            ),
            _ => Finding::of_error(object, error),
        }
    }

    async fn check_records(
        &self,
        records: &Records<'_>,
        inventory: &Inventory,
        register: &Register,
        report: &mut AcquisitionReport,
        findings: &mut Findings,
    ) {
        let Records { log, walk, object, .. } = records;
        let opening = log.opening.as_ref();
        report.case = opening.map(|opening| opening.case.clone());
        report.acquisition = opening.map(|opening| opening.acquisition.clone());
        report.state = log.closed.map(|(_, state)| state);
        let signed = SignedLog {
            object,
            walk,
            origin: opening.map_or("", |opening| opening.origin.as_str()),
            sets: records.signers.as_slice(),
        };
        let mut of_log = Findings::default();
        of_log.extend(records.against_register(register));
        if log.closed.is_none() && records.sound {
            of_log.push(open(object, walk));
        } else {
            of_log.extend(records.missing_checkpoints());
        }
        if log.closed.is_some() {
            of_log.extend(log.loose_ends());
        }
        let mut log_report = self.log_report(&signed, &records.coverage, &mut of_log);
        if !records.sound {
            log_report.outcome = super::Outcome::IntegrityFailure;
        }
        report.log = Some(log_report);
        findings.absorb(of_log);
        if log.closed.is_none() && records.sound {
            return;
        }
        report.items = self.check_sealed(records, inventory, findings).await;
        findings.extend(records.not_evidence(inventory));
    }

    /// Checks what was sealed: manifest, envelope, sums, items.
    async fn check_sealed(
        &self,
        records: &Records<'_>,
        inventory: &Inventory,
        findings: &mut Findings,
    ) -> Vec<ItemReport> {
        let Records { folder, log, .. } = records;
        let sealed = log.sealed.as_ref().map(|sealed| sealed.objects.as_slice());
        let nothing = sealed.is_none() && matches!(records.manifest, StoredManifest::Missing);
        if nothing && (!records.sound || log.abandoned) {
            findings.extend(records.uncovered_objects(&BTreeSet::new(), inventory));
            return Vec::new();
        }
        if records.sound && sealed.is_none() && !log.abandoned {
            let expected = "a seal before the closing line";
            findings.push(Finding::integrity(&records.object, "closing line", expected, "none"));
        }
        let of_log = |file: &str| {
            let found = sealed.unwrap_or_default().iter().find(|object| object.file.as_str() == file);
            found.cloned()
        };
        records.manifest.check_bytes(folder, of_log(layout::MANIFEST_FILE).as_ref(), findings);
        if let (StoredManifest::Read(manifest, stored), true) = (&records.manifest, records.sound) {
            manifest::check_against_log(manifest, stored, log, &records.walk, folder, findings);
            if let Some(sealed) = sealed {
                manifest::check_sealed_objects(manifest, sealed, &records.object, findings);
            }
        }
        if let Some(due) = records.seal_due(sealed) {
            self.check_seal(&due, findings).await;
        }
        let items = records.items();
        let checks: Vec<_> = items.iter().map(|item| self.check_item(folder, item)).collect();
        let reports: Vec<ItemReport> = futures::stream::iter(checks)
            .buffered(self.options.items_at_once.get())
            .collect()
            .await;
        let mut covered = names_of(&items);
        covered.extend([layout::MANIFEST_FILE, layout::ENVELOPE_FILE, layout::SUMS_FILE].map(layout::segment));
        for object in sealed.unwrap_or_default().iter().chain(&log.tokens) {
            if covered.insert(object.file.clone()) {
                findings.extend(self.check_object(&folder.join(&object.file), object).await);
            }
        }
        findings.extend(records.uncovered_objects(&covered, inventory));
        findings.extend(records.end_of_story());
        reports
    }
}

fn checkpoint_folder(folder: &ObjectName) -> ObjectName {
    folder.join(&layout::segment(layout::CHECKPOINTS_FOLDER))
}

fn names_of(items: &[ManifestItem]) -> BTreeSet<Segment> {
    items
        .iter()
        .flat_map(|item| {
            let lists = item.zeros.list.iter().chain(&item.unread.map).chain([&item.chunk_list]);
            lists.map(|list| list.file.clone()).chain([item.file.clone()])
        })
        .collect()
}

/// That an acquisition is not closed.
fn open(object: &ObjectName, walk: &LogWalk) -> Finding {
    Finding::could_not_check(
        object,
        format!("line {}", walk.lines),
        "the closing line of the acquisition",
        "an acquisition that is still open: a capture is under way, or was stopped",
    )
    .with_next("let it finish; if it was stopped, `custody resume` or `custody abandon` it, then verify again")
}

impl Records<'_> {
    /// Compares the log with its entry in the register.
    fn against_register(&self, register: &Register) -> Vec<Finding> {
        let Some(opening) = &self.log.opening else { return Vec::new() };
        let mut findings = Vec::new();
        let mut differ = |place: &str, expected: String, found: String| {
            if expected != found {
                let expected = format!("{expected}, as the register says");
                findings.push(Finding::integrity(&self.object, place, expected, found));
            }
        };
        if let Some(store) = &register.store {
            differ("line 1: store", store.to_string(), opening.store.to_string());
        }
        match (register.registered.get(self.folder), self.log.closed) {
            (Some(entry), closed) if self.walk.fault.is_none() => {
                differ("origin", entry.origin.clone(), opening.origin.clone());
                differ("lines", format!("{} lines", entry.size), format!("{} lines", self.walk.lines));
                differ("state", format!("{:?}", Some(entry.state)), format!("{:?}", closed.map(|(_, state)| state)));
                if let Some(root) = self.walk.roots.get(&entry.size) {
                    let lines = format!("lines 1 to {}", entry.size);
                    differ(&lines, format!("root {}", entry.root), format!("root {root}"));
                }
            }
            (None, Some((seq, _))) if register.sound => findings.push(
                Finding::integrity(
                    &self.object,
                    format!("line {}", seq + 1),
                    "an entry in the register for an acquisition that is closed",
                    "none: the register was cut, or the capture was stopped between its last two steps",
                )
                .with_next(
                    "if the capture was stopped at its end, `custody resume` enters it; otherwise stop and have a person \
                     compare the register with another copy",
                ),
            ),
            (None, Some(_)) => findings.push(Finding::could_not_check(
                &self.object,
                "entry in the register",
                "a register that can be read to its end",
                "one that cannot",
            )),
            _ => {}
        }
        findings
    }

    /// The checkpoints that a capture writes, as far as the log tells where: before the first grant, behind the seal,
    /// behind the closing line.
    fn missing_checkpoints(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(opening) = self.log.opening.as_ref().filter(|_| self.walk.fault.is_none()) else {
            return findings;
        };
        let name = crate::port::LogName::Acquisition {
            case: opening.case.clone(),
            acquisition: opening.acquisition.clone(),
        };
        let mut demand = |from: u64, to: u64, what: &str| {
            if !self.coverage.has(from..=to) {
                findings.push(Finding::integrity(
                    &layout::checkpoint(&name, to),
                    "whole object",
                    format!("a signed checkpoint of {} {what}", lines_in_words(from, to)),
                    "none that holds",
                ));
            }
        };
        if let (Some(snapshot), Some(grant)) = (self.log.first_snapshot, self.log.first_grant) {
            demand(snapshot + 1, grant, "before the first grant");
        }
        if let Some(sealed) = &self.log.sealed {
            demand(sealed.seq + 1, sealed.next.unwrap_or(self.walk.lines), "behind the seal");
        }
        demand(self.walk.lines, self.walk.lines, "over the whole log");
        if self.walk.tail_bytes > 0 {
            findings.push(Finding::integrity(
                &self.object,
                format!("behind line {}", self.walk.lines),
                "the end of the log",
                format!("{} bytes that are no line", self.walk.tail_bytes),
            ));
        }
        findings
    }

    /// The items with what the record says of them: by the log where it holds, else by the manifest.
    fn items(&self) -> Vec<ManifestItem> {
        let of_log = || {
            let machine = self.log.opening.as_ref().map(|opening| &opening.machine);
            let items = machine.into_iter().flat_map(|machine| {
                self.log.items.values().filter_map(|item| item.manifest_item(machine))
            });
            items.collect::<Vec<_>>()
        };
        match self.manifest.manifest() {
            Some(manifest) if !self.sound => manifest.items.clone(),
            _ => of_log(),
        }
    }

    /// What the seal must say: by the log where it tells, else by the manifest.
    fn seal_due(&self, sealed: Option<&[SealedObject]>) -> Option<SealDue<'_>> {
        let opening = self.log.opening.as_ref();
        let manifest = self.manifest.manifest();
        let case = opening.map(|o| &o.case).or_else(|| manifest.map(|m| &m.case))?;
        let acquisition = opening.map(|o| &o.acquisition).or_else(|| manifest.map(|m| &m.acquisition))?;
        let (mut objects, mut envelope, mut sums) = (Vec::new(), None, None);
        match (sealed, &self.manifest) {
            (Some(sealed), _) => {
                for object in sealed {
                    match object.file.as_str() {
                        layout::ENVELOPE_FILE => envelope = Some(object.clone()),
                        layout::SUMS_FILE => sums = Some(object.clone()),
                        _ => objects.push(object.clone()),
                    }
                }
            }
            (None, StoredManifest::Read(manifest, stored)) => {
                objects = manifest.objects();
                objects.push(stored.clone());
            }
            (None, _) => return None,
        }
        Some(SealDue {
            folder: self.folder,
            case,
            acquisition,
            signers: self.signers.as_ref(),
            objects,
            envelope,
            sums,
        })
    }

    /// Names under which attempts that are not evidence left something, with the lists beside them.
    fn leftovers(&self) -> BTreeSet<Segment> {
        let suffixes = [layout::CHUNK_LIST_SUFFIX, layout::ZERO_RANGES_SUFFIX, layout::MAP_SUFFIX];
        self.log
            .items
            .values()
            .flat_map(|item| {
                let evidence = item.evidence().map(|(attempt, _)| item.planned.file_of_attempt(attempt));
                item.begun.iter().filter(move |file| Some(*file) != evidence.as_ref())
            })
            .flat_map(|file| suffixes.map(|suffix| file.with_suffix(suffix)).into_iter().chain([file.clone()]))
            .chain(self.log.stamped.iter().cloned())
            .collect()
    }

    /// Objects in the folder that no record names.
    fn uncovered_objects(&self, covered: &BTreeSet<Segment>, inventory: &Inventory) -> Vec<Finding> {
        let log = layout::segment(layout::LOG_FILE);
        let checkpoints = checkpoint_folder(self.folder);
        let leftovers = self.leftovers();
        inventory
            .below(self.folder)
            .filter(|name| {
                let file = name.file_name();
                let folder = name.folder();
                let known = if folder.as_ref() == Some(&checkpoints) {
                    layout::checkpoint_size(&file).is_some()
                } else {
                    folder.as_ref() == Some(self.folder)
                        && (file == log || covered.contains(&file) || leftovers.contains(&file))
                };
                !known
            })
            .map(uncovered)
            .collect()
    }

    /// Objects that are there and, as the record itself says, no evidence; and what of the record is not checked.
    fn not_evidence(&self, inventory: &Inventory) -> Vec<Finding> {
        let tokens: BTreeSet<Segment> = self.log.tokens.iter().map(|token| token.file.clone()).collect();
        let notes = tokens.iter().map(|token| {
            Finding::note(
                &self.folder.join(token),
                "signature of the time-stamp authority",
                "a check with the authority's certificate",
                "not checked here: `openssl ts -verify` checks it; the token is the one that the log names",
            )
        });
        self.leftovers()
            .difference(&tokens)
            .map(|file| self.folder.join(file))
            .filter(|name| inventory.objects.contains_key(name))
            .map(|name| {
                Finding::note(
                    &name,
                    "whole object",
                    "nothing: no line says that what was begun under this name is evidence",
                    "an object; it is not evidence",
                )
            })
            .chain(notes)
            .collect()
    }

    /// What the way in which an acquisition ended means for its evidence.
    fn end_of_story(&self) -> Option<Finding> {
        let (seq, state) = self.log.closed?;
        let place = format!("line {}", seq + 1);
        match state {
            ClosingState::Complete | ClosingState::Abandoned => None,
            ClosingState::Incomplete => Some(
                Finding::could_not_check(
                    &self.object,
                    place,
                    "a complete acquisition",
                    "an incomplete one: sectors could not be read, or a key was not taken",
                )
                .with_next("read in the manifest what is missing; acquire it again if it still can be"),
            ),
            ClosingState::Failed => Some(
                Finding::could_not_check(
                    &self.object,
                    place,
                    "evidence of every item",
                    "items of which no attempt gave evidence: see not_evidence in the manifest",
                )
                .with_next("acquire those items again"),
            ),
        }
    }
}

fn lines_in_words(from: u64, to: u64) -> String {
    if from == to {
        format!("{to} lines")
    } else {
        format!("{from} to {to} lines")
    }
}
