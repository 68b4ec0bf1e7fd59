//! The invariants of a capture, each by its number.
//!
//! I10 (hosts of a service's answers) and I11 (regions) concern cloud providers and are tested where those are; I13
//! (nothing inside a store is a root of trust for it) is tested with the verifier.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use custody_core::Error;
use custody_core::capture::{Capture, CaptureOutcome, ItemStatus, Reach};
use custody_core::custody_log::{AcquisitionSettings, Act, ClosingState, ItemVerdict, ReadScope};
use custody_core::extent::{ByteRange, Extent, ReadFault};
use custody_core::manifest::Manifest;
use custody_core::port::{DepositOptions, EvidenceSink as _, Protection, ProtectionKind, SnapshotKind};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::corrupting::CorruptingSink;
use support::*;

/// A capture whose medium damages the item, or its list, the first `times` times it is stored.
fn capture_on_bad_medium(world: &FakeWorld, suffix: &'static str, at: usize, times: u32) -> CaptureOutcome {
    let mut ports = world.ports();
    ports.sink = Arc::new(CorruptingSink {
        store: world.store.clone(),
        suffix,
        at,
        times: Arc::new(AtomicU32::new(times)),
    });
    capture(ports).unwrap()
}

fn manifest(world: &FakeWorld) -> Manifest {
    serde_json::from_slice(&world.store.bytes(&object(world, "manifest.json")).unwrap()).unwrap()
}

#[test]
fn i01_a_snapshot_whose_copy_did_not_match_is_kept() {
    let world = one_disk();
    let outcome = capture_on_bad_medium(&world, ".img", 77, 9);
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4)
    );
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "bad medium");
}

#[test]
fn i01_no_snapshot_is_deleted_before_the_sealing_checkpoint_is_anchored() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let names = clean.gate.call_names();
    let seal = names
        .iter()
        .rposition(|name| name.contains("put_checkpoint"))
        .unwrap();
    let delete = names.iter().position(|name| name.contains("delete")).unwrap();
    let before = names[..delete]
        .iter()
        .rposition(|name| name.contains("put_checkpoint"))
        .unwrap();
    assert!(before < delete && delete < seal, "{names:?}");
    // The checkpoint of the seal cannot be put: nothing is deleted.
    let world = one_disk().with_crash(u64::try_from(before).unwrap() + 1, CrashMode::FailBefore);
    assert!(capture(world.ports()).is_err());
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert!(!kinds(&events(&world)).contains(&"delete.intent".to_owned()));
}

#[test]
fn i02_a_failed_import_is_not_followed_by_deletion() {
    let world = one_disk().with_import();
    let clean = one_disk().with_import();
    capture(clean.ports()).unwrap();
    let import = clean
        .gate
        .call_names()
        .iter()
        .position(|name| name.contains("import"))
        .unwrap();
    for mode in CrashMode::ALL {
        let world = one_disk()
            .with_import()
            .with_crash(u64::try_from(import).unwrap() + 1, mode);
        let outcome = capture(world.ports());
        assert!(outcome.is_err() || outcome.unwrap().state.is_none());
        assert_eq!(world.machine.made_snapshots().len(), 1, "{mode:?}");
    }
    drop(world);
}

#[test]
fn i03_what_exposes_or_destroys_is_intended_at_the_anchor_first() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    for (call, kind) in [("grant", "grant.intent"), ("delete", "delete.intent")] {
        let position = clean
            .gate
            .call_names()
            .iter()
            .position(|name| name.contains(call))
            .unwrap();
        let world = one_disk().with_crash(u64::try_from(position).unwrap() + 1, CrashMode::DieBefore);
        drop(capture(world.ports()));
        world.restart();
        assert_eq!(kinds(&anchored_events(&world)).last().unwrap(), kind);
    }
}

#[test]
fn i03_taking_a_snapshot_does_not_wait_for_the_anchor() {
    let clean = one_disk();
    capture(clean.ports()).unwrap();
    let names = clean.gate.call_names();
    let take = names.iter().position(|name| name.contains("take")).unwrap();
    let log = |name: &&&str| name.contains("anchor");
    // The register's own line is there before; the acquisition's log is not.
    assert!(names[..take].iter().filter(log).count() <= 2, "{names:?}");
}

#[test]
fn i04_what_lies_under_the_planned_name_is_not_overwritten() {
    let world = one_disk();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        let name = plan.folder.join(&plan.items[0].file);
        let outcome = capture.run(plan, Reach::SnapshotsOnly).await?;
        world.store.put_foreign(&name, b"somebody else's".to_vec());
        Ok::<_, Error>((name, outcome))
    });
    let (name, _) = outcome.unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(world.store.bytes(&name).unwrap(), &b"somebody else's"[..]);
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    let object = outcome.items[0].object.as_ref().unwrap();
    assert_eq!(object.file_name().as_str(), "os.attempt-2.img");
    assert!(
        outcome.items[0].not_evidence[0].contains("already exists"),
        "{outcome:?}"
    );
    assert_rest(&world, &outcome, "a name that was taken");
}

#[test]
fn i04_a_chunk_list_of_another_pass_is_not_taken_for_this_one() {
    let world = one_disk();
    let capture = Capture::new(world.ports());
    block_on(async {
        let plan = capture.plan(request()).await?;
        let list = plan.items[0].file.with_suffix(".chunks.sha256");
        let (name, acquisition) = (plan.folder.join(&list), plan.acquisition.clone());
        capture.run(plan, Reach::SnapshotsOnly).await?;
        // As an earlier run may have left it, when the copy of that run came to nothing.
        let line = format!("{}  -\n", "0".repeat(64));
        let options = DepositOptions::new(acquisition, line.len() as u64);
        let mut deposit = world.store.deposit(&name, options).await?;
        let bytes = line.into_bytes().into();
        deposit.write(Extent::Data { at: 0, bytes }).await?;
        deposit.commit().await
    })
    .unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    assert_eq!(
        outcome.items[0].object.as_ref().unwrap().file_name().as_str(),
        "os.attempt-2.img"
    );
    assert_rest(&world, &outcome, "a list of another pass");
}

#[test]
fn i08_evidence_is_not_stored_where_it_is_protected_less_than_was_asked_for() {
    let mut world = one_disk();
    let mut settings = AcquisitionSettings::default();
    settings.protection_floor = Some(ProtectionKind::LegalHold);
    let refused = capture_as(world.ports(), request().with_settings(settings)).unwrap_err();
    assert!(
        refused.to_string().contains("less than was asked for"),
        "{refused}"
    );
    assert_eq!(
        world.machine.made_snapshots().len(),
        1,
        "the evidence is preserved first"
    );
    // Going on changes nothing as long as the sink is what it is.
    let refused = resume(&world).unwrap_err();
    assert!(matches!(refused.meaning(), Error::Refused { .. }), "{refused}");
    assert!(
        !world
            .store
            .names()
            .iter()
            .any(|name| name.as_str().ends_with("os.img"))
    );
    let noted = |event: &&custody_core::custody_log::Event| matches!(&event.act, Act::Anomaly { detail, .. } if detail.contains("only disk snapshots"));
    assert_eq!(events(&world).iter().filter(noted).count(), 2);

    let locked = Protection::new(ProtectionKind::LockedRetention, "locked for ten years");
    world.store = world.store.with_protection(locked);
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    assert_rest(&world, &outcome, "protected");
}

#[test]
fn i08_preserving_only_tells_which_disks_have_no_snapshot() {
    let world = two_disks();
    world.machine.refuse_take(&"os.img".parse().unwrap(), "quota");
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    let told: Vec<bool> = outcome
        .items
        .iter()
        .map(|item| item.stopped_by.is_some())
        .collect();
    assert_eq!(told, [true, false], "{outcome:?}");
}

#[test]
fn i04_resuming_what_is_closed_changes_nothing() {
    let world = two_disks();
    capture(world.ports()).unwrap();
    let (names, lines) = (world.store.names(), events(&world).len());
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!((world.store.names(), events(&world).len()), (names, lines));
}

#[test]
fn i05_a_stop_ends_every_grant_and_leaves_nothing_half_done() {
    let world = two_disks();
    capture(world.ports()).unwrap();
    for at in 1..=world.stop.polls() {
        let world = two_disks();
        world.stop.stop_at(at);
        match capture(world.ports()) {
            Ok(outcome) if outcome.state.is_some() => {}
            Ok(outcome) => {
                assert_eq!(outcome.exit_code(), 3);
                assert_rest(&world, &outcome, &format!("stopped at look {at}"));
            }
            Err(error) => assert!(matches!(error.meaning(), Error::Stopped { .. }), "{error}"),
        }
        assert!(world.machine.live_grants().is_empty(), "look {at}");
        assert!(world.store.unfinished().is_empty(), "look {at}");
    }
}

#[test]
fn i06_a_snapshot_of_somebody_else_under_our_name_stays_as_it_is() {
    let world = one_disk();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        let item = &plan.items[0];
        world
            .machine
            .put_foreign_snapshot(&item.snapshot, &item.disk, b"theirs".to_vec());
        capture.run(plan, Reach::ToTheEnd).await
    })
    .unwrap();
    assert_eq!(outcome.state, None);
    assert_eq!(outcome.items[0].status, ItemStatus::Planned);
    assert_eq!(world.machine.snapshots().len(), 1);
    let outcome = abandon(&world, &[]).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Abandoned));
    assert_eq!(world.machine.snapshots().len(), 1, "theirs is still there");
    assert!(outcome.kept.is_empty(), "theirs is not named as ours");
}

#[test]
fn i06_a_snapshot_that_was_there_before_is_read_and_left() {
    let disk = FakeDisk::patterned("old.img", 900, 6).with_kind(SnapshotKind::Existing);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert!(!kinds(&events(&world)).contains(&"delete.intent".to_owned()));
    assert!(outcome.kept.is_empty());
}

#[test]
fn i07_no_grant_secret_is_stored_logged_or_printed() {
    let world = two_disks();
    let ports = world.ports();
    let shown = format!("{ports:?}");
    let outcome = capture(ports).unwrap();
    let mut everything = vec![shown, format!("{outcome:?}"), format!("{:?}", world.progress)];
    for name in world.store.names() {
        everything.push(String::from_utf8_lossy(&world.store.bytes(&name).unwrap()).into_owned());
    }
    everything.extend(events(&world).iter().map(|event| format!("{event:?}")));
    assert!(everything.iter().all(|text| !text.contains("sig-")));
}

#[test]
fn i08_a_copy_that_cannot_be_read_back_is_not_called_verified() {
    let world = one_disk();
    let capture = Capture::new(world.ports());
    let name = block_on(async {
        let plan = capture.plan(request()).await?;
        let name = plan.folder.join(&plan.items[0].file);
        capture.run(plan, Reach::SnapshotsOnly).await?;
        Ok::<_, Error>(name)
    })
    .unwrap();
    // The copy's medium fails when it is read.
    let mut ports = world.ports();
    ports.reader = Arc::new(support::failing::FailingReader {
        store: world.store.clone(),
        name,
    });
    let [log] = logs(&world).try_into().unwrap();
    let outcome = block_on(Capture::new(ports).resume(log, circumstances(), 1)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3));
    assert_eq!(outcome.items[0].status, ItemStatus::Acquired);
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert!(kinds(&events(&world)).contains(&"read-back.failed".to_owned()));
    // And once it can be read, it is.
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
}

#[test]
fn i09_a_mismatch_names_its_ranges_and_the_next_attempt_has_a_name_of_its_own() {
    let world = FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("os.img", 9 << 20, 1)],
    ));
    let outcome = capture_on_bad_medium(&world, "os.img", (4 << 20) + 5, 1);
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let manifest = manifest(&world);
    assert_eq!(manifest.items[0].file.as_str(), "os.attempt-2.img");
    assert_eq!(manifest.not_evidence.len(), 1);
    assert_eq!(manifest.not_evidence[0].file.as_ref().unwrap().as_str(), "os.img");
    let Some(ItemVerdict::Mismatched { ranges, chunks: 1 }) = &manifest.not_evidence[0].verdict else {
        panic!("{manifest:?}")
    };
    assert_eq!(ranges[..], [ByteRange::at(4 << 20, 4 << 20)]);
    let sums = world.store.bytes(&object(&world, "SHA256SUMS")).unwrap();
    let sums = String::from_utf8(sums.to_vec()).unwrap();
    assert!(
        !sums.lines().any(|line| line.ends_with("  os.img")),
        "a failed attempt is in the sums: {sums}"
    );
}

#[test]
fn i09_a_damaged_chunk_list_is_not_sealed() {
    let world = one_disk();
    let outcome = capture_on_bad_medium(&world, ".chunks.sha256", 3, 1);
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4)
    );
    assert!(manifest(&world).items.is_empty());
}

#[test]
fn i12_every_byte_was_read_or_is_listed_as_zero_or_unread() {
    let disk = FakeDisk::patterned("mixed.img", 1 << 20, 7)
        .with_hole(ByteRange::at(256 << 10, 512 << 10))
        .with_unread(ByteRange::at(4096, 1024), ReadFault::new("EIO", 3));
    for reads in [ReadScope::Allocated, ReadScope::Everything] {
        let world = FakeWorld::new(FakeMachine::new("bench", vec![disk.clone()]));
        let mut settings = AcquisitionSettings::default();
        settings.reads = reads;
        let outcome = capture_as(world.ports(), request().with_settings(settings)).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Incomplete));
        let manifest = manifest(&world);
        let item = &manifest.items[0];
        assert_eq!(item.unread.bytes.bytes(), 1024);
        let listed = item.zeros.bytes.bytes();
        let expected = if reads == ReadScope::Allocated {
            512 << 10
        } else {
            0
        };
        assert_eq!(listed, expected, "{reads:?}");
        let stored = world.store.bytes(&object(&world, "mixed.img")).unwrap();
        let mut original = world.machine.disk_bytes(&"mixed.img".parse().unwrap()).unwrap();
        original[4096..5120].fill(0);
        assert!(stored == original);
        let read_back = events(&world).into_iter().find_map(|event| match event.act {
            Act::ReadBackDone { read_bytes, .. } => Some(read_bytes.bytes()),
            _ => None,
        });
        if reads == ReadScope::Everything {
            assert_eq!(read_back, Some(1 << 20));
        }
    }
}

#[test]
fn i01_a_snapshot_whose_sectors_could_not_all_be_read_is_kept() {
    let disk = FakeDisk::patterned("worn.img", 8192, 3)
        .with_unread(ByteRange::at(1024, 512), ReadFault::new("EIO", 3));
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Incomplete));
    assert_eq!(outcome.kept, world.machine.made_snapshots());
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "unread sectors");
}

#[test]
fn i05_abandoning_survives_a_fault_at_every_call_and_resume_carries_it_out() {
    let prepared = || {
        let world = one_disk();
        world.store.set_capacity(10);
        drop(capture(world.ports()));
        world.store.lift_capacity();
        world
    };
    let clean = prepared();
    let before = clean.calls();
    abandon(&clean, &clean.machine.made_snapshots()).unwrap();
    for at in before + 1..=clean.calls() {
        for mode in CrashMode::ALL {
            let world = prepared();
            let discard = world.machine.made_snapshots();
            world.crash_at(at, mode);
            drop(abandon(&world, &discard));
            world.restart();
            let ordered = kinds(&events(&world)).contains(&"acquisition.abandoned".to_owned());
            let outcome = if ordered {
                resume(&world).unwrap()
            } else {
                abandon(&world, &discard).unwrap()
            };
            assert_eq!(
                outcome.state,
                Some(ClosingState::Abandoned),
                "call {at}, {mode:?}"
            );
            assert_rest(&world, &outcome, &format!("call {at}, {mode:?}"));
        }
    }
}
