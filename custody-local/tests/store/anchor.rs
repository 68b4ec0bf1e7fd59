use std::io::Write as _;

use bytes::Bytes;
use custody_core::Error;
use custody_core::digest::Sha256Digest;
use custody_core::port::{LogAnchor as _, LogHead, LogName};
use custody_local::DirectoryStore;
use futures::TryStreamExt as _;

use crate::open;
use crate::support::{Scratch, log, names, object, put, wait};

fn lines(texts: &[&str]) -> Vec<Bytes> {
    texts
        .iter()
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect()
}

fn read(store: &DirectoryStore, log: &LogName, from: u64) -> Vec<Bytes> {
    wait(store.lines(log, from).try_collect()).unwrap()
}

#[test]
fn lines_are_appended_behind_a_known_head_only() {
    let scratch = Scratch::new();
    let store = open(scratch.path());
    for log in [log(), LogName::Register] {
        assert_eq!(wait(store.head(&log)).unwrap(), LogHead::EMPTY);
        assert!(read(&store, &log, 0).is_empty());
        let first = wait(store.append(&log, &LogHead::EMPTY, &lines(&["one", "two"])))
            .unwrap()
            .value;
        assert_eq!(first, LogHead::EMPTY.after(b"one").after(b"two"));
        let refused = wait(store.append(&log, &LogHead::EMPTY, &lines(&["three"]))).unwrap_err();
        assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
        let second = wait(store.append(&log, &first, &lines(&["three"])))
            .unwrap()
            .value;
        assert_eq!(wait(open(scratch.path()).head(&log)).unwrap(), second);
        assert_eq!(read(&store, &log, 0), ["one", "two", "three"]);
        assert_eq!(read(&store, &log, 2), ["three"]);
        assert!(read(&store, &log, 3).is_empty());
    }
    assert_eq!(
        std::fs::read(scratch.join("register.jsonl")).unwrap(),
        b"one\ntwo\nthree\n"
    );
}

#[test]
fn a_line_with_a_line_feed_is_refused_with_all_lines_of_its_call() {
    let scratch = Scratch::new();
    let store = open(scratch.path());
    for bad in ["", "a\nb", "\n"] {
        let refused = wait(store.append(&log(), &LogHead::EMPTY, &lines(&["good", bad]))).unwrap_err();
        assert!(matches!(refused, Error::Misuse { .. }), "{refused}");
    }
    assert_eq!(wait(store.head(&log())).unwrap(), LogHead::EMPTY);
}

#[test]
fn another_writers_lines_are_seen_in_spite_of_what_is_remembered() {
    let scratch = Scratch::new();
    let (one, other) = (open(scratch.path()), open(scratch.path()));
    let mut head = LogHead::EMPTY;
    for turn in 0..10 {
        let writer = if turn % 2 == 0 { &one } else { &other };
        assert_eq!(wait(writer.head(&log())).unwrap(), head);
        head = wait(writer.append(&log(), &head, &lines(&["line"])))
            .unwrap()
            .value;
    }
    assert_eq!(read(&one, &log(), 0).len(), 10);
}

#[test]
fn a_line_torn_at_any_byte_is_finished_by_the_append_that_repeats_it() {
    let (first, second) = ("{\"seq\":0}", "{\"seq\":1}");
    for cut in 1..=second.len() {
        let scratch = Scratch::new();
        let head = wait(open(scratch.path()).append(&log(), &LogHead::EMPTY, &lines(&[first])))
            .unwrap()
            .value;
        write_behind(&scratch, &second.as_bytes()[..cut]);
        let store = open(scratch.path());
        assert_eq!(wait(store.head(&log())).unwrap(), head, "torn at {cut}");
        let acted = wait(store.append(&log(), &head, &lines(&[second]))).unwrap();
        assert!(
            acted.service.is_empty(),
            "bytes of the repeated line were taken back"
        );
        assert_eq!(read(&store, &log(), 0), [first, second], "torn at {cut}");
    }
}

#[test]
fn of_a_call_torn_at_any_byte_no_line_is_seen_and_repeating_it_settles_it() {
    let (first, batch) = ("{\"seq\":0}", ["{\"seq\":1}", "{\"seq\":2}", "{\"seq\":3}"]);
    let payload = format!("{}\n", batch.join("\n"));
    for (cut, other) in (0..payload.len()).flat_map(|cut| [(cut, false), (cut, true)]) {
        let scratch = Scratch::new();
        let head = wait(open(scratch.path()).append(&log(), &LogHead::EMPTY, &lines(&[first])))
            .unwrap()
            .value;
        // What `append` leaves when it is stopped between its write and the end of it.
        let note = format!("{} {}\n", first.len() + 1, payload.len());
        let folder = scratch.join(object("x").folder().unwrap().as_str());
        std::fs::write(folder.join(".pending-log.jsonl"), note).unwrap();
        write_behind(&scratch, &payload.as_bytes()[..cut]);
        let store = open(scratch.path());
        assert_eq!(wait(store.head(&log())).unwrap(), head, "torn at {cut}");
        assert_eq!(read(&store, &log(), 0), [first], "torn at {cut}");
        let next = if other {
            lines(&["{\"seq\":9}"])
        } else {
            lines(&batch)
        };
        let acted = wait(store.append(&log(), &head, &next)).unwrap();
        let told = other && cut > 0 && !"{\"seq\":9}\n".starts_with(&payload[..cut]);
        assert_eq!(!acted.service.is_empty(), told, "torn at {cut}");
        let all: Vec<Bytes> = lines(&[first]).into_iter().chain(next).collect();
        assert_eq!(read(&open(scratch.path()), &log(), 0), all, "torn at {cut}");
        assert_eq!(names(&folder), ["log.jsonl"], "the note is gone");
    }
}

#[test]
fn a_note_of_an_append_that_was_finished_changes_nothing() {
    let scratch = Scratch::new();
    let head = wait(open(scratch.path()).append(&log(), &LogHead::EMPTY, &lines(&["one", "two"])))
        .unwrap()
        .value;
    let folder = scratch.join(object("x").folder().unwrap().as_str());
    std::fs::write(folder.join(".pending-log.jsonl"), "0 8\n").unwrap();
    let store = open(scratch.path());
    assert_eq!(wait(store.head(&log())).unwrap(), head);
    wait(store.append(&log(), &head, &lines(&["three"]))).unwrap();
    assert_eq!(read(&store, &log(), 0), ["one", "two", "three"]);
    assert_eq!(names(&folder), ["log.jsonl"], "the note is gone");
}

#[test]
fn a_note_that_custody_did_not_write_is_named() {
    let scratch = Scratch::new();
    wait(open(scratch.path()).append(&log(), &LogHead::EMPTY, &lines(&["one"]))).unwrap();
    let folder = scratch.join(object("x").folder().unwrap().as_str());
    std::fs::write(folder.join(".pending-log.jsonl"), "zero").unwrap();
    let error = wait(open(scratch.path()).head(&log())).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

fn write_behind(scratch: &Scratch, bytes: &[u8]) {
    std::fs::File::options()
        .append(true)
        .open(scratch.join(object("log.jsonl").as_str()))
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

#[test]
fn a_torn_tail_of_another_line_is_taken_back_and_told() {
    let scratch = Scratch::new();
    put(&scratch.join("register.jsonl"), "one\nhalf of a l");
    let store = open(scratch.path());
    let head = wait(store.head(&LogName::Register)).unwrap();
    assert_eq!(head, LogHead::EMPTY.after(b"one"));
    assert_eq!(read(&store, &LogName::Register, 0), ["one"], "a tail is no line");
    let acted = wait(store.append(&LogName::Register, &head, &lines(&["two"]))).unwrap();
    assert_eq!(acted.service.ids["taken-back-bytes"], "11");
    assert_eq!(
        acted.service.ids["taken-back-sha256"],
        Sha256Digest::of(b"half of a l").to_string()
    );
    assert_eq!(read(&store, &LogName::Register, 0), ["one", "two"]);
}

#[test]
fn a_changed_last_line_is_noticed_by_its_digest() {
    let scratch = Scratch::new();
    let store = open(scratch.path());
    let head = wait(store.append(&log(), &LogHead::EMPTY, &lines(&["one"])))
        .unwrap()
        .value;
    std::fs::write(scratch.join(object("log.jsonl").as_str()), "two\n").unwrap();
    let refused = wait(store.append(&log(), &head, &lines(&["three"]))).unwrap_err();
    assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
}

#[test]
fn a_long_log_is_read_in_blocks_and_no_line_is_lost() {
    let scratch = Scratch::new();
    let all: Vec<String> = (0..3000)
        .map(|i| format!("{i}:{}", "x".repeat(i % 777)))
        .collect();
    std::fs::write(scratch.join("register.jsonl"), format!("{}\n", all.join("\n"))).unwrap();
    let store = open(scratch.path());
    assert_eq!(read(&store, &LogName::Register, 0), all);
    assert_eq!(read(&store, &LogName::Register, 2990), all[2990..]);
    assert_eq!(
        wait(store.head(&LogName::Register)).unwrap(),
        LogHead::new(3000, Sha256Digest::of(all[2999].as_bytes()))
    );
}

#[test]
fn a_checkpoint_is_put_once() {
    let scratch = Scratch::new();
    let store = open(scratch.path());
    for _ in 0..2 {
        wait(store.put_checkpoint(&log(), 7, b"note")).unwrap();
    }
    for other in [&b"not"[..], b"notes", b""] {
        let refused = wait(store.put_checkpoint(&log(), 7, other)).unwrap_err();
        assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
    }
    let note = scratch.join(&format!(
        "{}/checkpoints/00000000000000000007.note",
        object("x").folder().unwrap()
    ));
    assert_eq!(std::fs::read(note).unwrap(), b"note");
}

#[test]
fn a_note_that_a_stopped_process_left_unfinished_goes_with_the_next_one_and_a_live_ones_stays() {
    let scratch = Scratch::new();
    let store = open(scratch.path());
    wait(store.put_checkpoint(&log(), 5, b"note of five")).unwrap();
    let folder = scratch.join(&format!("{}/checkpoints", object("x").folder().unwrap()));
    let unfinished = |size: u64| folder.join(format!(".partial-{size:020}.note"));
    std::fs::write(unfinished(7), b"half a no").unwrap();
    std::fs::write(unfinished(8), b"half a no").unwrap();
    let live = std::fs::File::open(unfinished(8)).unwrap();
    live.lock().unwrap();
    wait(store.put_checkpoint(&log(), 9, b"note of nine")).unwrap();
    let left = [
        ".partial-00000000000000000008.note",
        "00000000000000000005.note",
        "00000000000000000009.note",
    ];
    assert_eq!(names(&folder), left);
}
