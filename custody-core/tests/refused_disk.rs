//! One disk that is refused for good, or given up, does not keep the others from being sealed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use custody_core::capture::{Capture, CaptureOutcome, ItemStatus};
use custody_core::custody_log::{Act, ClosingState, SignerSet, Trust};
use custody_core::port::SealSigner as _;
use custody_core::verify::{Finding, Verifier, Weight};
use custody_core::{Error, Ports};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, SerialHasher};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::odd_snapshotter::{Oddity, odd};
use support::*;

fn two_made() -> FakeWorld {
    let disks = vec![
        FakeDisk::patterned("os.img", 3000, 1),
        FakeDisk::patterned("data.img", 1500, 2),
    ];
    FakeWorld::new(FakeMachine::new("bench", disks))
}

fn replaced(ports: Ports) -> Ports {
    odd(ports, Oddity::Replaced("data.img"))
}

/// What a verifier that trusts the world's signers holds against its store.
fn faults(world: &FakeWorld) -> Vec<Finding> {
    let keys = world.signers.iter().map(|signer| signer.verifier_key().clone());
    let trust = Trust::nobody().with(SignerSet::new(keys).unwrap());
    let verifier = Verifier::new(
        Arc::new(world.store.clone()),
        Arc::new(SerialHasher::new()),
        trust,
    );
    let report = block_on(verifier.verify());
    let mut findings: Vec<Finding> = report.all_findings().cloned().collect();
    findings.retain(|finding| finding.weight == Weight::Integrity);
    findings
}

fn expect_the_other_sealed(world: &FakeWorld, outcome: &CaptureOutcome, what: &str) {
    assert_eq!(outcome.state, Some(ClosingState::Failed), "{what}");
    assert_eq!(outcome.items[0].status, ItemStatus::Verified, "{what}");
    assert_eq!(outcome.items[1].status, ItemStatus::Failed, "{what}");
    let there = world.machine.made_snapshots();
    assert_eq!(there, outcome.kept, "{what}: what is there is named as kept");
    assert_rest(world, outcome, what);
}

#[test]
fn i09_a_disk_that_was_replaced_is_final_and_the_others_are_sealed() {
    let world = two_made();
    let outcome = capture(replaced(world.ports())).unwrap();
    expect_the_other_sealed(&world, &outcome, "replaced");
    assert_eq!(outcome.kept.len(), 1, "the snapshot of the wrong disk is named");
    assert_eq!(outcome.exit_code(), 4);
    assert_eq!(faults(&world), []);
}

#[test]
fn i04_a_replaced_disk_is_settled_from_a_stop_at_any_call() {
    let clean = two_made();
    capture(replaced(clean.ports())).unwrap();
    let calls = clean.gate.call_names().len() as u64;
    for at in 1..=calls {
        let world = two_made().with_crash(at, CrashMode::DieAfter);
        drop(capture(replaced(world.ports())));
        world.restart();
        let Some(log) = logs(&world).pop() else { continue };
        let capture = Capture::new(replaced(world.ports()));
        let outcome = block_on(capture.resume(log, circumstances(), 1));
        match outcome {
            Ok(outcome) => expect_the_other_sealed(&world, &outcome, &format!("stop at call {at}")),
            // A journal without a whole line tells that nothing was done.
            Err(error) => assert!(world.machine.made_snapshots().is_empty(), "{at}: {error}"),
        }
    }
}

#[test]
fn a_disk_that_is_gone_is_given_up_by_order_and_the_others_are_sealed() {
    let world = two_made();
    world.machine.refuse_take(&"data.img".parse().unwrap(), "gone");
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, None, "whether it comes back is not ours to say");
    let [log] = logs(&world).try_into().unwrap();
    let give_up = |item: &str, reason: &str| {
        let (item, reason) = (item.parse().unwrap(), reason.parse().unwrap());
        let capture = Capture::new(world.ports());
        block_on(capture.give_up(log.clone(), circumstances(), &item, &reason))
    };
    let error = give_up("item-1", "a slip").unwrap_err();
    assert!(error.to_string().contains("verified evidence"), "{error}");
    let error = give_up("item-9", "a slip").unwrap_err();
    assert!(matches!(error.meaning(), Error::NotFound { .. }), "{error}");
    let outcome = give_up("item-2", "the disk was deleted").unwrap();
    assert_eq!(outcome.state, None);
    let again = give_up("item-2", "again").unwrap();
    assert_eq!(again.state, None, "calling again settles what a stop left");
    let outcome = resume(&world).unwrap();
    expect_the_other_sealed(&world, &outcome, "given up");
    assert_eq!(outcome.exit_code(), 3);
    let ordered = |event: &&custody_core::custody_log::Event| matches!(&event.act, Act::ItemFailed { order: Some(order), .. } if order == "the disk was deleted");
    assert_eq!(events(&world).iter().filter(ordered).count(), 1);
    assert_eq!(faults(&world), []);
}
