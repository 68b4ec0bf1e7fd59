//! What cannot be read is never shown as fine, and hostile bytes do no harm.
mod support;
mod verify_support;

use std::num::NonZeroUsize;
use std::sync::Arc;

use custody_core::digest::CHUNK_BYTES;
use custody_core::extent::ByteRange;
use custody_core::port::StopSwitch;
use custody_core::verify::{Outcome, VerifyOptions, Weight};
use custody_testkit::fake::{FakeDisk, RecordingProgress, ScriptedStop};
use futures::executor::block_on;
use support::failing::FailingReader;
use verify_support::*;

#[test]
fn i08_an_object_that_cannot_be_opened_is_could_not_check() {
    let (objects, trust) = captured(&two_disks());
    for name in objects.names() {
        let reader = FailingReader {
            store: objects.store(),
            name: name.clone(),
        };
        let report = block_on(verifier(reader, trust.clone()).verify());
        assert!(
            report.outcome >= Outcome::CouldNotCheck,
            "{name}: {}",
            text(&report)
        );
        let finding = about(&report, &name);
        let fair = finding.weight == Weight::CouldNotCheck || name.as_str().ends_with(".note");
        assert!(fair, "{name}: {}", text(&report));
    }
}

#[test]
fn i08_sectors_of_the_stored_copy_that_cannot_be_read_are_named() {
    let world = world(vec![FakeDisk::patterned(
        "big.img",
        usize::try_from(3 * CHUNK_BYTES).unwrap(),
        1,
    )]);
    let (objects, trust) = captured(&world);
    let name = objects.named("/big.img");
    let store = objects.store();
    store
        .fail_reads(&name, ByteRange::at(CHUNK_BYTES + 5, 512))
        .unwrap();
    let report = block_on(verifier(store, trust.clone()).verify());
    assert_eq!(report.outcome, Outcome::CouldNotCheck, "{}", text(&report));
    assert!(
        about(&report, &name).found.contains("could not be read"),
        "{}",
        text(&report)
    );

    // What is wrong elsewhere is found all the same.
    let mut bytes = objects.bytes(&name).to_vec();
    bytes[7] ^= 1;
    let store = objects.with(&name, bytes).store();
    store
        .fail_reads(&name, ByteRange::at(CHUNK_BYTES + 5, 512))
        .unwrap();
    let report = block_on(verifier(store, trust).verify());
    assert_eq!(report.outcome, Outcome::IntegrityFailure, "{}", text(&report));
    assert_eq!(about(&report, &name).ranges, [ByteRange::at(0, CHUNK_BYTES)]);
}

#[test]
fn a_stop_at_any_moment_is_could_not_check() {
    let (objects, trust) = captured(&two_disks());
    for poll in 1.. {
        let stop = ScriptedStop::new();
        stop.stop_at(poll);
        let options = VerifyOptions::default().with_stop(Arc::new(stop.clone()));
        let report = verify_with(&objects, trust.clone(), options);
        if report.outcome == Outcome::Proven {
            assert!(poll > 3, "it never looked");
            break;
        }
        assert!(
            text(&report).contains("stopped on request"),
            "{poll}: {}",
            text(&report)
        );
        assert!(
            report.outcome >= Outcome::CouldNotCheck,
            "{poll}: {}",
            text(&report)
        );
    }
    let switch = StopSwitch::default();
    switch.stop();
    let options = VerifyOptions::default().with_stop(Arc::new(switch));
    let report = verify_with(&objects, trust, options);
    assert!(report.outcome >= Outcome::CouldNotCheck, "{}", text(&report));
}

#[test]
fn progress_tells_of_every_item_up_to_its_last_byte() {
    let (objects, trust) = captured(&two_disks());
    let progress = RecordingProgress::new();
    let options = VerifyOptions::default().with_progress(Arc::new(progress.clone()));
    assert_proven(&verify_with(&objects, trust, options));
    for (file, length) in [("os.img", 300), ("data.img", 200)] {
        let last = progress
            .reports()
            .into_iter()
            .rfind(|report| report.name == file)
            .unwrap();
        assert_eq!((last.done, last.total), (length, length));
    }
}

#[test]
fn how_many_items_are_under_way_changes_nothing_of_the_report() {
    let disks = (0_u8..6)
        .map(|n| FakeDisk::patterned(&format!("disk-{n}"), 600, n))
        .collect();
    let (objects, trust) = captured(&world(disks));
    let reports: Vec<_> = [1, 2, 16]
        .map(|items| {
            let items = NonZeroUsize::new(items).unwrap();
            verify_with(
                &objects,
                trust.clone(),
                VerifyOptions::default().with_items_at_once(items),
            )
        })
        .into();
    assert_proven(&reports[0]);
    assert!(reports.iter().all(|report| *report == reports[0]));
}

#[test]
fn hostile_bytes_in_any_object_are_an_outcome_and_never_a_panic() {
    let (objects, trust) = captured(&two_disks());
    let deep = "[".repeat(100_000);
    let long_line = vec![b'a'; 17 * 1024 * 1024];
    let huge_number = format!("{{\"size\":{}}}", "9".repeat(400));
    let hostile: [&[u8]; 8] = [
        b"",
        b"\n",
        b"\n\n\n\n",
        b"{}\n",
        b"\xff\xfe\x00",
        deep.as_bytes(),
        huge_number.as_bytes(),
        &long_line,
    ];
    for name in objects.names() {
        for bytes in hostile {
            // The long line is for what is read by lines; elsewhere it would only take time.
            if bytes.len() > 1_000_000 && !name.as_str().ends_with("log.jsonl") {
                continue;
            }
            let report = verify(&objects.with(&name, bytes), trust.clone());
            assert_eq!(
                report.outcome,
                Outcome::IntegrityFailure,
                "{name}: {}",
                text(&report)
            );
            about(&report, &name);
        }
    }
}
