//! What is as recorded is proven, and nothing more than that is claimed.
mod verify_support;

use custody_core::custody_log::{ClosingState, ReadScope, Trust};
use custody_core::digest::{CHUNK_BYTES, DiskData, Sha256Digest};
use custody_core::extent::{ByteRange, ReadFault};
use custody_core::ids::SnapshotName;
use custody_core::port::{DiskEncryption, SnapshotKind};
use custody_core::verify::{Depth, Outcome, Report, SignerTrust, VerifyOptions};
use custody_testkit::fake::{FakeDisk, FakeSigner, MemoryStore};
use futures::executor::block_on;
use verify_support::*;

#[test]
fn a_capture_of_two_disks_is_proven() {
    let world = two_disks();
    let (objects, trust) = captured(&world);
    let report = verify(&objects, trust);
    assert_proven(&report);
    assert_eq!(report.outcome.exit_code(), 0);
    assert_eq!(report.items().count(), 2);
    assert_eq!(report.read_bytes(), 500);
    assert_eq!(report.sound_logs().count(), 2);
    for log in report.sound_logs() {
        assert_eq!(log.trust, SignerTrust::Established);
        assert_eq!(log.lines, log.covered_lines);
    }
    for item in report.items() {
        let stored = objects.bytes(&objects.named(&format!("/{}", item.file)));
        assert_eq!(
            item.digests.as_ref().unwrap().stored_file,
            Some(Sha256Digest::of(stored))
        );
    }
}

#[test]
fn every_way_of_capturing_is_proven() {
    let two_chunks = usize::try_from(CHUNK_BYTES).unwrap() + 1;
    let vhd = FakeDisk::patterned("os.vhd", 1536, 3)
        .with_format("vhd-fixed", DiskData::Prefix { length: 1024.into() });
    let sparse = FakeDisk::patterned("sparse.img", two_chunks, 4)
        .with_hole(ByteRange::at(0, 4096))
        .with_hole(ByteRange::at(8192, CHUNK_BYTES - 8192));
    for world in [
        world(vec![FakeDisk::new("empty", Vec::new())]),
        world(vec![
            FakeDisk::patterned("in-place", 511, 1).with_kind(SnapshotKind::InPlace),
        ]),
        world(vec![
            FakeDisk::patterned("there-before", 513, 1).with_kind(SnapshotKind::Existing),
        ]),
        world(vec![vhd, sparse]),
        two_disks().with_import(),
        two_disks()
            .with_second_signer()
            .with_timestamps()
            .with_digest_register(),
    ] {
        let (objects, trust) = captured(&world);
        for reads in [ReadScope::Allocated, ReadScope::Everything] {
            let options = VerifyOptions::default().with_reads(reads);
            assert_proven(&verify_with(&objects, trust.clone(), options));
        }
    }
}

#[test]
fn several_acquisitions_of_one_store_are_proven_together() {
    let world = two_disks();
    for case in ["2026-0001", "2026-0002", "2026-0001"] {
        capture_as(&world, request(case));
    }
    let objects = Objects::of(&world.store);
    let report = verify(&objects, trust(&world.signers));
    assert_proven(&report);
    assert_eq!(report.acquisitions.len(), 3);
    let one = report.acquisitions[1].acquisition.clone().unwrap();
    let options = VerifyOptions::default().with_acquisitions([one.clone()]);
    let report = verify_with(&objects, trust(&world.signers), options);
    assert_proven(&report);
    assert_eq!(report.acquisitions.len(), 1);
    assert_eq!(report.acquisitions[0].acquisition, Some(one));
}

#[test]
fn an_acquisition_that_is_nowhere_is_not_proven() {
    let (objects, trust) = captured(&two_disks());
    let nowhere = "20200101T000000Z-00000000".parse().unwrap();
    let report = verify_with(
        &objects,
        trust,
        VerifyOptions::default().with_acquisitions([nowhere]),
    );
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
}

#[test]
fn without_trust_the_best_answer_is_the_fingerprint() {
    let world = two_disks().with_second_signer();
    let (objects, right) = captured(&world);
    let one_of_two = trust(&world.signers[..1]);
    let stranger = trust(&[FakeSigner::ed25519("custodian", 99)]);
    for wrong in [Trust::nobody(), one_of_two, stranger] {
        let report = verify(&objects, wrong);
        assert_eq!(report.outcome.exit_code(), 1, "{}", text(&report));
        let shown = text(&report);
        for log in report.sound_logs() {
            assert_eq!(log.trust, SignerTrust::NotEstablished);
            for signer in &log.signers {
                assert!(shown.contains(&signer.fingerprint), "{shown}");
            }
        }
        assert!(shown.contains("consistent, signer not established"));
    }
    assert_proven(&verify(&objects, right));
}

#[test]
fn nothing_to_verify_is_not_proven() {
    let report = block_on(verifier(MemoryStore::new(), Trust::nobody()).verify());
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
}

#[test]
fn i08_reading_the_record_alone_is_not_called_proven() {
    let (objects, trust) = captured(&two_disks());
    let report = verify_with(
        &objects,
        trust,
        VerifyOptions::default().with_depth(Depth::RecordOnly),
    );
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
    assert_eq!(report.read_bytes(), 0);
}

#[test]
fn unread_sectors_are_could_not_check_and_never_fine() {
    let fault = ReadFault::new("EIO", 3);
    let disk = FakeDisk::patterned("bad.img", 8192, 3)
        .with_unread(ByteRange::at(1024, 512), fault.clone())
        .with_unread(ByteRange::at(4096, 1024), fault);
    let (objects, trust) = captured(&world(vec![disk]));
    let report = verify(&objects, trust);
    assert_eq!(report.outcome.exit_code(), 3, "{}", text(&report));
    let item = report.items().next().unwrap();
    assert_eq!(item.unread_sectors, 3);
    let finding = about(&report, &objects.named("/bad.img"));
    assert!(
        finding.found.contains("stored = what was read; 3 sectors unread"),
        "{finding}"
    );
    assert_eq!(
        finding.ranges,
        [ByteRange::at(1024, 512), ByteRange::at(4096, 1024)]
    );
}

#[test]
fn a_key_that_was_not_taken_makes_it_incomplete() {
    let encryption = DiskEncryption::Encrypted {
        statement: "BitLocker".into(),
    };
    let disk = FakeDisk::patterned("os.vhd", 1024, 4).with_encryption(encryption);
    let (objects, trust) = captured(&world(vec![disk]));
    let report = verify(&objects, trust);
    assert_eq!(report.outcome, Outcome::CouldNotCheck, "{}", text(&report));
    assert_eq!(report.acquisitions[0].state, Some(ClosingState::Incomplete));
}

#[test]
fn an_open_acquisition_could_not_be_checked() {
    let world = two_disks();
    world.store.set_capacity(15_000);
    let stopped = block_on(async {
        let capture = custody_core::capture::Capture::new(world.ports());
        let plan = capture.plan(request("2026-0042")).await?;
        capture.run(plan, custody_core::capture::Reach::ToTheEnd).await
    });
    assert!(
        stopped.is_err() || stopped.unwrap().state.is_none(),
        "the store is full"
    );
    let report = verify(&Objects::of(&world.store), trust(&world.signers));
    assert_eq!(report.outcome, Outcome::CouldNotCheck, "{}", text(&report));
    assert!(text(&report).contains("still open"), "{}", text(&report));
}

#[test]
fn an_abandoned_acquisition_claims_nothing_and_spoils_nothing() {
    let world = two_disks();
    capture(&world);
    let capture = custody_core::capture::Capture::new(world.ports());
    let outcome = block_on(async {
        let plan = capture.plan(request("2026-0043")).await?;
        let log = custody_core::port::LogName::Acquisition {
            case: plan.request.case.clone(),
            acquisition: plan.acquisition.clone(),
        };
        capture
            .run(plan, custody_core::capture::Reach::SnapshotsOnly)
            .await?;
        let reason = "the wrong machine".parse()?;
        let none: &[SnapshotName] = &[];
        capture.abandon(log, circumstances(), &reason, none).await
    });
    assert_eq!(outcome.unwrap().state, Some(ClosingState::Abandoned));
    let report = verify(&Objects::of(&world.store), trust(&world.signers));
    assert_eq!(report.outcome, Outcome::Proven, "{}", text(&report));
    assert_eq!(report.acquisitions.len(), 2);
}

#[test]
fn the_report_is_json_and_comes_back_the_same() {
    let (objects, trust) = captured(&two_disks());
    let report = verify(&objects.without(&objects.named("/os.img")), trust);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(json.contains("\"outcome\":\"integrity-failure\""));
}
