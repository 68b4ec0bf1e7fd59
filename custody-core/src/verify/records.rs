use std::collections::BTreeSet;

use super::acquisition_log::AcquisitionLog;
use super::checkpoints::{Coverage, SignedLog};
use super::finding::Finding;
use super::inventory::{Inventory, uncovered};
use super::log_marks::Bound;
use super::log_walk::LogWalk;
use super::manifest::StoredManifest;
use super::register::Register;
use super::seal::SealDue;
use super::signers::Signers;
use crate::custody_log::{ClosingState, SealedObject, StoredRecord};
use crate::ids::{ObjectName, Segment};
use crate::layout;
use crate::manifest::ManifestItem;

/// The records of an acquisition as they were read: what they say, and what they say of one another.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub(super) folder: &'a ObjectName,
    /// Its log.
    pub(super) object: ObjectName,
    pub(super) log: AcquisitionLog,
    pub(super) walk: LogWalk,
    pub(super) coverage: Coverage,
    pub(super) signers: Option<Signers>,
    pub(super) manifest: StoredManifest,
    /// Whether the log's chain, the checkpoints over it and its story hold, so that what it says is believed.
    pub(super) sound: bool,
}

impl Records<'_> {
    /// The log, as its checkpoints are compared with it.
    pub(super) fn signed_log(&self) -> SignedLog<'_> {
        SignedLog {
            object: &self.object,
            walk: &self.walk,
            origin: self
                .log
                .bound
                .as_ref()
                .map_or("", |bound| bound.to.origin.as_str()),
            sets: self.signers.as_slice(),
        }
    }

    /// Whether the acquisition is still open, as a log says that holds.
    pub(super) const fn is_open(&self) -> bool {
        self.sound && self.log.closed.is_none()
    }

    /// Compares the log with its entry in the register.
    pub(super) fn against_register(&self, register: &Register) -> Vec<Finding> {
        let Some(Bound { line, to: bound }) = &self.log.bound else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        let mut differ = |place: &str, expected: String, found: String| {
            if expected != found {
                let expected = format!("{expected}, as the register says");
                findings.push(Finding::integrity(&self.object, place, expected, found));
            }
        };
        if let Some(store) = &register.store {
            differ(
                &format!("line {line}: store"),
                store.to_string(),
                bound.store.to_string(),
            );
        }
        match (register.registered.get(self.folder), self.log.closed) {
            (Some(entry), closed) if self.walk.fault.is_none() => {
                differ("origin", entry.origin.clone(), bound.origin.clone());
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

    /// Checkpoints that do not cover the line that names the store: nothing is signed for a store that is not known yet.
    pub(super) fn checkpoints_before_the_store(&self) -> Vec<Finding> {
        let (Some(opening), Some(bound)) = (&self.log.opening, &self.log.bound) else {
            return Vec::new();
        };
        let name = crate::port::LogName::Acquisition {
            case: opening.case.clone(),
            acquisition: opening.acquisition.clone(),
        };
        let early = self.coverage.good.range(..bound.line);
        early
            .map(|(size, _)| {
                let expected = format!(
                    "a checkpoint that covers line {}, which names the store",
                    bound.line
                );
                let found = format!("one of {size} lines");
                Finding::integrity(&layout::checkpoint(&name, *size), "line 2", expected, found)
            })
            .collect()
    }

    /// The checkpoints that a capture writes, as far as the log tells where: before the first grant, behind the seal,
    /// behind the closing line.
    pub(super) fn missing_checkpoints(&self) -> Vec<Finding> {
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
                let expected = format!("a signed checkpoint of {} {what}", lines_in_words(from, to));
                let missing = layout::checkpoint(&name, to);
                findings.push(
                    Finding::integrity(&missing, "whole object", expected, "none that holds").with_next(
                        "if the capture was stopped at its end, `custody resume` writes it; otherwise stop, and have a \
                         person compare the store with another copy",
                    ),
                );
            }
        };
        if let (Some(snapshot), Some(grant)) = (self.log.first_snapshot, self.log.first_grant) {
            demand(snapshot + 1, grant, "before the first grant");
        }
        if let Some(sealed) = &self.log.sealed {
            demand(
                sealed.seq + 1,
                sealed.next.unwrap_or(self.walk.lines),
                "behind the seal",
            );
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
    pub(super) fn items(&self) -> Vec<ManifestItem> {
        let of_log = || {
            let machine = self.log.opening.as_ref().map(|opening| &opening.machine);
            let items = machine.into_iter().flat_map(|machine| {
                self.log
                    .items
                    .values()
                    .filter_map(|item| item.manifest_item(machine))
            });
            items.collect::<Vec<_>>()
        };
        match self.manifest.manifest() {
            Some(manifest) if !self.sound => manifest.items.clone(),
            _ => of_log(),
        }
    }

    /// The machine records that are stored: by the log where it holds, else by the manifest.
    pub(super) fn machine_records(&self) -> Vec<StoredRecord> {
        match self.manifest.manifest() {
            Some(manifest) if !self.sound => manifest.machine_records.clone(),
            _ => self.log.records.stored(),
        }
    }

    /// What the seal must say: by the log where it tells, else by the manifest.
    pub(super) fn seal_due(&self, sealed: Option<&[SealedObject]>) -> Option<SealDue<'_>> {
        let opening = self.log.opening.as_ref();
        let manifest = self.manifest.manifest();
        let case = opening.map(|o| &o.case).or_else(|| manifest.map(|m| &m.case))?;
        let acquisition = opening
            .map(|o| &o.acquisition)
            .or_else(|| manifest.map(|m| &m.acquisition))?;
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
        let suffixes = [
            layout::CHUNK_LIST_SUFFIX,
            layout::ZERO_RANGES_SUFFIX,
            layout::MAP_SUFFIX,
        ];
        let given_up = self.is_given_up();
        let half_sealed = (given_up && !self.log.seal_intents.is_empty()).then_some([
            layout::MANIFEST_FILE,
            layout::ENVELOPE_FILE,
            layout::SUMS_FILE,
        ]);
        self.log
            .items
            .values()
            .flat_map(|item| {
                let evidence = item
                    .evidence()
                    .filter(|_| !given_up)
                    .map(|(attempt, _)| item.planned.file_of_attempt(attempt));
                item.begun
                    .iter()
                    .filter(move |file| Some(*file) != evidence.as_ref())
            })
            .flat_map(|file| {
                suffixes
                    .map(|suffix| file.with_suffix(suffix))
                    .into_iter()
                    .chain([file.clone()])
            })
            .chain(self.log.stamped.iter().cloned())
            .chain(self.log.records.leftovers(given_up))
            .chain(half_sealed.into_iter().flatten().map(layout::segment))
            .collect()
    }

    /// Whether it was given up before it was sealed, as a log says that holds: nothing of it is evidence then, whatever
    /// came of it.
    pub(super) const fn is_given_up(&self) -> bool {
        self.sound && self.log.abandoned && self.log.sealed.is_none()
    }

    /// Objects in the folder that no record names.
    pub(super) fn uncovered_objects(
        &self,
        covered: &BTreeSet<Segment>,
        inventory: &Inventory,
    ) -> Vec<Finding> {
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
    pub(super) fn not_evidence(&self, inventory: &Inventory) -> Vec<Finding> {
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
    pub(super) fn end_of_story(&self) -> Option<Finding> {
        let (seq, state) = self.log.closed?;
        let place = format!("line {}", seq + 1);
        match state {
            ClosingState::Complete | ClosingState::Abandoned => None,
            ClosingState::Incomplete => Some(
                Finding::could_not_check(
                    &self.object,
                    place,
                    "a complete acquisition",
                    "an incomplete one: sectors could not be read, or a key was not taken or is not proven to open its copy",
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

/// The folder of an acquisition's checkpoints.
pub(super) fn checkpoint_folder(folder: &ObjectName) -> ObjectName {
    folder.join(&layout::segment(layout::CHECKPOINTS_FOLDER))
}

fn lines_in_words(from: u64, to: u64) -> String {
    if from == to {
        format!("{to} lines")
    } else {
        format!("{from} to {to} lines")
    }
}
