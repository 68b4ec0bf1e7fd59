//! A capture that was stopped anywhere is never accused of tampering, and is proven once it was resumed.
#![expect(clippy::panic, reason = "tests")]

mod support;
mod verify_support;

use custody_core::Error;
use custody_core::verify::{Outcome, Report};
use custody_testkit::fake::FakeWorld;
use custody_testkit::fault::CrashMode;
use support::{logs, one_disk};
use verify_support::{Objects, assert_proven, text, trust, verify, weighty};

fn report(world: &FakeWorld) -> Report {
    verify(&Objects::of(&world.store), trust(&world.signers))
}

/// Between its closing line and its entry in the register, a capture looks like one whose entry was cut off. That is
/// said, and said with what to do.
fn waits_for_its_entry(report: &Report) -> bool {
    weighty(report)
        .into_iter()
        .filter(|finding| finding.weight.outcome() == Outcome::IntegrityFailure)
        .all(|finding| finding.next.contains("`custody resume`"))
}

fn sweep(make: impl Fn() -> FakeWorld) {
    let clean = make();
    support::capture(clean.ports()).unwrap_or_else(|error| panic!("{error}"));
    assert_proven(&report(&clean));
    for at in 1..=clean.calls() {
        for mode in CrashMode::ALL {
            let what = format!("call {at}, {mode:?}");
            let world = make().with_crash(at, mode);
            drop(support::capture(world.ports()));
            world.restart();
            let stopped = report(&world);
            match stopped.outcome {
                // Nothing was lost but the reply to the last call of all.
                Outcome::Proven => {
                    let closed = stopped
                        .acquisitions
                        .iter()
                        .all(|acquisition| acquisition.state.is_some());
                    assert!(closed, "{what}: {}", text(&stopped));
                }
                Outcome::NotProven | Outcome::CouldNotCheck => {}
                Outcome::IntegrityFailure => {
                    assert!(waits_for_its_entry(&stopped), "{what}: {}", text(&stopped));
                }
            }
            if logs(&world).is_empty() {
                continue;
            }
            for _ in 0..4 {
                if support::resume(&world).is_ok_and(|outcome| outcome.state.is_some()) {
                    break;
                }
            }
            let resumed = report(&world);
            assert_eq!(resumed.outcome, Outcome::Proven, "{what}: {}", text(&resumed));
        }
    }
}

#[test]
fn a_capture_by_stream_that_was_stopped_anywhere_is_proven_once_resumed() {
    sweep(one_disk);
}

#[test]
fn a_capture_by_import_that_was_stopped_anywhere_is_proven_once_resumed() {
    sweep(|| one_disk().with_import());
}

#[test]
fn a_capture_with_every_optional_part_is_proven_once_resumed() {
    sweep(|| {
        one_disk()
            .with_second_signer()
            .with_timestamps()
            .with_digest_register()
    });
}

#[test]
fn a_capture_that_records_the_machine_is_proven_once_resumed() {
    sweep(|| one_disk().with_machine_records());
}

#[test]
fn a_capture_that_was_stopped_anywhere_and_given_up_is_never_accused() {
    never_accused(one_disk);
}

#[test]
fn a_capture_that_records_the_machine_and_was_given_up_is_never_accused() {
    never_accused(|| one_disk().with_machine_records());
}

fn never_accused(make: impl Fn() -> FakeWorld) {
    let clean = make();
    support::capture(clean.ports()).unwrap_or_else(|error| panic!("{error}"));
    for at in 1..=clean.calls() {
        for mode in CrashMode::ALL {
            let what = format!("call {at}, {mode:?}");
            let world = make().with_crash(at, mode);
            drop(support::capture(world.ports()));
            world.restart();
            let Some(outcome) = (!logs(&world).is_empty()).then(|| support::abandon(&world, &[])) else {
                continue;
            };
            match outcome {
                Ok(_) => {}
                // Sealed already: it is to be closed, not given up.
                Err(Error::Refused { .. }) => continue,
                Err(error) => panic!("{what}: {error}"),
            }
            let given_up = report(&world);
            // A store of nothing but given-up beginnings proves no evidence, and says so.
            let accused = weighty(&given_up)
                .iter()
                .any(|finding| finding.place != "whole store");
            assert!(!accused, "{what}: {}", text(&given_up));
        }
    }
}
