use std::collections::{BTreeMap, BTreeSet};

use super::Verifier;
use super::finding::{Finding, Findings};
use super::inventory::{Inventory, uncovered};
use super::options::{KnownPlace, Scope};
use super::outcome::Outcome;
use super::register::Register;
use super::report::{AcquisitionReport, REPORT_FORMAT, Report};
use crate::ids::{AcquisitionId, ObjectName};

impl Verifier {
    /// Checks the register, then every acquisition in scope.
    pub(super) async fn check_store(&self) -> Report {
        let mut findings = Findings::default();
        let inventory = Inventory::take(self.reader.as_ref(), &mut findings).await;
        findings.extend(inventory.strays().map(uncovered));
        let register = self.check_register(&inventory, &mut findings).await;

        let mut folders = inventory.acquisition_folders();
        folders.extend(register.registered.keys().cloned());
        findings.extend(hidden(&folders, &inventory, &register));
        let scope = self.in_scope(folders, &mut findings);
        let mut omitted = 0;
        let mut acquisitions = Vec::new();
        for folder in &scope {
            if self.options.stop.is_stopped() {
                findings.push(Finding::stopped(folder));
                continue;
            }
            acquisitions.push(
                self.check_acquisition(folder, &inventory, &register, &mut omitted)
                    .await,
            );
        }
        findings.extend(shared_origins(&register, &acquisitions));
        self.check_known_are_there(&register, &acquisitions, &mut findings);
        let sealed = acquisitions.iter().any(|acquisition| acquisition.state.is_some());
        if findings.outcome() == Outcome::Proven && !(sealed && acquisitions.iter().any(has_items)) {
            findings.push(Finding::not_proven(
                self.reader.as_ref(),
                "whole store",
                "evidence to verify",
                "none",
                "name the store that holds the evidence",
            ));
        }
        self.report(register, acquisitions, findings, omitted)
    }

    /// The folders that the caller asked for.
    fn in_scope(&self, folders: BTreeSet<ObjectName>, findings: &mut Findings) -> BTreeSet<ObjectName> {
        let Scope::Acquisitions(wanted) = &self.options.scope else {
            return folders;
        };
        let id = |folder: &ObjectName| folder.file_name().as_str().parse::<AcquisitionId>().ok();
        for missing in wanted
            .iter()
            .filter(|wanted| !folders.iter().any(|folder| id(folder).as_ref() == Some(wanted)))
        {
            findings.push(Finding::not_proven(
                missing,
                "whole acquisition",
                "an acquisition of this store",
                "none with this id, neither in a folder nor in the register",
                "look for it in another store",
            ));
        }
        folders
            .into_iter()
            .filter(|folder| id(folder).is_some_and(|id| wanted.contains(&id)))
            .collect()
    }

    /// Logs that this host saw in this store and that are gone.
    fn check_known_are_there(
        &self,
        register: &Register,
        acquisitions: &[AcquisitionReport],
        findings: &mut Findings,
    ) {
        if self.options.scope != Scope::Store {
            return;
        }
        let logs = acquisitions
            .iter()
            .filter_map(|acquisition| acquisition.log.as_ref());
        let seen: BTreeSet<&str> = register
            .report
            .iter()
            .chain(logs)
            .map(|log| log.origin.as_str())
            .collect();
        for known in &self.options.known {
            if known.place == KnownPlace::ThisStore && !seen.contains(known.origin.as_str()) {
                findings.push(Finding::integrity(
                    &format!("log {}", known.origin),
                    "whole object",
                    format!(
                        "a log of at least {} lines, as this host saw it here before",
                        known.size
                    ),
                    "none: it was removed, or the store was replaced",
                ));
            }
        }
    }

    fn report(
        &self,
        register: Register,
        acquisitions: Vec<AcquisitionReport>,
        findings: Findings,
        omitted: u64,
    ) -> Report {
        let outcome = acquisitions
            .iter()
            .map(|acquisition| acquisition.outcome)
            .fold(findings.outcome(), std::cmp::Ord::max);
        let (findings, more) = findings.into_parts();
        let mut report = Report {
            format: REPORT_FORMAT.into(),
            outcome,
            result: String::new(),
            store: register.store,
            register: register.report,
            acquisitions,
            findings,
            findings_omitted: omitted + more,
        };
        report.result = result_line(&report);
        report
    }
}

fn has_items(acquisition: &AcquisitionReport) -> bool {
    !acquisition.items.is_empty()
}

/// Acquisitions that the register names and of which nothing is left.
fn hidden(folders: &BTreeSet<ObjectName>, inventory: &Inventory, register: &Register) -> Vec<Finding> {
    if !inventory.complete {
        return Vec::new();
    }
    folders
        .iter()
        .filter(|folder| inventory.below(folder).next().is_none())
        .filter_map(|folder| {
            let entry = register.registered.get(folder)?;
            let expected = format!(
                "acquisition {}, as line {} of the register says",
                entry.acquisition, entry.line
            );
            Some(Finding::integrity(
                folder,
                "whole folder",
                expected,
                "nothing: it was removed",
            ))
        })
        .collect()
}

/// Logs that claim to be one another.
fn shared_origins(register: &Register, acquisitions: &[AcquisitionReport]) -> Vec<Finding> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let logs = acquisitions
        .iter()
        .filter_map(|acquisition| acquisition.log.as_ref());
    register
        .report
        .iter()
        .chain(logs)
        .filter(|log| !log.origin.is_empty())
        .filter_map(|log| {
            let first = seen.insert(&log.origin, &log.object)?;
            let found = format!("{}, which {first} has", log.origin);
            Some(Finding::integrity(
                &log.object,
                "line 1: origin",
                "an origin of its own",
                found,
            ))
        })
        .collect()
}

fn result_line(report: &Report) -> String {
    let worst = report.all_findings().max_by_key(|finding| finding.weight);
    match (report.outcome, worst) {
        (Outcome::Proven, _) | (_, None) => {
            let items = report.items().count();
            let zeros: u64 = report.items().map(|item| item.zero_bytes.bytes()).sum();
            format!(
                "{}: {} acquisitions, {items} items; {} bytes read and digested, {zeros} bytes zero on the store's word",
                report.outcome,
                report.acquisitions.len(),
                report.read_bytes(),
            )
        }
        (outcome, Some(worst)) => {
            let others = report
                .all_findings()
                .filter(|finding| finding.weight == worst.weight)
                .count()
                .saturating_sub(1);
            let more = match others {
                0 => String::new(),
                1 => "; and 1 more".into(),
                more => format!("; and {more} more"),
            };
            format!(
                "{outcome}: {}: {}: {}{more}",
                worst.object, worst.place, worst.found
            )
        }
    }
}
