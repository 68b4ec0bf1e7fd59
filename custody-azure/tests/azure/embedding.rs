//! The example for programs that embed a capture, run against the simulated cloud.

#[path = "../../examples/capture_machine.rs"]
#[expect(dead_code, reason = "its own main is not called here")]
mod example;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::support::lab::Lab;
use crate::support::run;
use custody_core::capture::CaptureOutcome;
use custody_core::port::{Progress, ProgressObserver, ProgressPhase, StopSwitch};
use custody_testkit::azure_sim::{Fault, FaultAction, Scenario, Timing};
use custody_testkit::fake::RecordingProgress;

fn captured(lab: &Lab, progress: Arc<dyn ProgressObserver>, stop: &StopSwitch) -> CaptureOutcome {
    let options = lab.options();
    let worker = lab.worker_ports();
    let stop = Arc::new(stop.clone());
    run(example::capture(
        &options,
        &lab.credential,
        worker,
        lab.machine(),
        progress,
        stop,
    ))
    .unwrap()
}

#[test]
fn a_program_is_told_of_the_digest_the_services_copy_and_the_read_back_of_each_disk() {
    let mut timing = Timing::default();
    timing.copy_polls = 3;
    let lab = Lab::of(Scenario::lab().with_timing(timing));
    let progress = RecordingProgress::new();
    let outcome = captured(&lab, Arc::new(progress.clone()), &StopSwitch::default());
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let reports = progress.reports();
    let ended = |one: &&Progress| one.done == one.total;
    let ends: BTreeSet<(&str, String)> = reports
        .iter()
        .filter(ended)
        .map(|one| (one.phase.as_str(), one.item.to_string()))
        .collect();
    for phase in ["acquire", "copy", "read back"] {
        let items = ends.iter().filter(|(of, _)| *of == phase).count();
        assert_eq!(items, 3, "{phase}: {ends:?}");
    }
    assert!(reports.iter().all(|one| one.done <= one.total));
}

#[test]
fn the_services_copy_is_told_while_the_source_is_still_read() {
    let late = Fault::on("GET", "*/abcd", FaultAction::Delay(100)).at_host("md-*");
    let mut timing = Timing::default();
    timing.copy_polls = 6;
    let lab = Lab::of(Scenario::lab().with_timing(timing).with_fault(late));
    let progress = RecordingProgress::new();
    captured(&lab, Arc::new(progress.clone()), &StopSwitch::default());
    let reports = progress.reports();
    let of = |phase| reports.iter().position(|one| one.phase == phase);
    let copy = of(ProgressPhase::Copy).unwrap();
    assert!(reports[copy].done < reports[copy].total, "{:?}", reports[copy]);
    assert!(
        copy < of(ProgressPhase::Acquire).unwrap(),
        "the copy was not looked at meanwhile"
    );
}

/// Throws the switch as soon as a byte was read.
#[derive(Debug)]
struct StopsAtOnce(StopSwitch);

impl fmt::Display for StopsAtOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stops at once")
    }
}

impl ProgressObserver for StopsAtOnce {
    fn progress(&self, _: &Progress) {
        self.0.stop();
    }

    fn step(&self, _: &str) {}
}

#[test]
fn a_program_that_stops_a_capture_leaves_no_grant_and_keeps_the_snapshots() {
    let lab = Lab::new();
    let stop = StopSwitch::default();
    let outcome = captured(&lab, Arc::new(StopsAtOnce(stop.clone())), &stop);
    assert_eq!(outcome.exit_code(), 3, "{outcome:?}");
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
    assert_eq!(lab.simulator.snapshots().len(), 3);
}
