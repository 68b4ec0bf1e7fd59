//! Whatever is changed in a store is found, and named by object and place.
#![expect(clippy::indexing_slicing, reason = "tests")]

mod verify_support;

use custody_core::custody_log::Trust;
use custody_core::digest::CHUNK_BYTES;
use custody_core::extent::ByteRange;
use custody_core::ids::ObjectName;
use custody_core::verify::{Outcome, Report};
use custody_testkit::fake::{FakeDisk, FakeWorld};
use verify_support::*;

/// A world with one small disk that leaves in its store everything that a store can hold.
fn small_world() -> FakeWorld {
    let fault = custody_core::extent::ReadFault::new("EIO", 3);
    let disk = FakeDisk::patterned("os.img", 2048, 1)
        .with_hole(ByteRange::at(512, 512))
        .with_unread(ByteRange::at(1024, 512), fault);
    world(vec![disk]).with_timestamps()
}

fn small() -> (Objects, Trust) {
    captured(&small_world())
}

/// A changed store must be an integrity failure that names the changed object.
fn must_fail(objects: &Objects, trust: &Trust, name: &ObjectName, what: &str) -> Report {
    let report = verify(objects, trust.clone());
    assert_eq!(
        report.outcome,
        Outcome::IntegrityFailure,
        "{name}, {what}: {}",
        text(&report)
    );
    let named = weighty(&report)
        .iter()
        .any(|finding| finding.object == name.as_str());
    assert!(named, "{name}, {what}: is not named: {}", text(&report));
    report
}

/// The line (from 1) that a byte belongs to; a line feed belongs to the line it ends.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn names_line(report: &Report, name: &ObjectName, line: usize) -> bool {
    let words = [format!("line {line}"), format!("to {line}")];
    report.all_findings().any(|finding| {
        let place = format!("{} ", finding.place.replace([',', ':'], " "));
        finding.object == name.as_str() && words.iter().any(|word| place.contains(&format!("{word} ")))
    })
}

fn flip(objects: &Objects, trust: &Trust, name: &ObjectName, at: usize) {
    let mut bytes = objects.bytes(name).to_vec();
    bytes[at] ^= 1 << (at % 8);
    let report = must_fail(
        &objects.with(name, bytes),
        trust,
        name,
        &format!("byte {at} flipped"),
    );
    if name.as_str().ends_with(".jsonl") {
        let line = line_of(objects.bytes(name), at);
        assert!(
            names_line(&report, name, line),
            "byte {at}, line {line}: {}",
            text(&report)
        );
    }
}

/// Objects that are so long that only some of their bytes are flipped where time matters.
fn is_long(name: &ObjectName) -> bool {
    name.as_str().ends_with(".jsonl") || name.as_str().ends_with(".json")
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_small_object_is_found_and_its_object_named() {
    let (objects, trust) = small();
    for name in objects.names().iter().filter(|name| !is_long(name)) {
        for at in 0..objects.bytes(name).len() {
            flip(&objects, &trust, name, at);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_log_is_found_and_its_line_named() {
    let (objects, trust) = small();
    for name in objects.names().iter().filter(|name| is_long(name)) {
        let bytes = objects.bytes(name);
        let feeds = (0..bytes.len()).filter(|at| bytes[*at] == b'\n');
        for at in feeds.chain((0..bytes.len()).step_by(101)) {
            flip(&objects, &trust, name, at);
        }
    }
}

#[test]
#[ignore = "takes minutes: a bit of every byte of every object"]
fn a_flipped_bit_in_any_byte_at_all_is_found() {
    let (objects, trust) = captured(&small_world().with_second_signer());
    for name in objects.names() {
        for at in 0..objects.bytes(&name).len() {
            flip(&objects, &trust, &name, at);
        }
    }
}

#[test]
fn a_cut_at_any_length_is_found() {
    let (objects, trust) = small();
    for name in objects.names() {
        let bytes = objects.bytes(&name);
        let step = if is_long(&name) { 97 } else { 7 };
        let cuts = (0..bytes.len()).step_by(step).chain([bytes.len() - 1]);
        for length in cuts {
            let cut = objects.with(&name, &bytes[..length]);
            must_fail(&cut, &trust, &name, &format!("cut to {length} bytes"));
        }
    }
}

#[test]
fn an_appended_byte_is_found() {
    let (objects, trust) = small();
    for name in objects.names() {
        for extra in [b'\n', b' ', 0, b'x'] {
            let longer = [objects.bytes(&name), &[extra]].concat();
            let report = verify(&objects.with(&name, longer), trust.clone());
            assert!(report.outcome > Outcome::Proven, "{name}: {}", text(&report));
            about(&report, &name);
        }
    }
}

#[test]
fn a_deleted_object_is_found_and_named() {
    let (objects, trust) = small();
    for name in objects.names() {
        let report = verify(&objects.without(&name), trust.clone());
        assert!(report.outcome > Outcome::CouldNotCheck || name.as_str().starts_with("register-checkpoints"));
        assert_ne!(about(&report, &name).weight.outcome(), Outcome::Proven);
    }
}

#[test]
fn a_removed_case_is_found_in_the_register() {
    let world = two_disks();
    for case in ["2026-0001", "2026-0002"] {
        capture_as(&world, request(case));
    }
    let objects = Objects::of(&world.store);
    let mut hidden = objects.clone();
    hidden
        .0
        .retain(|name, _| !name.as_str().starts_with("cases/2026-0001/"));
    let report = verify(&hidden, trust(&world.signers));
    assert_eq!(report.outcome, Outcome::IntegrityFailure);
    assert!(text(&report).contains("cases/2026-0001/"), "{}", text(&report));
    assert!(text(&report).contains("it was removed"), "{}", text(&report));
}

#[test]
fn lines_that_are_dropped_repeated_or_swapped_are_found_and_named() {
    let (objects, trust) = small();
    for suffix in ["/log.jsonl", "register.jsonl"] {
        let name = objects.named(suffix);
        let lines = objects.lines(&name);
        for line in 0..lines.len() {
            let mut dropped = lines.clone();
            dropped.remove(line);
            let report = must_fail(&objects.with(&name, dropped.concat()), &trust, &name, "dropped");
            assert!(
                names_line(&report, &name, line + 1),
                "dropped {}: {}",
                line + 1,
                text(&report)
            );

            let mut repeated = lines.clone();
            repeated.insert(line, lines[line].clone());
            let report = must_fail(&objects.with(&name, repeated.concat()), &trust, &name, "repeated");
            assert!(
                names_line(&report, &name, line + 2),
                "repeated {}: {}",
                line + 1,
                text(&report)
            );

            if line + 1 < lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(line, line + 1);
                let report = must_fail(&objects.with(&name, swapped.concat()), &trust, &name, "swapped");
                assert!(
                    names_line(&report, &name, line + 1),
                    "swapped {}: {}",
                    line + 1,
                    text(&report)
                );
            }
        }
    }
}

#[test]
fn two_items_that_were_swapped_are_both_named() {
    let world = world(vec![
        FakeDisk::patterned("a.img", 700, 1),
        FakeDisk::patterned("b.img", 700, 2),
    ]);
    let (objects, trust) = captured(&world);
    for suffix in ["img", "img.chunks.sha256"] {
        let (a, b) = (
            objects.named(&format!("/a.{suffix}")),
            objects.named(&format!("/b.{suffix}")),
        );
        let swapped = objects.with(&a, objects.bytes(&b)).with(&b, objects.bytes(&a));
        for name in [&a, &b] {
            must_fail(&swapped, &trust, name, "swapped");
        }
    }
}

#[test]
fn notes_that_were_swapped_or_put_under_another_size_are_named() {
    let (objects, trust) = captured(&small_world().with_second_signer());
    let notes: Vec<ObjectName> = objects
        .names()
        .into_iter()
        .filter(|name| name.as_str().ends_with(".note"))
        .collect();
    for one in &notes {
        for other in notes.iter().filter(|other| *other != one) {
            must_fail(
                &objects.with(one, objects.bytes(other)),
                &trust,
                one,
                other.as_str(),
            );
        }
        let folder = one.folder().unwrap();
        let elsewhere: ObjectName = format!("{folder}/{:020}.note", 4).parse().unwrap();
        if !objects.0.contains_key(&elsewhere) {
            must_fail(
                &objects.with(&elsewhere, objects.bytes(one)),
                &trust,
                &elsewhere,
                "copied",
            );
        }
    }
}

#[test]
fn what_no_record_covers_is_named_and_not_proven() {
    let (objects, trust) = captured(&two_disks());
    let folder = objects.named("/os.img").folder().unwrap();
    for stray in [
        "notes.txt".to_owned(),
        "cases/readme".to_owned(),
        "cases/2026-0042/readme".to_owned(),
        "register-checkpoints/readme".to_owned(),
        format!("{folder}/os.img.bak"),
        format!("{folder}/os.attempt-2.img"),
        format!("{folder}/more/os.img"),
        format!("{folder}/checkpoints/readme"),
    ] {
        let name: ObjectName = stray.parse().unwrap();
        let report = verify(&objects.with(&name, "x"), trust.clone());
        assert_eq!(report.outcome, Outcome::NotProven, "{stray}: {}", text(&report));
        about(&report, &name);
    }
}

#[test]
fn foreign_and_hidden_files_are_named_and_not_proven() {
    let (objects, trust) = captured(&two_disks());
    let store = objects.store();
    store.put_nameless("cases/.hidden");
    let report = futures::executor::block_on(verifier(store, trust).verify());
    assert_eq!(report.outcome, Outcome::NotProven, "{}", text(&report));
    assert!(text(&report).contains(".hidden"), "{}", text(&report));
}

#[test]
fn a_changed_byte_is_located_to_its_chunk() {
    let chunk = usize::try_from(CHUNK_BYTES).unwrap();
    let world = world(vec![FakeDisk::patterned("big.img", 3 * chunk + 100, 1)]);
    let (objects, trust) = captured(&world);
    let name = objects.named("/big.img");
    for (at, range) in [
        (5, ByteRange::at(0, CHUNK_BYTES)),
        (2 * chunk, ByteRange::at(2 * CHUNK_BYTES, CHUNK_BYTES)),
        (3 * chunk + 99, ByteRange::at(3 * CHUNK_BYTES, 100)),
    ] {
        let mut bytes = objects.bytes(&name).to_vec();
        bytes[at] ^= 0x40;
        let report = must_fail(&objects.with(&name, bytes), &trust, &name, "flipped");
        let finding = about(&report, &name);
        assert_eq!(finding.ranges, [range], "{finding}");
        assert!(finding.place.contains(&range.to_string()), "{finding}");
        assert_eq!(weighty(&report).len(), 1, "{}", text(&report));
    }
    let list = objects.named("/big.img.chunks.sha256");
    let mut bytes = objects.bytes(&list).to_vec();
    bytes[68 * 2 + 7] ^= 1;
    let report = must_fail(&objects.with(&list, bytes), &trust, &list, "flipped");
    assert_eq!(about(&report, &list).place, "line 3", "{}", text(&report));
    assert_eq!(weighty(&report).len(), 1, "{}", text(&report));
}

#[test]
fn a_wrong_line_of_the_sums_is_named() {
    let (objects, trust) = captured(&two_disks());
    let sums = objects.named("/SHA256SUMS");
    for line in 0..objects.lines(&sums).len() {
        let mut lines = objects.lines(&sums);
        lines[line][3] ^= 1;
        let report = must_fail(&objects.with(&sums, lines.concat()), &trust, &sums, "flipped");
        assert!(names_line(&report, &sums, line + 1), "{}", text(&report));
    }
}

#[test]
fn bytes_in_a_range_that_the_record_calls_zero_are_found() {
    let (objects, trust) = small();
    let name = objects.named("/os.img");
    for at in [512, 1023, 1024, 1535] {
        let mut bytes = objects.bytes(&name).to_vec();
        bytes[at] = 1;
        let report = must_fail(&objects.with(&name, bytes), &trust, &name, "not zero");
        let place = format!("byte {at}");
        assert!(
            report.all_findings().any(|finding| finding.place == place),
            "{}",
            text(&report)
        );
    }
}

#[test]
fn the_bytes_of_another_acquisition_are_not_this_ones() {
    let one = two_disks();
    let (objects, trust) = captured(&one);
    let other: FakeWorld = two_disks();
    capture_as(&other, request("2026-0099"));
    let others = Objects::of(&other.store);
    for suffix in ["/log.jsonl", "/manifest.json", "/manifest.dsse.json"] {
        let name = objects.named(suffix);
        must_fail(
            &objects.with(&name, others.bytes(&others.named(suffix))),
            &trust,
            &name,
            "replaced",
        );
    }
}
