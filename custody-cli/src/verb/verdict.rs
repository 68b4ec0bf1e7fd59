//! What a verification found, for people and for programs.

use custody_core::Remedy;
use custody_core::verify::{AcquisitionReport, Finding, ItemReport, Outcome, Report, SignerTrust, Weight};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printable;
use crate::store_place::StorePlace;
use crate::summary::state_word;

/// The most findings that are printed for a person; --json has all.
const MAX_SHOWN_FINDINGS: usize = 50;

/// The report, and why entering it in the register failed, if it did.
pub(super) fn answer(report: &Report, store: &StorePlace, not_recorded: Option<Failure>) -> Answer {
    let mut document = serde_json::to_value(report).unwrap_or_default();
    if let Value::Object(members) = &mut document {
        members.insert("path".into(), json!(store.shown()));
    }
    Answer::new(text(report, store), document).with_failure(failure(report, not_recorded))
}

fn failure(report: &Report, not_recorded: Option<Failure>) -> Option<Failure> {
    let exit = Exit::of_code(report.outcome.exit_code());
    let remedy = match report.outcome {
        Outcome::Proven => {
            return not_recorded
                .map(|failure| failure.with_cause("the store itself was verified and is proven"));
        }
        Outcome::NotProven => Remedy::FixRequest,
        Outcome::CouldNotCheck => Remedy::Retry,
        Outcome::IntegrityFailure => Remedy::Escalate,
    };
    let mut failure = Failure::new(exit, report.result.clone(), remedy);
    let worst = report
        .all_findings()
        .filter(|finding| finding.weight.outcome() == report.outcome);
    let mut steps: Vec<&str> = worst.map(|finding| finding.next.as_str()).collect();
    let mut seen = std::collections::BTreeSet::new();
    steps.retain(|step| seen.insert(*step));
    for step in steps {
        failure = failure.with_next(step);
    }
    if let Some(not_recorded) = not_recorded {
        failure = failure.with_cause(format!("it was not recorded either: {}", not_recorded.error()));
    }
    Some(failure)
}

fn text(report: &Report, store: &StorePlace) -> String {
    let mut text = format!("{}\n\nstore        {}\n", report.result, store.shown());
    if let Some(id) = &report.store {
        text.push_str(&format!("store id     {id}\n"));
    }
    if let Some(register) = &report.register {
        text.push_str(&format!(
            "register     {} lines, {} under signed checkpoints: {}\n",
            register.lines, register.covered_lines, register.outcome
        ));
    }
    for acquisition in &report.acquisitions {
        text.push_str(&acquisition_text(acquisition));
    }
    let findings: Vec<&Finding> = report.all_findings().collect();
    if !findings.is_empty() {
        text.push_str("\nfindings:\n");
    }
    for finding in findings.iter().take(MAX_SHOWN_FINDINGS) {
        text.push_str(&finding_text(finding));
    }
    let more = findings.len().saturating_sub(MAX_SHOWN_FINDINGS) as u64 + report.findings_omitted;
    if more > 0 {
        text.push_str(&format!(
            "  and {more} more: --json lists what was kept of them\n"
        ));
    }
    text
}

fn acquisition_text(acquisition: &AcquisitionReport) -> String {
    let name = match (&acquisition.acquisition, &acquisition.case) {
        (Some(acquisition), Some(case)) => format!("acquisition {acquisition} of case {case}"),
        _ => acquisition.folder.clone(),
    };
    let mut text = format!("\n{name}: {}\n", acquisition.outcome);
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<11}{value}\n"));
    line("folder", acquisition.folder.clone());
    line("ended", state_word(acquisition.state).to_owned());
    if let Some(log) = &acquisition.log {
        line(
            "log",
            format!(
                "{} lines, {} under signed checkpoints",
                log.lines, log.covered_lines
            ),
        );
        for signer in &log.signers {
            let trust = match log.trust {
                SignerTrust::Established => "trusted",
                SignerTrust::NotEstablished => "not established",
            };
            line("signer", format!("{}, {trust}", signer.name));
            line("", signer.fingerprint.clone());
        }
    }
    for item in &acquisition.items {
        text.push_str(&item_text(item));
    }
    text
}

fn item_text(item: &ItemReport) -> String {
    let label = item
        .exhibit
        .as_ref()
        .map(|exhibit| format!(", exhibit {exhibit}"))
        .unwrap_or_default();
    let mut text = format!("  {}{label}: {}: {}\n", item.item, item.file, item.outcome);
    let mut line = |name: &str, value: String| text.push_str(&format!("    {name:<9}{value}\n"));
    line("size", printable::bytes(item.length.bytes()));
    if let Some(sha256) = item.digests.as_ref().and_then(|digests| digests.stored_file) {
        line("SHA-256", format!("{sha256} (derived now)"));
    }
    if item.zero_bytes.bytes() > 0 {
        line(
            "holes",
            format!(
                "{} taken as zeros on the word of the file system or the service; --read-all reads them",
                printable::bytes(item.zero_bytes.bytes())
            ),
        );
    }
    if item.unread_sectors > 0 {
        line(
            "unread",
            format!("{} sectors, zeros in the copy", item.unread_sectors),
        );
    }
    text
}

fn finding_text(finding: &Finding) -> String {
    let weight = match finding.weight {
        Weight::Note => "note",
        other => other.outcome().as_str(),
    };
    format!(
        "  {}\n    {weight} at {}\n    expected  {}\n    found     {}\n    next      {}\n",
        finding.object, finding.place, finding.expected, finding.found, finding.next
    )
}
