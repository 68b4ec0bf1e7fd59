//! Every changing call of a capture fails in every way, and the capture is resumed (I4).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use custody_core::custody_log::ClosingState;
use custody_testkit::fake::FakeWorld;
use custody_testkit::fault::CrashMode;
use support::*;

/// More resumes than any single fault can need.
const MAX_RESUMES: usize = 4;

fn sweep(what: &str, make: impl Fn() -> FakeWorld) -> u64 {
    let world = make();
    capture(world.ports()).unwrap();
    let calls = world.calls();
    assert!(calls > 20, "{what}: only {calls} changing calls");
    for at in 1..=calls {
        for mode in CrashMode::ALL {
            let what = format!("{what}: call {at}, {mode:?}");
            let world = make().with_crash(at, mode);
            let first = capture(world.ports());
            world.restart();
            finish(&world, first.ok(), &what);
        }
    }
    calls
}

/// Resumes until the capture is closed, and checks what must hold then.
fn finish(world: &FakeWorld, first: Option<custody_core::capture::CaptureOutcome>, what: &str) {
    if logs(world).is_empty() {
        assert!(
            world.machine.snapshots().is_empty(),
            "{what}: something was made and no log knows of it"
        );
        let outcome = capture(world.ports()).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Complete), "{what}");
        return assert_rest(world, &outcome, what);
    }
    let mut outcome = first;
    for _ in 0..MAX_RESUMES {
        // Resuming what is closed must do no harm, and completes what was lost between the closing line and the
        // register.
        outcome = Some(resume(world).unwrap_or_else(|error| panic!("{what}: {error}: {:?}", error.causes())));
        if outcome.as_ref().is_some_and(|outcome| outcome.state.is_some()) {
            break;
        }
    }
    let outcome = outcome.unwrap();
    // A lost reply may cost an attempt; it may never cost the evidence.
    assert_eq!(
        outcome.state,
        Some(ClosingState::Complete),
        "{what}: {outcome:#?}"
    );
    assert_rest(world, &outcome, what);
    assert_records(world, &outcome, what);
    let report = verify(world);
    assert!(report.is_empty(), "{what}: {report:?}");
}

/// What is known of the machine is stored, each answer once as the log meant it, or named as not acquired.
fn assert_records(world: &FakeWorld, outcome: &custody_core::capture::CaptureOutcome, what: &str) {
    if world.ports().machine_records.is_none() {
        return;
    }
    let sealed: Vec<&str> = (outcome.sealed.iter())
        .filter_map(|object| object.file.as_str().strip_prefix("machine-record."))
        .collect();
    let missing: Vec<&str> = (outcome.not_acquired.iter())
        .filter_map(|left_out| left_out.what.strip_prefix("machine record "))
        .map(|words| words.split_once(':').unwrap().0)
        .collect();
    // The answer that is throttled at first, and meets the fault when it is asked for again, is named.
    let late = "activity-log-1.json";
    let (mut due, mut due_missing) = (
        vec!["network-interface-1.json", "virtual-machine.json"],
        vec!["console.log", "role-assignments.json"],
    );
    if sealed.contains(&late) {
        &mut due
    } else {
        &mut due_missing
    }
    .insert(0, late);
    assert_eq!((sealed, missing), (due, due_missing), "{what}");
}

/// What speaks against the stored items: each must be there byte for byte.
fn verify(world: &FakeWorld) -> Vec<String> {
    let manifest = world.store.bytes(&object(world, "manifest.json")).unwrap();
    let manifest: custody_core::manifest::Manifest = serde_json::from_slice(&manifest).unwrap();
    let mut faults = Vec::new();
    for sealed in manifest.objects() {
        let stored = world
            .store
            .bytes(&folder(world).join(&sealed.file))
            .unwrap_or_default();
        if custody_core::digest::Sha256Digest::of(&stored) != sealed.sha256 {
            faults.push(sealed.file.to_string());
        }
    }
    for item in &manifest.items {
        let stored = world
            .store
            .bytes(&folder(world).join(&item.file))
            .unwrap_or_default();
        if stored != world.machine.disk_bytes(&item.planned.disk).unwrap() {
            faults.push(item.file.to_string());
        }
    }
    faults
}

#[test]
fn i04_a_capture_by_stream_survives_a_fault_at_every_call() {
    sweep("deposit", two_disks);
}

#[test]
fn i04_a_capture_by_import_survives_a_fault_at_every_call() {
    sweep("import", || one_disk().with_import());
}

#[test]
fn i04_a_capture_with_every_optional_part_survives_a_fault_at_every_call() {
    sweep("everything", || {
        one_disk()
            .with_second_signer()
            .with_timestamps()
            .with_digest_register()
    });
}

#[test]
fn i04_a_capture_of_a_set_of_snapshots_survives_a_fault_at_every_call() {
    sweep("a set", a_set);
}

#[test]
fn i04_a_capture_that_records_the_machine_survives_a_fault_at_every_call() {
    sweep("machine records", || one_disk().with_machine_records());
}

#[test]
fn i04_a_capture_with_keys_survives_a_fault_at_every_call() {
    sweep("keys", support::keyed::keyed);
}

#[test]
fn i04_a_capture_with_entrusted_keys_survives_a_fault_at_every_call() {
    sweep("entrusted keys", support::keyed::entrusted);
}

#[test]
fn i04_a_capture_survives_dying_twice() {
    dying_twice(one_disk, 3);
}

#[test]
fn i04_a_capture_with_keys_survives_dying_twice() {
    dying_twice(support::keyed::keyed, 5);
}

#[test]
fn i04_a_capture_with_entrusted_keys_survives_dying_twice() {
    dying_twice(support::keyed::entrusted, 7);
}

/// The process dies at one call, and again at a call of the resume: a fault in the recovery itself. Of so many calls at
/// which it may die again one is taken, another one for each call at which it died first.
fn dying_twice(make: impl Fn() -> FakeWorld, of: usize) {
    let clean = make();
    capture(clean.ports()).unwrap();
    let calls = clean.calls();
    for first in 1..=calls {
        for later in (1 + first % of as u64..=calls).step_by(of) {
            let what = format!("dying at call {first} and {later} calls later");
            // Both sides of an effect are met over the whole square; each pair takes one.
            let mode = if (first + later) % 2 == 0 {
                CrashMode::DieBefore
            } else {
                CrashMode::DieAfter
            };
            let world = make().with_crash(first, mode);
            drop(capture(world.ports()));
            world.restart();
            if logs(&world).is_empty() {
                continue;
            }
            world.crash_at(world.calls() + later, mode);
            drop(resume(&world));
            world.restart();
            finish(&world, None, &what);
        }
    }
}
