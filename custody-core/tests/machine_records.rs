//! What is known of the machine: recorded behind the disk snapshots, stored once, sealed, or named as not acquired.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;
mod verify_support;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use custody_core::capture::{Capture, CaptureOutcome, Reach};
use custody_core::custody_log::{Act, ClosingState, Event};
use custody_core::digest::Sha256Digest;
use custody_core::manifest::{Envelope, Manifest, Statement};
use custody_core::port::{MAX_MACHINE_RECORD_BYTES, ProtectionKind, SealSigner as _};
use custody_core::verify::{Outcome, Weight};
use custody_core::{Error, Ports};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use custody_testkit::fault::{CrashMode, FaultyMachineRecords, RecordsFault};
use futures::executor::block_on;
use support::corrupting::CorruptingSink;
use support::*;
use verify_support::{Objects, about, assert_proven, text, trust, verify};

/// The records of the fake that can be had.
const RECORDED: [&str; 3] = [
    "activity-log-1.json",
    "network-interface-1.json",
    "virtual-machine.json",
];

fn recorded_world() -> FakeWorld {
    one_disk().with_machine_records()
}

fn manifest(world: &FakeWorld) -> Manifest {
    serde_json::from_slice(&stored(world, "manifest.json")).unwrap()
}

fn stored(world: &FakeWorld, file: &str) -> Vec<u8> {
    world.store.bytes(&object(world, file)).unwrap().to_vec()
}

fn record(world: &FakeWorld, name: &str) -> Vec<u8> {
    stored(world, &format!("machine-record.{name}"))
}

/// Why a record was not acquired, as the result says.
fn why_not(outcome: &CaptureOutcome, name: &str) -> Option<String> {
    let stem = format!("machine record {name}: ");
    let mut found = (outcome.not_acquired.iter()).filter(|left_out| left_out.what.starts_with(&stem));
    let why = found.next().map(|left_out| left_out.reason.clone());
    assert!(found.next().is_none(), "{name} is named twice");
    why
}

fn about_records(events: &[Event]) -> Vec<String> {
    let mut kinds = kinds(events);
    kinds.retain(|kind| kind.starts_with("machine-record."));
    kinds
}

fn proven(world: &FakeWorld) {
    assert_proven(&verify(&Objects::of(&world.store), trust(&world.signers)));
}

/// The number of the changing call that commits the first record: the first commit of all.
fn first_commit() -> u64 {
    let clean = recorded_world();
    capture(clean.ports()).unwrap();
    let names = clean.gate.call_names();
    let commit = names.iter().position(|name| *name == "deposit.commit").unwrap();
    u64::try_from(commit).unwrap() + 1
}

#[test]
fn each_answer_is_stored_as_it_came_logged_and_sealed() {
    let world = recorded_world();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Complete), 0)
    );
    assert_rest(&world, &outcome, "machine records");
    assert_eq!(
        record(&world, "virtual-machine.json"),
        br#"{"record":"virtual-machine.json","reading":1}"#
    );
    let manifest = manifest(&world);
    let sums = String::from_utf8(stored(&world, "SHA256SUMS")).unwrap();
    let envelope: Envelope = serde_json::from_slice(&stored(&world, "manifest.dsse.json")).unwrap();
    let keys: Vec<_> = (world.signers.iter())
        .map(|signer| signer.verifier_key().clone())
        .collect();
    let statement = envelope.verify("envelope", &keys).unwrap();
    let mut objects = manifest.objects();
    let file = "manifest.json".parse().unwrap();
    objects.push(custody_core::custody_log::SealedObject::of(
        file,
        &stored(&world, "manifest.json"),
    ));
    let due = Statement::new(
        manifest.case.clone(),
        manifest.acquisition.clone(),
        "manifest.json".parse().unwrap(),
        &objects,
    );
    assert_eq!(statement, due);
    assert_eq!(manifest.machine_records.len(), RECORDED.len());
    for (told, name) in manifest.machine_records.iter().zip(RECORDED) {
        assert_eq!(told.object.file.as_str(), format!("machine-record.{name}"));
        assert_eq!(told.object.sha256, Sha256Digest::of(&record(&world, name)));
        assert_eq!(told.what, format!("what the fake knows as {name}"));
        assert!(sums.contains(&format!("{}  machine-record.{name}\n", told.object.sha256)));
    }
    proven(&world);
}

#[test]
fn the_disk_snapshots_come_first_and_the_log_has_each_digest_before_the_bytes() {
    let world = recorded_world();
    capture(world.ports()).unwrap();
    let events = events(&world);
    let kinds = kinds(&events);
    let first = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
    assert!(first("snapshot.done") < first("machine-record.not-taken"));
    assert!(first("machine-record.done") < first("grant.intent"));
    let names = world.gate.call_names();
    let call = |name: &str| names.iter().position(|found| *found == name).unwrap();
    assert!(call("snapshotter.take") < call("anchor.put_checkpoint"));
    assert!(call("anchor.put_checkpoint") < call("sink.deposit"));
    let intent = &events[first("machine-record.intent")];
    assert_eq!(
        intent.service.as_ref().unwrap().ids["request"],
        "network-interface-1.json/1"
    );
    let before_deposit = &names[..call("sink.deposit")];
    assert_eq!(before_deposit.last(), Some(&"anchor.append"));
}

#[test]
fn what_is_refused_or_missing_is_named_as_not_acquired() {
    let world = recorded_world();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        why_not(&outcome, "role-assignments.json").unwrap(),
        "role-assignments.json: permission denied for reading what is known of the machine: the role does not allow it"
    );
    assert_eq!(
        why_not(&outcome, "console.log").unwrap(),
        "console.log: not found"
    );
    assert_eq!(manifest(&world).not_acquired, outcome.not_acquired);
    let refused = events(&world).into_iter().find(|event| {
        matches!(&event.act, Act::MachineRecordNotTaken { name, .. } if name.as_str() == "role-assignments.json")
    });
    assert_eq!(
        refused.unwrap().service.unwrap().ids["request"],
        "role-assignments.json/1"
    );
}

#[test]
fn what_was_throttled_is_asked_for_again_before_the_seal_and_nothing_else_is() {
    let world = recorded_world();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(why_not(&outcome, "activity-log-1.json"), None);
    let readings = |name| world.records.readings(name);
    assert_eq!(readings("activity-log-1.json"), 2);
    for name in [
        "console.log",
        "network-interface-1.json",
        "role-assignments.json",
        "virtual-machine.json",
    ] {
        assert_eq!(readings(name), 1, "{name}");
    }
    let kinds = kinds(&events(&world));
    let last_record = kinds.iter().rposition(|kind| kind == "machine-record.done");
    let seal = kinds.iter().position(|kind| kind == "seal.intent");
    assert!(last_record.unwrap() < seal.unwrap());
}

#[test]
fn i04_an_answer_that_was_stored_and_not_logged_is_adopted_as_it_lies() {
    let world = recorded_world().with_crash(first_commit(), CrashMode::DieAfter);
    assert!(capture(world.ports()).is_err());
    let lies = record(&world, "network-interface-1.json");
    world.restart();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(record(&world, "network-interface-1.json"), lies);
    assert_eq!(world.records.readings("network-interface-1.json"), 1);
    assert_rest(&world, &outcome, "adopted");
    proven(&world);
}

#[test]
fn i04_an_answer_that_was_not_stored_is_asked_for_anew() {
    let world = recorded_world().with_crash(first_commit(), CrashMode::DieBefore);
    assert!(capture(world.ports()).is_err());
    assert_eq!(world.store.unfinished().len(), 1);
    world.restart();
    let outcome = resume(&world).unwrap();
    assert_eq!(
        record(&world, "network-interface-1.json"),
        br#"{"record":"network-interface-1.json","reading":2}"#
    );
    assert_rest(&world, &outcome, "anew");
    proven(&world);
}

#[test]
fn only_snapshots_means_the_machine_as_well_and_a_later_run_asks_for_what_was_permitted_since() {
    let world = recorded_world();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    });
    assert_eq!(outcome.unwrap().state, None);
    assert!(!record(&world, "virtual-machine.json").is_empty());
    assert!(!kinds(&events(&world)).contains(&"grant.intent".to_owned()));
    world.records.permit("role-assignments.json");
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(why_not(&outcome, "role-assignments.json"), None);
    let readings = |name| world.records.readings(name);
    assert_eq!(
        (
            readings("role-assignments.json"),
            readings("virtual-machine.json")
        ),
        (2, 1)
    );
    assert_eq!(
        readings("console.log"),
        1,
        "what is not there is not asked for again"
    );
    assert_eq!(manifest(&world).machine_records.len(), 4);
    proven(&world);
}

#[test]
fn where_nothing_may_be_stored_nothing_is_asked_for() {
    let world = recorded_world();
    let mut request = request();
    request.settings.protection_floor = Some(ProtectionKind::LockedRetention);
    let refused = capture_as(world.ports(), request).unwrap_err();
    assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert_eq!(world.records.readings("virtual-machine.json"), 0);
    assert!(about_records(&events(&world)).is_empty());
}

#[test]
fn a_stop_between_two_answers_is_obeyed_and_the_rest_is_asked_for_later() {
    let clean = recorded_world();
    capture(clean.ports()).unwrap();
    for poll in 1..=clean.stop.polls() {
        let world = recorded_world();
        world.stop.stop_at(poll);
        let stopped = capture(world.ports());
        world.stop.reset();
        if let Ok(outcome) = &stopped {
            assert_rest(&world, outcome, "stopped");
        }
        let outcome = resume(&world).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Complete), "poll {poll}");
        assert_eq!(manifest(&world).machine_records.len(), 3, "poll {poll}");
        proven(&world);
    }
}

/// The ports of this world, with a fault in what is known of the machine.
fn faulty(world: &FakeWorld, fault: RecordsFault) -> Ports {
    let mut ports = world.ports();
    ports.machine_records = Some(Arc::new(FaultyMachineRecords::new(world.records.clone(), fault)));
    ports
}

#[test]
fn an_answer_that_is_too_long_is_not_taken() {
    let world = recorded_world();
    let too_long = usize::try_from(MAX_MACHINE_RECORD_BYTES).unwrap() + 1;
    world.records.put("screen.bmp", vec![0; too_long]);
    let outcome = capture(faulty(&world, RecordsFault::PassesWhatIsTooLong)).unwrap();
    let why = why_not(&outcome, "screen.bmp").unwrap();
    assert!(why.contains("67108865 bytes"), "{why}");
    assert_eq!(manifest(&world).machine_records.len(), 3);
    proven(&world);
}

#[test]
fn of_two_answers_under_one_name_the_first_counts() {
    let world = recorded_world();
    let outcome = capture(faulty(&world, RecordsFault::AnswersTwice)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(manifest(&world).machine_records.len(), 3);
    let named = events(&world).into_iter().any(
        |event| matches!(&event.act, Act::Anomaly { detail, .. } if detail.contains("answered more than once")),
    );
    assert!(named);
    proven(&world);
}

#[test]
fn an_empty_answer_is_an_answer() {
    let world = recorded_world();
    world.records.put("empty.log", Vec::new());
    capture(world.ports()).unwrap();
    assert!(record(&world, "empty.log").is_empty());
    proven(&world);
}

#[test]
fn what_the_medium_damaged_is_no_record_and_does_not_stop_the_disks() {
    let world = recorded_world();
    let mut ports = world.ports();
    ports.sink = Arc::new(CorruptingSink {
        store: world.store.clone(),
        suffix: "virtual-machine.json",
        at: 7,
        times: Arc::new(AtomicU32::new(9)),
    });
    let outcome = capture(ports).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let why = why_not(&outcome, "virtual-machine.json").unwrap();
    assert!(why.contains("integrity failure"), "{why}");
    assert_eq!(manifest(&world).machine_records.len(), 2);
    let report = verify(&Objects::of(&world.store), trust(&world.signers));
    assert_proven(&report);
    let left = object(&world, "machine-record.virtual-machine.json");
    let noted = report
        .all_findings()
        .any(|finding| finding.object == left.as_str() && finding.weight == Weight::Note);
    assert!(noted, "{}", text(&report));
}

#[test]
fn i06_something_foreign_under_a_records_name_stays_as_it_is() {
    let world = recorded_world();
    let capture = Capture::new(world.ports());
    let plan = block_on(capture.plan(request())).unwrap();
    let name = plan
        .folder
        .join(&"machine-record.virtual-machine.json".parse().unwrap());
    world.store.put_foreign(&name, b"somebody else's".as_slice());
    let outcome = block_on(capture.run(plan, Reach::ToTheEnd)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(world.store.bytes(&name).unwrap(), "somebody else's");
    let why = why_not(&outcome, "virtual-machine.json").unwrap();
    assert!(why.contains("already exists"), "{why}");
}

#[test]
fn no_item_is_named_like_a_record() {
    let names = [
        "machine-record.virtual-machine.json",
        "MACHINE-RECORD.x",
        "machine-record",
        "machine-records.img",
        "item-1.machine-record.virtual-machine.json",
    ];
    let disks = (1..)
        .zip(names)
        .map(|(seed, name)| FakeDisk::patterned(name, 50, seed));
    let world = FakeWorld::new(FakeMachine::new("bench", disks.collect())).with_machine_records();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let files: Vec<String> = (outcome.items.iter())
        .map(|item| item.object.as_ref().unwrap().file_name().to_string())
        .collect();
    assert_eq!(
        files,
        [
            "item-1.machine-record.virtual-machine.json",
            "item-2.MACHINE-RECORD.x",
            "item-3.machine-record",
            "machine-records.img",
            "item-1.machine-record.virtual-machine.item-5.json",
        ]
    );
    proven(&world);
}

#[test]
fn a_record_that_was_changed_removed_or_added_is_found_and_named() {
    let world = recorded_world();
    capture(world.ports()).unwrap();
    let (objects, trust) = (Objects::of(&world.store), trust(&world.signers));
    for name in RECORDED {
        let name = object(&world, &format!("machine-record.{name}"));
        let bytes = objects.bytes(&name);
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x20;
            let report = verify(&objects.with(&name, changed), trust.clone());
            assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
            assert_eq!(about(&report, &name).weight, Weight::Integrity);
        }
        let report = verify(&objects.without(&name), trust.clone());
        assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
        assert_eq!(about(&report, &name).found, "missing");
        let longer = objects.with(&name, [bytes, b" "].concat());
        assert_eq!(verify(&longer, trust.clone()).outcome, Outcome::IntegrityFailure);
    }
    let added = object(&world, "machine-record.console.log");
    let report = verify(&objects.with(&added, "x"), trust);
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
    about(&report, &added);
}

#[test]
fn a_manifest_that_tells_other_records_than_the_log_is_found_out() {
    let world = recorded_world();
    capture(world.ports()).unwrap();
    let (objects, trust) = (Objects::of(&world.store), trust(&world.signers));
    let name = object(&world, "manifest.json");
    let told = manifest(&world);
    let places = |forged: &Manifest| -> Vec<String> {
        let bytes = custody_core::canonical::to_bytes(forged).unwrap();
        let report = verify(&objects.with(&name, bytes), trust.clone());
        assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
        let findings = report
            .all_findings()
            .filter(|finding| finding.object == name.as_str());
        findings.map(|finding| finding.place.clone()).collect()
    };
    let names = |places: Vec<String>, field: &str| {
        assert!(places.iter().any(|place| place.starts_with(field)), "{places:?}");
    };

    let mut forged = told.clone();
    forged.machine_records.pop();
    names(places(&forged), "machine_records");
    let mut forged = told.clone();
    forged.machine_records[0].what = "something else".into();
    names(places(&forged), "machine_records");
    let mut forged = told.clone();
    forged.machine_records[1].object.sha256 = Sha256Digest::of(b"something else");
    names(places(&forged), "machine_records");
    let mut forged = told;
    forged
        .not_acquired
        .retain(|left_out| !left_out.what.contains("role-assignments.json"));
    names(places(&forged), "not_acquired");
}
