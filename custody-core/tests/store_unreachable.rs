//! A store that does not answer, or may not take the evidence, when a capture begins: the evidence is preserved at its
//! source, and the capture goes on later, as strong as any other.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;
mod verify_support;

use custody_core::Error;
use custody_core::capture::{AcquisitionStatus, Blocks, Capture, Reach, StoreAsked};
use custody_core::custody_log::ClosingState;
use custody_core::digest::Sha256Digest;
use custody_core::ids::ObjectName;
use custody_testkit::fake::{FakeWorld, MemoryStore};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use serde_json::Value;
use support::*;
use verify_support::{Objects, assert_proven, text, trust, verify};

fn cut_off(world: FakeWorld) -> FakeWorld {
    world.way_to_store.die();
    world
}

/// A capture that preserved the evidence only, and then went on to its end.
fn bound_late() -> FakeWorld {
    let world = cut_off(two_disks());
    capture(world.ports()).unwrap_err();
    world.way_to_store.restart();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    world
}

#[test]
fn the_plan_says_what_could_not_be_asked_and_the_snapshots_are_taken_all_the_same() {
    for reach in [Reach::SnapshotsOnly, Reach::ToTheEnd] {
        let world = cut_off(two_disks());
        let capture = Capture::new(world.ports());
        let plan = block_on(capture.plan(request())).unwrap();
        assert_eq!(plan.protection, None);
        let reasons: Vec<&str> = (plan.refusals.iter())
            .map(|refusal| {
                assert_eq!(refusal.blocks, Blocks::WhatFollows);
                refusal.reason.as_str()
            })
            .collect();
        assert!(
            reasons[0].contains("what protects the store could not be found out"),
            "{reasons:?}"
        );
        assert!(
            reasons[1].contains("is free could not be found out"),
            "{reasons:?}"
        );
        assert!(
            reasons[1].contains("a test ended this process"),
            "the cause is named: {reasons:?}"
        );

        let error = block_on(capture.run(plan, reach)).unwrap_err();
        assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
        assert_eq!(
            world.machine.made_snapshots().len(),
            1,
            "the other disk is read in place"
        );
        assert_eq!(world.store.names(), [], "nothing went to the store");
        let [log] = logs(&world).try_into().unwrap();
        let status = block_on(AcquisitionStatus::of_journal(&world.log, &log))
            .unwrap()
            .0;
        assert_eq!((status.store, status.origin), (None, None));
        assert_eq!(status.outcome.kept, world.machine.made_snapshots());
    }
}

#[test]
fn i04_a_store_that_is_asked_after_the_snapshots_keeps_no_evidence_waiting() {
    let later = || request().with_store_asked(StoreAsked::AfterSnapshots);
    // One that does not answer: the plan does not know, and the evidence is preserved.
    let world = cut_off(two_disks());
    let capture = Capture::new(world.ports());
    let plan = block_on(capture.plan(later())).unwrap();
    assert_eq!((plan.protection.clone(), plan.refusals.len()), (None, 0));
    let error = block_on(capture.run(plan, Reach::SnapshotsOnly)).unwrap_err();
    assert!(error.to_string().contains("sink.protection"), "{error}");
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert_eq!(world.store.names(), []);
    world.way_to_store.restart();
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));

    // One that answers is bound once the disk snapshots are there, however far the capture goes.
    for reach in [Reach::SnapshotsOnly, Reach::ToTheEnd] {
        let world = two_disks();
        let capture = Capture::new(world.ports());
        let plan = block_on(capture.plan(later())).unwrap();
        let outcome = block_on(capture.run(plan, reach)).unwrap();
        assert_eq!(outcome.state.is_some(), reach == Reach::ToTheEnd, "{outcome:?}");
        let kinds = kinds(&events(&world));
        let at = |kind: &str| kinds.iter().position(|known| known == kind).unwrap();
        assert!(at("snapshot.done") < at("acquisition.bound"), "{kinds:?}");
        let before = &kinds[..at("acquisition.bound")];
        assert!(!before.iter().any(|kind| kind == "anomaly"), "{kinds:?}");
        if reach == Reach::SnapshotsOnly {
            assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
        }
        let objects = Objects::of(&world.store);
        assert_proven(&verify(&objects, trust(&world.signers)));
    }
}

#[test]
fn a_capture_that_was_bound_late_is_proven_like_any_other() {
    let world = bound_late();
    let events = events(&world);
    let kinds = kinds(&events);
    let at = |kind: &str| kinds.iter().position(|known| known == kind).unwrap();
    assert!(at("snapshot.done") < at("acquisition.bound") && at("acquisition.bound") < at("grant.intent"));
    let opening = serde_json::to_value(&events[0].act).unwrap();
    for member in ["store", "origin", "protection"] {
        assert_eq!(opening["what"].get(member), None, "{member}");
    }
    let objects = Objects::of(&world.store);
    assert_proven(&verify(&objects, trust(&world.signers)));
    let manifest: Value = serde_json::from_slice(objects.bytes(&objects.named("/manifest.json"))).unwrap();
    let bound = serde_json::to_value(&events[at("acquisition.bound")].act).unwrap();
    assert_eq!(manifest["store"], bound["what"]["store"]);
    assert_eq!(manifest["protection"]["before"], bound["what"]["protection"]);
}

#[test]
fn i03_nothing_is_exposed_or_deleted_before_the_whole_log_lies_at_the_anchor() {
    let world = cut_off(two_disks());
    capture(world.ports()).unwrap_err();
    // As long as the store does not answer, going on takes no step but preserving.
    let error = resume(&world).unwrap_err();
    assert!(error.to_string().contains("failed"), "{error}");
    let before = events(&world);
    for kind in [
        "grant.intent",
        "acquire.intent",
        "delete.intent",
        "acquisition.bound",
    ] {
        assert!(!kinds(&before).contains(&kind.to_owned()), "{kind}");
    }
    world.way_to_store.restart();
    let calls = world.calls();
    resume(&world).unwrap();
    let names = &world.gate.call_names()[usize::try_from(calls).unwrap()..];
    let at = |part: &str| names.iter().position(|name| name.contains(part)).unwrap();
    assert!(at("put_checkpoint") < at("grant"), "{names:?}");
    assert_eq!(anchored_events(&world)[..before.len()], before[..]);
}

#[test]
fn i04_a_capture_whose_store_did_not_answer_survives_a_fault_at_every_call() {
    let clean = cut_off(two_disks());
    capture(clean.ports()).unwrap_err();
    let preserving = clean.calls();
    clean.way_to_store.restart();
    resume(&clean).unwrap();
    for at in 1..=clean.calls() {
        for mode in CrashMode::ALL {
            let what = format!("call {at} of {preserving} and more, {mode:?}");
            let world = cut_off(two_disks()).with_crash(at, mode);
            drop(capture(world.ports()));
            if at <= preserving {
                world.restart();
            }
            world.way_to_store.restart();
            if logs(&world).is_empty() {
                assert_eq!(
                    world.machine.snapshots(),
                    [],
                    "{what}: made, and no log knows of it"
                );
                continue;
            }
            drop(resume(&world));
            world.restart();
            let outcome = (0..3).find_map(|_| resume(&world).ok().filter(|outcome| outcome.state.is_some()));
            let outcome = outcome.unwrap_or_else(|| panic!("{what}: never closed"));
            assert_eq!(
                outcome.state,
                Some(ClosingState::Complete),
                "{what}: {outcome:#?}"
            );
            assert_rest(&world, &outcome, &what);
            let bound = kinds(&events(&world))
                .iter()
                .filter(|kind| *kind == "acquisition.bound")
                .count();
            assert_eq!(bound, 1, "{what}");
            assert_proven(&verify(&Objects::of(&world.store), trust(&world.signers)));
        }
    }
}

#[test]
fn i04_a_store_that_goes_away_and_comes_back_at_any_call_is_waited_for() {
    let clean = two_disks();
    capture(clean.ports()).unwrap();
    for at in 1..=clean.calls() {
        // The process dies, and when it comes back the store does not answer for a while.
        let world = two_disks().with_crash(at, CrashMode::DieAfter);
        drop(capture(world.ports()));
        world.restart();
        if logs(&world).is_empty() {
            continue;
        }
        world.way_to_store.die();
        drop(resume(&world));
        let done = kinds(&events(&world))
            .iter()
            .filter(|kind| *kind == "snapshot.done")
            .count();
        assert_eq!(done, 2, "call {at}: the evidence is preserved first");
        world.way_to_store.restart();
        let outcome = resume(&world).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Complete), "call {at}");
        assert_rest(&world, &outcome, &format!("call {at}"));
    }
}

#[test]
fn i05_a_capture_of_which_no_store_knows_can_be_given_up_and_keeps_its_snapshots() {
    let world = cut_off(two_disks());
    capture(world.ports()).unwrap_err();
    let made = world.machine.made_snapshots();
    // An order to delete must lie in a store first.
    let error = abandon(&world, &made).unwrap_err();
    assert!(error.to_string().contains("without discarding"), "{error}");
    assert!(!kinds(&events(&world)).contains(&"acquisition.abandoned".to_owned()));

    let outcome = abandon(&world, &[]).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Abandoned), 0)
    );
    assert_eq!(
        (&outcome.kept, world.machine.made_snapshots()),
        (&made, made.clone())
    );
    assert!(kinds(&events(&world)).contains(&"snapshot.kept".to_owned()));
    // It is over: going on, with a store or without, changes nothing.
    world.way_to_store.restart();
    let lines = events(&world).len();
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Abandoned));
    assert_eq!((events(&world).len(), world.store.names()), (lines, Vec::new()));
}

#[test]
fn i05_giving_up_binds_first_where_a_store_answers_and_then_deletes_what_is_ordered() {
    let world = cut_off(two_disks());
    capture(world.ports()).unwrap_err();
    world.way_to_store.restart();
    let outcome = abandon(&world, &world.machine.made_snapshots()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Abandoned));
    assert_eq!(world.machine.made_snapshots(), []);
    assert_rest(&world, &outcome, "bound, then given up");
    assert_proven_but_for_evidence(&world);
}

/// Whatever is in the store is consistent; that there is no evidence in it is all that is said.
fn assert_proven_but_for_evidence(world: &FakeWorld) {
    let report = verify(&Objects::of(&world.store), trust(&world.signers));
    assert!(report.outcome.exit_code() <= 1, "{}", text(&report));
}

#[test]
fn i05_giving_up_ends_grants_although_the_store_does_not_answer() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let granted = clean
        .gate
        .call_names()
        .iter()
        .position(|name| name.contains("grant"))
        .unwrap();
    let world = one_disk().with_crash(u64::try_from(granted).unwrap() + 1, CrashMode::DieAfter);
    drop(capture(world.ports()));
    world.restart();
    assert_eq!(world.machine.live_grants().len(), 1);
    world.way_to_store.die();
    abandon(&world, &[]).unwrap_err();
    assert_eq!(
        world.machine.live_grants().len(),
        0,
        "the store is not needed for it"
    );
    world.way_to_store.restart();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Abandoned));
    assert_rest(&world, &outcome, "given up while the store did not answer");
}

#[test]
fn an_acquisition_goes_on_in_no_other_store_than_the_one_it_is_bound_to() {
    let mut world = two_disks();
    let capture = Capture::new(world.ports());
    block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    let first = std::mem::replace(&mut world.store, MemoryStore::new());
    let error = resume(&world).unwrap_err();
    assert!(
        error.to_string().contains("name the store it began with"),
        "{error}"
    );
    assert_eq!(world.store.names(), [], "nothing was put there");
    world.store = first;
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
}

#[test]
fn what_lies_in_the_folder_of_an_acquisition_that_no_store_knows_is_not_added_to() {
    let world = cut_off(two_disks());
    capture(world.ports()).unwrap_err();
    world.way_to_store.restart();
    let theirs = folder(&world).join(&"something".parse().unwrap());
    world.store.put_foreign(&theirs, b"theirs".to_vec());
    let error = resume(&world).unwrap_err();
    assert!(matches!(error.meaning(), Error::AlreadyExists { .. }), "{error}");
    assert_eq!(world.store.names(), [theirs]);
}

/// The log of a store, altered line by line and chained anew, as its signer could.
fn altered(objects: &Objects, alter: impl Fn(&mut Vec<Value>)) -> Objects {
    let name: ObjectName = objects.named("/log.jsonl");
    let mut lines: Vec<Value> = (objects.lines(&name).iter())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    alter(&mut lines);
    let mut prev = "0".repeat(64);
    let mut bytes = Vec::new();
    for (seq, line) in lines.iter_mut().enumerate() {
        line["seq"] = seq.into();
        line["prev"] = prev.into();
        // Objects of serde_json are sorted: for these lines that is their canonical form.
        let text = line.to_string();
        prev = Sha256Digest::of(text.as_bytes()).to_string();
        bytes.extend(text.into_bytes());
        bytes.push(b'\n');
    }
    objects.with(&name, bytes)
}

fn line_of(lines: &[Value], kind: &str) -> usize {
    lines.iter().position(|line| line["type"] == kind).unwrap()
}

#[test]
fn i13_a_binding_that_is_missing_doubled_late_or_to_another_store_is_named() {
    let world = bound_late();
    let objects = Objects::of(&world.store);
    let told = |alter: &dyn Fn(&mut Vec<Value>), expected: &str| {
        let report = verify(&altered(&objects, alter), trust(&world.signers));
        assert_eq!(report.outcome.exit_code(), 4, "{}", text(&report));
        assert!(text(&report).contains(expected), "{expected}: {}", text(&report));
    };
    told(
        &|lines| drop(lines.remove(line_of(lines, "acquisition.bound"))),
        "a line that binds the acquisition",
    );
    told(
        &|lines| {
            let bound = lines[line_of(lines, "acquisition.bound")].clone();
            lines.insert(line_of(lines, "seal.intent"), bound);
        },
        "no other store than that of line",
    );
    told(
        &|lines| {
            let bound = lines.remove(line_of(lines, "acquisition.bound"));
            lines.insert(line_of(lines, "acquire.intent"), bound);
        },
        "no line that needs a store before",
    );
    told(
        &|lines| {
            let at = line_of(lines, "acquisition.bound");
            lines[at]["what"]["store"] = "0".repeat(32).into();
        },
        ": store: expected",
    );
    told(
        &|lines| {
            let at = line_of(lines, "acquisition.bound");
            lines[at]["what"]["origin"] = "custody/elsewhere".into();
        },
        "the origin custody/",
    );
    told(
        &|lines| {
            let store = lines[line_of(lines, "acquisition.bound")]["what"]["store"].clone();
            lines[0]["what"]["store"] = store;
        },
        "a store with its origin and protection, or none",
    );
}

#[test]
fn i13_an_acquisition_that_was_put_into_another_store_is_found_out() {
    let (here, there) = (bound_late(), two_disks());
    capture_as(there.ports(), request()).unwrap();
    let mut objects = Objects::of(&there.store);
    let moved = folder(&here);
    let mine = folder(&there);
    objects
        .0
        .retain(|name, _| !name.as_str().starts_with(mine.as_str()));
    for (name, bytes) in Objects::of(&here.store).0 {
        if name.as_str().starts_with(moved.as_str()) {
            objects.0.insert(name, bytes);
        }
    }
    let report = verify(&objects, trust(&here.signers));
    assert_eq!(report.outcome.exit_code(), 4, "{}", text(&report));
}
