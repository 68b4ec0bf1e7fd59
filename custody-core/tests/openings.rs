//! Disk snapshots whose length and form only opening tells, items that the sink's service does not copy, and access
//! that is not offered.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use custody_core::capture::ItemStatus;
use custody_core::custody_log::{Act, ClosingState, LeftBehind, SignerSet, Trust};
use custody_core::digest::{DiskData, Sha256Digest};
use custody_core::manifest::Manifest;
use custody_core::port::{GrantReach, ImageForm, SealSigner as _};
use custody_core::verify::Verifier;
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, SerialHasher};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::*;

const LENGTH: usize = 3000;

fn vhdx_data() -> DiskData {
    DiskData::NotComputed {
        reason: "a container".into(),
    }
}

fn unsized_disk() -> FakeDisk {
    FakeDisk::patterned("os.vhdx", LENGTH, 1)
        .with_format("vhdx", vhdx_data())
        .with_length_at_opening()
}

fn world(disks: Vec<FakeDisk>) -> FakeWorld {
    FakeWorld::new(FakeMachine::new("bench", disks))
}

fn manifest(world: &FakeWorld) -> Manifest {
    serde_json::from_slice(&world.store.bytes(&object(world, "manifest.json")).unwrap()).unwrap()
}

fn verified(world: &FakeWorld) -> (u8, String) {
    let key = world.signers[0].verifier_key().clone();
    let trust = Trust::nobody().with(SignerSet::new(vec![key]).unwrap());
    let reader = Arc::new(world.store.clone());
    let report = block_on(Verifier::new(reader, Arc::new(SerialHasher::new()), trust).verify());
    (report.outcome.exit_code(), format!("{report:?}"))
}

/// The call, counted from 1, whose name has this in it, in a capture of a world like this one.
fn call(like: &FakeWorld, name: &str) -> u64 {
    capture(like.ports()).unwrap();
    let names = like.gate.call_names();
    let at = names.iter().position(|call| call.contains(name)).unwrap();
    u64::try_from(at).unwrap() + 1
}

#[test]
fn a_length_that_only_opening_tells_is_logged_before_a_byte_is_taken_and_sealed() {
    for world in [
        world(vec![unsized_disk()]),
        world(vec![unsized_disk()]).with_import(),
    ] {
        let outcome = capture(world.ports()).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        assert_rest(&world, &outcome, "unsized");
        let kinds = kinds(&events(&world));
        let place = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
        assert!(
            place("acquire.intent") < place("source.opened")
                && place("source.opened") < place("acquire.done")
        );
        let item = &manifest(&world).items[0];
        assert_eq!(item.snapshot.length, None);
        assert_eq!(item.source.length, (LENGTH as u64).into());
        assert_eq!((item.format.as_deref(), &item.data), (None, &vhdx_data()));
        assert_eq!(item.source.disk_data, None);
        let (exit, report) = verified(&world);
        assert_eq!(exit, 0, "{report}");
    }
}

#[test]
fn the_form_that_is_found_is_recorded_in_place_of_the_one_that_was_described() {
    let found = ImageForm::new("vhd-fixed", DiskData::Prefix { length: 2488.into() });
    let world = world(vec![unsized_disk().with_form_at_opening(found.clone())]);
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let item = &manifest(&world).items[0];
    assert_eq!(
        (item.format.as_deref(), &item.data),
        (Some("vhd-fixed"), &found.data)
    );
    let bytes = world.store.bytes(&object(&world, "os.vhdx")).unwrap();
    assert_eq!(item.source.disk_data, Some(Sha256Digest::of(&bytes[..2488])));
    let (exit, report) = verified(&world);
    assert_eq!(exit, 0, "{report}");
}

#[test]
fn a_disk_snapshot_that_opens_with_another_length_after_a_stop_is_refused_and_kept() {
    let commit = call(&world(vec![unsized_disk()]), "commit");
    let world = world(vec![unsized_disk()]).with_crash(commit, CrashMode::DieBefore);
    drop(capture(world.ports()));
    world.restart();
    let taken = world.machine.made_snapshots().remove(0);
    world.machine.truncate_snapshot(&taken, LENGTH - 512).unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4)
    );
    assert_eq!(outcome.kept, [taken]);
    let told = format!("{:?}", outcome.items[0].not_evidence);
    assert!(
        told.contains("3000 bytes") && told.contains("2488 bytes"),
        "{told}"
    );
    let opened = events(&world)
        .iter()
        .filter(|event| matches!(event.act, Act::SourceOpened { .. }))
        .count();
    assert_eq!(opened, 1, "what was refused was logged as opened");
}

#[test]
fn a_disk_snapshot_that_opens_as_before_after_a_stop_is_stored() {
    let commit = call(&world(vec![unsized_disk()]), "commit");
    for mode in CrashMode::ALL {
        let world = world(vec![unsized_disk()]).with_crash(commit, mode);
        drop(capture(world.ports()));
        world.restart();
        let outcome = resume(&world).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{mode:?} {outcome:?}");
        assert_eq!(manifest(&world).items[0].source.length, (LENGTH as u64).into());
        let (exit, report) = verified(&world);
        assert_eq!(exit, 0, "{report}");
    }
}

#[test]
fn an_item_that_the_service_cannot_copy_is_streamed_and_the_record_says_why() {
    let disks = || {
        vec![
            FakeDisk::patterned("signed-in.img", LENGTH, 1).with_grant_reach(GrantReach::SignedInHolder),
            FakeDisk::patterned("plain.img", LENGTH, 2),
        ]
    };
    let world = world(disks()).with_import();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let why: Vec<Option<String>> = manifest(&world)
        .items
        .into_iter()
        .map(|item| item.streamed)
        .collect();
    assert!(why[0].as_ref().unwrap().contains("demands a sign-in"), "{why:?}");
    assert_eq!(why[1], None);
    let (exit, report) = verified(&world);
    assert_eq!(exit, 0, "{report}");
}

#[test]
fn why_an_item_was_streamed_is_known_after_a_stop_at_any_point() {
    let disk = || vec![FakeDisk::patterned("os.img", LENGTH, 1).with_grant_reach(GrantReach::SignedInHolder)];
    let clean = world(disk()).with_import();
    capture(clean.ports()).unwrap();
    for at in 1..=clean.calls() {
        let world = world(disk()).with_import().with_crash(at, CrashMode::DieAfter);
        drop(capture(world.ports()));
        world.restart();
        if logs(&world).is_empty() {
            continue;
        }
        let outcome = resume(&world).unwrap();
        assert_eq!(outcome.exit_code(), 0, "call {at}: {outcome:?}");
        assert!(manifest(&world).items[0].streamed.is_some(), "call {at}");
        let (exit, report) = verified(&world);
        assert_eq!(exit, 0, "call {at}: {report}");
    }
}

#[test]
fn access_that_is_not_offered_ends_its_item_and_leaves_the_others_unharmed() {
    let disks = vec![
        FakeDisk::patterned("os.img", LENGTH, 1),
        FakeDisk::patterned("os.vmgs", 512, 2)
            .with_length_at_opening()
            .without_access("a grant on the guest state"),
    ];
    let world = world(disks);
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 3)
    );
    assert_eq!(outcome.items[0].status, ItemStatus::Verified);
    assert_eq!(outcome.items[1].status, ItemStatus::Failed);
    let told = format!("{:?}", outcome.items[1].not_evidence);
    assert!(
        told.contains("a grant on the guest state is not supported"),
        "{told}"
    );
    assert_eq!(outcome.kept.len(), 1);
    assert!(world.machine.live_grants().is_empty());
    // Sealed all the same, and the verifier says that something is missing, not that something is wrong.
    let (exit, report) = verified(&world);
    assert_eq!(exit, 3, "{report}");
}

#[test]
fn each_opening_is_logged_and_finds_what_the_one_before_found() {
    let commit = call(&world(vec![unsized_disk()]), "commit");
    let world = world(vec![unsized_disk()]).with_crash(commit, CrashMode::FailBefore);
    drop(capture(world.ports()));
    let failed = events(&world).into_iter().find_map(|event| match event.act {
        Act::AcquireFailed { left, .. } => Some(left),
        _ => None,
    });
    assert_eq!(failed, Some(LeftBehind::Nothing));
    // The same attempt goes on and finds the same.
    world.restart();
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let lengths: Vec<u64> = events(&world)
        .iter()
        .filter_map(|event| match &event.act {
            Act::SourceOpened { length, .. } => Some(length.bytes()),
            _ => None,
        })
        .collect();
    assert_eq!(lengths, [LENGTH as u64, LENGTH as u64]);
}
