use std::collections::BTreeSet;

use futures::StreamExt as _;

use super::Verifier;
use super::acquisition_log::AcquisitionLog;
use super::checkpoints::{self, Coverage};
use super::finding::{Finding, Findings};
use super::inventory::Inventory;
use super::log_walk::{self, LogWalk};
use super::manifest::{self, StoredManifest};
use super::records::{Records, checkpoint_folder};
use super::register::Register;
use super::report::{AcquisitionReport, ItemReport};
use super::signers::Signers;
use crate::custody_log::SealedObject;
use crate::error::Error;
use crate::ids::{ObjectName, Segment};
use crate::layout;
use crate::manifest::ManifestItem;

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
        if let Some(records) = self
            .read_records(folder, inventory, register, &mut findings)
            .await
        {
            self.check_records(records, inventory, register, &mut report, &mut findings)
                .await;
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
                findings.push(self.no_log(&object, &error, folder, register));
                return None;
            }
        };
        if walk.fault.is_none() {
            log.must_be_bound();
        }
        let of_log = &mut log.findings;
        if walk.lines == 0 && walk.fault.is_none() {
            of_log.push(Finding::integrity(
                &object,
                "line 1",
                "the opening of an acquisition",
                "no line",
            ));
        }
        let named = log.opening.as_ref().map_or(&[][..], |opening| &opening.signers);
        let signers = match named {
            [] => None,
            named => Signers::named(&object, 1, named, &self.trust, of_log),
        };
        let mut records = Records {
            folder,
            object,
            coverage: Coverage::default(),
            sound: !log.findings.has_integrity_failure(),
            log,
            walk,
            signers,
            manifest,
        };
        let mut of_log = std::mem::take(&mut records.log.findings);
        records.coverage = self
            .check_checkpoints(&records.signed_log(), &notes, &mut of_log)
            .await;
        records.sound &= !records.coverage.contradicted;
        records.log.findings = of_log;
        Some(records)
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
                format!(
                    "the log of an acquisition that line {} of the register names",
                    entry.line
                ),
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
        mut records: Records<'_>,
        inventory: &Inventory,
        register: &Register,
        report: &mut AcquisitionReport,
        findings: &mut Findings,
    ) {
        let opening = records.log.opening.as_ref();
        report.case = opening.map(|opening| opening.case.clone());
        report.acquisition = opening.map(|opening| opening.acquisition.clone());
        report.state = records.log.closed.map(|(_, state)| state);
        let mut of_log = std::mem::take(&mut records.log.findings);
        of_log.extend(records.against_register(register));
        of_log.extend(records.checkpoints_before_the_store());
        let open = records.is_open();
        if open {
            of_log.push(still_open(&records.object, &records.walk));
        } else {
            of_log.extend(records.missing_checkpoints());
            of_log.extend(records.log.loose_ends());
        }
        report.log = Some(self.log_report(&records.signed_log(), &records.coverage, &mut of_log));
        findings.absorb(of_log);
        if !open {
            report.items = self.check_sealed(&records, inventory, findings).await;
            findings.extend(records.not_evidence(inventory));
        }
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
        if records.is_given_up() || (nothing && !records.sound) {
            findings.extend(records.uncovered_objects(&BTreeSet::new(), inventory));
            return Vec::new();
        }
        if records.sound && sealed.is_none() {
            let expected = "a seal before the closing line";
            findings.push(Finding::integrity(
                &records.object,
                "closing line",
                expected,
                "none",
            ));
        }
        let of_log = |file: &str| {
            let found = sealed
                .unwrap_or_default()
                .iter()
                .find(|object| object.file.as_str() == file);
            found.cloned()
        };
        records
            .manifest
            .check_bytes(folder, of_log(layout::MANIFEST_FILE).as_ref(), findings);
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
        covered
            .extend([layout::MANIFEST_FILE, layout::ENVELOPE_FILE, layout::SUMS_FILE].map(layout::segment));
        let of_machine = records.machine_records().into_iter().map(|record| record.object);
        let of_machine: Vec<SealedObject> = of_machine.collect();
        for object in sealed
            .unwrap_or_default()
            .iter()
            .chain(&log.tokens)
            .chain(&of_machine)
        {
            if covered.insert(object.file.clone()) {
                findings.extend(self.check_object(&folder.join(&object.file), object).await);
            }
        }
        findings.extend(records.uncovered_objects(&covered, inventory));
        findings.extend(records.end_of_story());
        reports
    }
}

fn names_of(items: &[ManifestItem]) -> BTreeSet<Segment> {
    items
        .iter()
        .flat_map(|item| {
            let lists = item
                .zeros
                .list
                .iter()
                .chain(&item.unread.map)
                .chain([&item.chunk_list]);
            lists.map(|list| list.file.clone()).chain([item.file.clone()])
        })
        .collect()
}

/// That an acquisition is not closed.
fn still_open(object: &ObjectName, walk: &LogWalk) -> Finding {
    Finding::could_not_check(
        object,
        format!("line {}", walk.lines),
        "the closing line of the acquisition",
        "an acquisition that is still open: a capture is under way, or was stopped",
    )
    .with_next(
        "let it finish; if it was stopped, `custody resume` or `custody abandon` it, then verify again",
    )
}
