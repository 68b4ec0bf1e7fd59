//! A capture from plan to register, in memory.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod support;
mod verify_support;

use custody_core::capture::{Capture, ItemStatus, Reach};
use custody_core::custody_log::{Act, ClosingState, ItemVerdict};
use custody_core::digest::{DiskData, Sha256Digest};
use custody_core::extent::{ByteRange, ReadFault};
use custody_core::manifest::Manifest;
use custody_core::port::{DiskEncryption, SnapshotKind};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use futures::executor::block_on;
use support::*;

#[test]
fn both_disks_are_stored_verified_sealed_and_registered() {
    let world = two_disks();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(outcome.exit_code(), 0);
    for (item, name) in outcome.items.iter().zip(["os.img", "data.img"]) {
        assert_eq!(item.status, ItemStatus::Verified);
        let stored = world.store.bytes(item.object.as_ref().unwrap()).unwrap();
        assert_eq!(stored, world.machine.disk_bytes(&name.parse().unwrap()).unwrap());
        assert_eq!(
            item.digests.as_ref().unwrap().stored_file,
            Some(Sha256Digest::of(&stored))
        );
    }
    assert!(
        world.machine.made_snapshots().is_empty(),
        "the verified snapshot is deleted"
    );
    assert_rest(&world, &outcome, "clean run");
    assert_eq!(
        kinds(&events(&world)),
        [
            "acquisition.opened",
            "snapshot.intent",
            "snapshot.intent",
            "snapshot.done",
            "snapshot.done",
            "grant.intent",
            "grant.done",
            "acquire.intent",
            "acquire.done",
            "anomaly",
            "read-back.done",
            "revoke.intent",
            "revoke.done",
            "grant.intent",
            "grant.done",
            "acquire.intent",
            "acquire.done",
            "anomaly",
            "read-back.done",
            "revoke.intent",
            "revoke.done",
            "seal.intent",
            "seal.done",
            "delete.intent",
            "delete.done",
            "acquisition.closed",
        ]
    );
    let manifest: Manifest =
        serde_json::from_slice(&world.store.bytes(&object(&world, "manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest.items.len(), 2);
    assert!(!manifest.not_acquired.is_empty());
}

#[test]
fn an_import_is_waited_for_and_its_copy_read_back() {
    let world = one_disk().with_import();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    assert_rest(&world, &outcome, "import");
}

#[test]
fn a_second_signer_signs_everything_too() {
    let world = one_disk()
        .with_second_signer()
        .with_timestamps()
        .with_digest_register();
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let kinds = kinds(&events(&world));
    assert!(kinds.contains(&"stamp.done".to_owned()));
    assert_eq!(kinds.iter().filter(|kind| *kind == "digest.done").count(), 2);
}

#[test]
fn an_empty_disk_is_evidence_too() {
    let world = FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::new("empty", Vec::new())],
    ));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_eq!(
        world
            .store
            .bytes(&object(&world, "empty.chunks.sha256"))
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn unread_sectors_are_listed_mapped_and_make_the_acquisition_incomplete() {
    let fault = ReadFault::new("EIO", 3);
    let disk = FakeDisk::patterned("bad.img", 8192, 3).with_unread(ByteRange::at(1024, 512), fault);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    assert_eq!(outcome.items[0].unread_sectors, 1);
    let map = world
        .store
        .bytes(&object(&world, "bad.img.ddrescue.map"))
        .unwrap();
    assert!(String::from_utf8_lossy(&map).contains("0x00000400  0x00000200  -"));
    let stored = world.store.bytes(&object(&world, "bad.img")).unwrap();
    assert!(stored[1024..1536].iter().all(|byte| *byte == 0));
}

#[test]
fn an_encrypted_disk_without_its_key_keeps_its_snapshot() {
    let encryption = DiskEncryption::Encrypted {
        statement: "BitLocker, BEK in vault x".into(),
    };
    let disk = FakeDisk::patterned("os.vhd", 1024, 4).with_encryption(encryption);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Incomplete), 3)
    );
    assert_eq!(outcome.kept, world.machine.made_snapshots());
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "no key");
}

#[test]
fn preserve_only_takes_the_snapshots_and_resume_does_the_rest() {
    let world = two_disks();
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    })
    .unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3));
    assert_eq!(world.machine.made_snapshots().len(), 1);
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_rest(&world, &outcome, "resumed");
}

#[test]
fn disks_of_one_name_get_names_of_their_own() {
    let disk = |id: &str| {
        let mut description = FakeDisk::patterned(id, 600, 1);
        description = description.with_attribute("x", "y");
        description
    };
    let world = FakeWorld::new(FakeMachine::new(
        "bench",
        vec![disk("log.jsonl"), disk("LOG.JSONL"), disk("a/../b")],
    ));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let names: Vec<String> = outcome
        .items
        .iter()
        .map(|item| item.object.as_ref().unwrap().file_name().to_string())
        .collect();
    assert_eq!(names[..2], ["log.item-1.jsonl", "LOG.item-2.JSONL"]);
    assert_eq!(names[2], "a%2F..%2Fb");
}

#[test]
fn abandoning_keeps_every_snapshot_that_is_not_ordered_away() {
    for discard in [false, true] {
        let world = one_disk();
        world.store.set_capacity(10);
        let outcome = capture(world.ports());
        assert!(outcome.is_err() || outcome.unwrap().state.is_none());
        world.store.lift_capacity();
        let made = world.machine.made_snapshots();
        let outcome = abandon(&world, if discard { &made } else { &[] }).unwrap();
        assert_eq!(outcome.state, Some(ClosingState::Abandoned));
        assert_eq!(world.machine.made_snapshots().is_empty(), discard);
        assert_rest(&world, &outcome, "abandoned");
    }
}

#[test]
fn a_source_that_changed_is_an_integrity_failure_and_not_evidence() {
    let disk = FakeDisk::patterned("live.img", 2000, 5).with_kind(SnapshotKind::InPlace);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk]));
    let capture = Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request()).await?;
        capture.run(plan, Reach::SnapshotsOnly).await
    });
    assert!(outcome.is_ok());
    world
        .machine
        .write(&"live.img".parse().unwrap(), 100, b"changed")
        .unwrap();
    let outcome = resume(&world).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4),
        "{outcome:?}"
    );
    let changed = events(&world).iter().any(|event| {
        matches!(
            &event.act,
            Act::ReadBackDone {
                verdict: ItemVerdict::SourceChanged { .. },
                ..
            }
        )
    });
    assert!(changed);
    let manifest: Manifest =
        serde_json::from_slice(&world.store.bytes(&object(&world, "manifest.json")).unwrap()).unwrap();
    assert!(manifest.items.is_empty());
    assert_eq!(manifest.not_evidence.len(), 1);
}

/// A fixed VHD: data, and a footer with this time stamp and id.
fn vhd(stamp: u8) -> Vec<u8> {
    let mut image: Vec<u8> = (0..5_000_192_u32).map(|at| (at % 251) as u8).collect();
    let mut footer = [0; 512];
    footer[..8].copy_from_slice(b"conectix");
    image.extend_from_slice(&footer);
    stamp_footer(&mut image, stamp);
    image
}

fn stamp_footer(image: &mut [u8], stamp: u8) {
    let at = image.len() - 512;
    let footer = &mut image[at..];
    footer[24..28].fill(stamp);
    footer[68..84].fill(stamp);
    footer[64..68].fill(0);
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
}

fn vhd_world() -> FakeWorld {
    let image = vhd(1);
    let data = DiskData::Prefix {
        length: (image.len() as u64 - 512).into(),
    };
    let disk = FakeDisk::new("os.vhd", image).with_format("vhd-fixed", data);
    FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_import()
}

#[test]
fn a_footer_that_the_service_wrote_anew_is_an_anomaly_and_no_mismatch() {
    let world = vhd_world();
    world.store.alter_imports(|image| stamp_footer(image, 2));
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    assert_rest(&world, &outcome, "renewed footer");
    let stored = world.store.bytes(&object(&world, "os.vhd")).unwrap();
    assert_eq!(stored, vhd(2));
    let digests = outcome.items[0].digests.as_ref().unwrap();
    assert_eq!(digests.stored_file, Some(Sha256Digest::of(&stored)));
    let data = Sha256Digest::of(&stored[..stored.len() - 512]);
    assert_eq!(digests.disk_data, Some(data));
    let told = events(&world)
        .iter()
        .any(|event| matches!(&event.act, Act::Anomaly { detail, .. } if detail.contains("time stamp, checksum, unique id")));
    assert!(told);
    let manifest: Manifest =
        serde_json::from_slice(&world.store.bytes(&object(&world, "manifest.json")).unwrap()).unwrap();
    let footers = manifest.items[0].footers.as_ref().unwrap();
    assert_ne!(footers.source, footers.stored);
    let report = verify_support::verify(
        &verify_support::Objects::of(&world.store),
        verify_support::trust(&world.signers),
    );
    verify_support::assert_proven(&report);
}

#[test]
fn a_footer_that_differs_elsewhere_is_a_mismatch() {
    let world = vhd_world();
    world.store.alter_imports(|image| {
        let at = image.len() - 512 + 55;
        image[at] ^= 1;
        stamp_footer(image, 1);
    });
    let outcome = capture(world.ports()).unwrap();
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4)
    );
    assert_eq!(outcome.kept, world.machine.made_snapshots());
    assert!(
        outcome.items[0].not_evidence[0].contains("differs from what was read"),
        "{outcome:?}"
    );
}
