//! A capture that meets faults: what is told, what is kept, and what becomes of it when they are gone.

use std::fmt;

use custody_core::capture::CaptureOutcome;
use custody_core::custody_log::{Act, ClosingState, Failure};
use custody_core::port::LogName;
use custody_core::{Error, Result};
use custody_testkit::azure_sim::{Bytes, Fault, RoleGrant, Scenario};
use custody_testkit::fake::MemoryLog;

use crate::support::lab::Lab;
use crate::support::worker::Worker;
use crate::support::{all_of, run};

/// What there is after the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// No disk snapshot was made.
    Nothing,
    /// All disk snapshots; none was asked to be deleted.
    Snapshots,
    /// Disk snapshots that the service began and did not finish: a person's to look at; none was asked to be deleted.
    Disowned,
    /// The evidence is sealed; the disk snapshots are there and named.
    SealedAndNamed,
}

/// One thing that goes wrong.
pub(crate) struct Case {
    name: &'static str,
    scenario: Scenario,
    kept: Kept,
}

/// What the custodian reads.
pub(crate) struct Told {
    name: &'static str,
    failure: Failure,
}

/// The lab's machine with disks of a few pages.
pub(crate) fn small() -> Scenario {
    let mut scenario = Scenario::lab();
    for (disk, length) in [
        ("web-01_OsDisk_1", 256),
        ("web-01-data-0", 128),
        ("web-01-data-1", 64),
    ] {
        scenario.disk_mut(disk).bytes = Bytes::full(length << 10, length);
    }
    scenario
}

impl Case {
    pub(crate) fn new(name: &'static str) -> Self {
        Self::of(name, small())
    }

    pub(crate) fn of(name: &'static str, scenario: Scenario) -> Self {
        Self {
            name,
            scenario,
            kept: Kept::Nothing,
        }
    }

    pub(crate) fn with(mut self, fault: Fault) -> Self {
        self.scenario = self.scenario.with_fault(fault);
        self
    }

    pub(crate) const fn keeping(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    /// Captures, checks what is kept, takes the faults away and goes on to the end.
    pub(crate) fn run(self) -> Told {
        let name = self.name;
        let lab = Lab::of(self.scenario);
        let log = MemoryLog::new();
        let worker = Worker::with_log(&lab, &log);
        let failure = match run(worker.plan()) {
            Err(error) => {
                assert_eq!(log.names(), [], "{name}: a plan writes nothing");
                self.kept.holds(name, &lab, None);
                told(name, &error)
            }
            Ok(plan) => {
                let acquisition = plan.log();
                let outcome = run(worker.run(plan));
                self.kept.holds(name, &lab, outcome.as_ref().ok());
                let failure = match &outcome {
                    Err(error) => told(name, error),
                    Ok(outcome) if outcome.state.is_some() => named_in(&worker, &acquisition),
                    Ok(outcome) => stopped(name, outcome),
                };
                lab.simulator.clear_faults();
                lab.simulator.let_everyone(&RoleGrant::everything());
                let again = Worker::with_log(&lab, &log);
                // What was not even begun is done by the same command.
                let ended = if log.names().contains(&acquisition) {
                    run(again.resume(acquisition))
                } else {
                    run(again.capture()).map(|(_, outcome)| outcome)
                };
                ends_well(name, self.kept, &again, ended);
                failure
            }
        };
        assert_eq!(lab.simulator.live_exports(), [""; 0], "{name}: a grant lives");
        assert_eq!(lab.simulator.refused_hosts(), [""; 0], "{name}");
        Told { name, failure }
    }
}

impl Kept {
    fn holds(self, name: &str, lab: &Lab, outcome: Option<&CaptureOutcome>) {
        let there = lab.simulator.snapshots().len();
        let journal = lab.simulator.journal();
        let deletions = journal.iter().filter(|entry| entry.method == "DELETE").count();
        match self {
            Self::Nothing => assert_eq!((there, deletions), (0, 0), "{name}"),
            Self::Snapshots => {
                assert_eq!((there, deletions), (3, 0), "{name}: I2");
                if let Some(outcome) = outcome {
                    assert_eq!(outcome.kept.len(), 3, "{name}: what is kept is named");
                    assert_eq!(outcome.exit_code(), 3, "{name}: {outcome:?}");
                }
            }
            Self::Disowned => {
                assert_eq!((there, deletions), (3, 0), "{name}");
                let named = outcome.map(|outcome| outcome.kept.len());
                assert_eq!(named.unwrap_or(3), 3, "{name}: I5: what is there is named");
            }
            Self::SealedAndNamed => {
                let outcome = outcome.unwrap();
                assert_eq!(outcome.state, Some(ClosingState::Complete), "{name}: {outcome:?}");
                assert_eq!((there, outcome.kept.len()), (3, 3), "{name}");
            }
        }
    }
}

fn ends_well(name: &str, kept: Kept, worker: &Worker, ended: Result<CaptureOutcome>) {
    let outcome = match ended {
        Ok(outcome) => outcome,
        Err(error) => panic!("{name}: {}", all_of(&error)),
    };
    if kept == Kept::Disowned {
        // What the service did not finish is never taken for evidence, and never deleted by us.
        assert_eq!(outcome.exit_code(), 3, "{name}: {outcome:?}");
        kept.holds(name, &worker.lab, Some(&outcome));
        return;
    }
    assert_eq!(outcome.exit_code(), 0, "{name}: {outcome:?}");
    worker.every_disk_is_stored(&outcome);
    worker.is_proven();
    if kept != Kept::SealedAndNamed {
        worker.left_nothing();
    }
}

fn told(name: &str, error: &Error) -> Failure {
    let text = all_of(error);
    assert!(!text.contains("sig=") && !text.contains("eyJ"), "{name}: {text}");
    Failure::from(error)
}

/// What stopped the first item.
fn stopped(name: &str, outcome: &CaptureOutcome) -> Failure {
    let stopped = outcome.items.iter().find_map(|item| item.stopped_by.clone());
    stopped.unwrap_or_else(|| panic!("{name}: nothing stopped it: {outcome:?}"))
}

/// Why the log says that a disk snapshot is kept.
fn named_in(worker: &Worker, log: &LogName) -> Failure {
    let reason = worker.events(log).into_iter().find_map(|event| match event.act {
        Act::DeleteFailed { failure, .. } => Some(failure),
        _ => None,
    });
    reason.unwrap()
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        writeln!(f, "  {}", steady(&self.failure.error))?;
        for cause in &self.failure.causes {
            writeln!(f, "  because: {}", steady(cause))?;
        }
        writeln!(f, "  remedy: {}", self.failure.remedy)
    }
}

/// Without what differs from run to run: instants and random names.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(['/', ' ', '.', '-', '(', ')', '?', ':']) {
        let (stem, end) = word.split_at(word.len() - word.chars().last().map_or(0, char::len_utf8));
        let (stem, end) = if end.chars().all(char::is_alphanumeric) {
            (word, "")
        } else {
            (stem, end)
        };
        let digits = stem.chars().filter(char::is_ascii_digit).count();
        out.push_str(match stem {
            stem if stem.starts_with("\"0x8") => "\"<etag>",
            _ if digits >= 12 => "<instant>",
            stem => stem,
        });
        out.push_str(end);
    }
    out
}
