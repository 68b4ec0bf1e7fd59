use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use custody_core::Error;
use custody_core::extent::{ByteRange, Span};
use custody_core::port::{EvidenceReader as _, ImageReaderExt as _, LogAnchor as _, LogHead};
use futures::TryStreamExt as _;
use proptest::prelude::*;

use crate::open;
use crate::support::{Scratch, log, object, pattern, store, wait};

#[test]
fn what_is_not_there_is_not_found_and_a_folder_is_no_object() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    store(&sink, &object("disk.raw"), &pattern(10, 1)).unwrap();
    for name in [
        object("other"),
        object("disk.raw").folder().unwrap(),
        object("disk.raw").join(&"x".parse().unwrap()),
    ] {
        let error = wait(sink.open(&name)).map(drop).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}

#[test]
fn an_object_changed_while_it_is_read_gives_no_bytes() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object("disk.raw");
    store(&sink, &name, &pattern(10_000, 1)).unwrap();
    let path = scratch.join(name.as_str());
    let image = wait(sink.open(&name)).unwrap();
    assert_eq!(wait(image.read_whole(20_000)).unwrap(), pattern(10_000, 1));
    // Opened for writing as its owner can after a chmod.
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"!", 5).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(matches!(
        wait(image.read_bytes(ByteRange::at(0, 10))).unwrap_err(),
        Error::Integrity { .. }
    ));
    let image = wait(sink.open(&name)).unwrap();
    file.set_len(5000).unwrap();
    assert!(matches!(
        wait(image.read_bytes(ByteRange::at(0, 10_000))).unwrap_err(),
        Error::Integrity { .. }
    ));
}

#[test]
fn an_object_replaced_by_another_gives_no_bytes() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let name = object("disk.raw");
    store(&sink, &name, &pattern(1000, 1)).unwrap();
    let image = wait(sink.open(&name)).unwrap();
    let path = scratch.join(name.as_str());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, pattern(1000, 2)).unwrap();
    assert!(matches!(
        wait(image.read_whole(1000)).unwrap_err(),
        Error::Precondition { .. }
    ));
}

#[test]
fn a_log_is_read_to_where_it_ended_while_it_grows() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    let line = |text: &'static str| vec![Bytes::from_static(text.as_bytes())];
    let head = wait(sink.append(&log(), &LogHead::EMPTY, &line("one")))
        .unwrap()
        .value;
    let image = wait(sink.open(&object("log.jsonl"))).unwrap();
    wait(sink.append(&log(), &head, &line("two"))).unwrap();
    assert_eq!(wait(image.read_whole(100)).unwrap(), "one\n");
    std::fs::File::options()
        .write(true)
        .open(scratch.join(object("log.jsonl").as_str()))
        .unwrap()
        .set_len(2)
        .unwrap();
    assert!(
        wait(image.read_whole(100)).is_err(),
        "a log that was cut gives bytes"
    );
}

#[test]
fn a_range_beyond_the_object_is_misuse() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    store(&sink, &object("disk.raw"), &pattern(10, 1)).unwrap();
    let image = wait(sink.open(&object("disk.raw"))).unwrap();
    assert!(matches!(
        wait(image.read(ByteRange::at(5, 6))),
        Err(Error::Misuse { .. })
    ));
    assert!(wait(image.read(ByteRange::at(10, 0))).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn spans_cover_the_range_and_zero_spans_read_as_zeros(
        parts in prop::collection::vec((1_u64..200_000, any::<bool>()), 1..12),
        from in 0.0..1.0_f64,
        to in 0.0..1.2_f64,
    ) {
        let scratch = Scratch::new();
        let path = scratch.join("object");
        let file = std::fs::File::create(&path).unwrap();
        let length: u64 = parts.iter().map(|(length, _)| length).sum();
        file.set_len(length).unwrap();
        let mut at = 0;
        for (length, is_data) in parts {
            if is_data {
                file.write_all_at(&vec![0xab; usize::try_from(length).unwrap()], at).unwrap();
            }
            at += length;
        }
        let reader = custody_local::DirectoryReader::open(scratch.path()).unwrap();
        let image = wait(reader.open(&"object".parse().unwrap())).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        let place = |share: f64| (share * length as f64) as u64;
        let (start, end) = (place(from), place(to).max(place(from)));
        let spans: Vec<Span> = wait(image.spans(ByteRange::new(start, end).unwrap()).try_collect()).unwrap();
        let mut next = start;
        for span in &spans {
            prop_assert_eq!(span.range().start(), next);
            prop_assert!(!span.range().is_empty());
            next = span.range().end();
            if let Span::Zero(range, _) = span {
                prop_assert!(range.length() >= 64 * 1024);
                let bytes = wait(image.read_bytes(*range)).unwrap();
                prop_assert!(bytes.iter().all(|byte| *byte == 0));
            }
        }
        prop_assert_eq!(next, end.min(length).max(start));
    }
}
