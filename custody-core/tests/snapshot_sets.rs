//! Disk snapshots that can only be deleted together: what must hold of one holds of all of them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use custody_core::Error;
use custody_core::capture::{Blocks, Capture, CaptureOutcome, Reach};
use custody_core::custody_log::{Act, ClosingState};
use custody_core::extent::{ByteRange, ReadFault};
use custody_core::ids::SnapshotName;
use custody_core::port::DiskEncryption;
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::corrupting::CorruptingSink;
use support::*;

/// Why each kept snapshot is kept, by item.
fn reasons(world: &FakeWorld) -> Vec<(String, String)> {
    let reason = |act: Act| match act {
        Act::SnapshotKept { item, reason, .. } => Some((item.to_string(), reason)),
        _ => None,
    };
    events(world)
        .into_iter()
        .filter_map(|event| reason(event.act))
        .collect()
}

/// That the whole set is kept: in the world, in the outcome, in the log, each with its reason.
fn assert_all_kept(world: &FakeWorld, outcome: &CaptureOutcome, why: &str) {
    assert_eq!(world.machine.made_snapshots().len(), 2, "{outcome:?}");
    assert_eq!(outcome.kept.len(), 2, "{outcome:?}");
    let mut reasons = reasons(world);
    reasons.sort();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    let own = |(_, reason): &&(String, String)| reason.starts_with(why);
    let with = |(_, reason): &&(String, String)| {
        reason.starts_with("it can only be deleted together with disk snapshot ") && reason.contains(why)
    };
    assert_eq!(reasons.iter().filter(own).count(), 1, "{reasons:?}");
    assert_eq!(reasons.iter().filter(with).count(), 1, "{reasons:?}");
    assert!(!kinds(&events(world)).contains(&"delete.intent".to_owned()));
    assert_rest(world, outcome, why);
}

#[test]
fn i01_one_member_that_did_not_match_keeps_the_whole_set() {
    let world = a_set();
    let mut ports = world.ports();
    ports.sink = Arc::new(CorruptingSink {
        store: world.store.clone(),
        suffix: ".raw",
        at: 77,
        times: Arc::new(AtomicU32::new(9)),
    });
    let outcome = capture(ports).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Failed));
    assert_all_kept(&world, &outcome, "no stored copy of it was verified");
}

#[test]
fn i01_one_member_with_unread_sectors_keeps_the_whole_set() {
    let worn = FakeDisk::patterned("worn.img", 8192, 3)
        .with_unread(ByteRange::at(1024, 512), ReadFault::new("EIO", 3));
    let disks = vec![FakeDisk::patterned("os.img", 3000, 1), worn];
    let world = FakeWorld::new(FakeMachine::new("bench", disks).taking_sets());
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Incomplete));
    assert_all_kept(&world, &outcome, "sectors of it could not be read");
}

#[test]
fn i01_one_member_whose_key_was_not_taken_keeps_the_whole_set() {
    let encrypted = DiskEncryption::Encrypted {
        statement: "sealed".into(),
    };
    let locked = FakeDisk::patterned("locked.img", 4096, 3).with_encryption(encrypted);
    let disks = vec![locked, FakeDisk::patterned("os.img", 3000, 1)];
    let world = FakeWorld::new(FakeMachine::new("bench", disks).taking_sets());
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Incomplete));
    assert_all_kept(&world, &outcome, "the key that its copy needs was not taken");
}

#[test]
fn i03_every_member_is_intended_at_the_anchor_before_the_one_call_that_deletes_them() {
    let clean = a_set();
    let outcome = capture(clean.ports()).unwrap();
    assert!(outcome.kept.is_empty());
    assert_eq!(clean.machine.made_snapshots(), []);
    let names = clean.gate.call_names();
    let deletes: Vec<usize> = (names.iter().enumerate())
        .filter(|(_, name)| name.contains("snapshotter.delete"))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(deletes.len(), 1, "{names:?}");
    let world = a_set().with_crash(u64::try_from(deletes[0]).unwrap() + 1, CrashMode::DieBefore);
    drop(capture(world.ports()));
    world.restart();
    let anchored = kinds(&anchored_events(&world));
    assert_eq!(anchored[anchored.len() - 2..], ["delete.intent", "delete.intent"]);
    let grounds = |event: custody_core::custody_log::Event| match event.act {
        Act::DeleteIntent { item, warrant, .. } => Some((item.to_string(), warrant)),
        _ => None,
    };
    for (item, warrant) in events(&world).into_iter().filter_map(grounds) {
        assert!(warrant.starts_with(&format!("{item} attempt 1 ")), "{warrant}");
    }
}

/// Two snapshots that go together, and nothing stored of them.
fn preserved(world: &FakeWorld) -> Vec<SnapshotName> {
    let capture = Capture::new(world.ports());
    block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    let made = world.machine.made_snapshots();
    assert_eq!(made.len(), 2);
    made
}

#[test]
fn i05_a_part_of_a_set_cannot_be_ordered_away() {
    let world = a_set();
    let made = preserved(&world);
    let lines = events(&world).len();
    let refused = abandon(&world, &made[..1]).unwrap_err();
    assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains(&format!("it can only be deleted together with {}", made[1]))
            && text.contains("or none"),
        "{text}"
    );
    assert_eq!(world.machine.made_snapshots(), made);
    // Refused before anything was done: it can still be resumed, or abandoned by another order.
    assert!(!kinds(&events(&world)).contains(&"acquisition.abandoned".to_owned()));
    assert!(events(&world).len() <= lines + 1);
    let outcome = abandon(&world, &made).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Abandoned));
    assert_eq!(world.machine.made_snapshots(), []);
    assert_rest(&world, &outcome, "all ordered away");
}

#[test]
fn i05_a_part_of_a_set_that_the_log_does_not_know_of_counts_too() {
    let world = a_set();
    // The answer of the one call that takes both is lost.
    let clean = a_set();
    preserved(&clean);
    let take = clean
        .gate
        .call_names()
        .iter()
        .position(|name| name.contains("take"))
        .unwrap();
    let world_calls = u64::try_from(take).unwrap() + 1;
    world.crash_at(world_calls, CrashMode::LoseReply);
    let capture = Capture::new(world.ports());
    let ran = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    });
    drop(ran);
    world.restart();
    let made = world.machine.made_snapshots();
    assert_eq!(made.len(), 2);
    let refused = abandon(&world, &made[1..]).unwrap_err();
    assert!(refused.to_string().contains("together with"), "{refused}");
    assert_eq!(world.machine.made_snapshots(), made);
}

#[test]
fn i05_abandoning_keeps_a_set_and_names_each_member() {
    let world = a_set();
    let made = preserved(&world);
    let outcome = abandon(&world, &[]).unwrap();
    let kept: BTreeSet<_> = outcome.kept.iter().collect();
    assert_eq!(kept, made.iter().collect());
    let reasons = reasons(&world);
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .all(|(_, reason)| reason == "the acquisition was abandoned")
    );
    assert_rest(&world, &outcome, "abandoned");
}

#[test]
fn i05_ordering_a_set_away_survives_a_fault_at_every_call() {
    let clean = a_set();
    let made = preserved(&clean);
    let before = clean.calls();
    abandon(&clean, &made).unwrap();
    for at in before + 1..=clean.calls() {
        for mode in CrashMode::ALL {
            let what = format!("call {at}, {mode:?}");
            let world = a_set();
            let made = preserved(&world);
            world.crash_at(at, mode);
            drop(abandon(&world, &made));
            world.restart();
            let ordered = kinds(&events(&world)).contains(&"acquisition.abandoned".to_owned());
            let outcome = if ordered {
                resume(&world).unwrap()
            } else {
                abandon(&world, &made).unwrap()
            };
            assert_eq!(outcome.state, Some(ClosingState::Abandoned), "{what}");
            // All of them, or none of them.
            let left = world.machine.made_snapshots().len();
            assert!(left == 0 || left == 2, "{what}: {left} are left");
            assert_rest(&world, &outcome, &what);
        }
    }
}

#[test]
fn what_stands_against_taking_the_disks_as_asked_blocks_the_snapshot() {
    let world = one_disk();
    world
        .machine
        .put_obstacle("they cannot be taken at one instant: take them one by one");
    let capture = Capture::new(world.ports());
    let plan = block_on(capture.plan(request())).unwrap();
    assert_eq!(plan.refusals.len(), 1, "{:?}", plan.refusals);
    assert_eq!(plan.refusals[0].blocks, Blocks::TheSnapshot);
    let refused = block_on(capture.run(plan, Reach::ToTheEnd)).unwrap_err();
    assert!(refused.to_string().contains("take them one by one"), "{refused}");
    assert!(world.machine.snapshots().is_empty());
    assert!(logs(&world).is_empty(), "a log was begun");
}
