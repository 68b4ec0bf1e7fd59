use std::io::Write as _;

use custody_core::Error;
use custody_core::port::{LogHead, LogStore as _};
use custody_local::JournalStore;
use futures::TryStreamExt as _;

use crate::open;
use crate::support::{Scratch, acquisition, log, names, wait};

fn read(journal: &JournalStore) -> Vec<bytes::Bytes> {
    wait(journal.lines(&log(), 0).try_collect()).unwrap()
}

fn tear(scratch: &Scratch, bytes: &[u8]) {
    let path = scratch.join(&format!("acquisitions/{}/log.jsonl", acquisition()));
    std::fs::File::options()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_is_no_line_blocks_appending_and_is_set_aside_whole() {
    let line = b"{\"seq\":1,\"type\":\"done\"}";
    let scratch = Scratch::new();
    let mut head = wait(
        open(scratch.path())
            .journal()
            .append(&log(), &LogHead::EMPTY, b"{\"seq\":0}"),
    )
    .unwrap();
    let mut expected = vec![bytes::Bytes::from_static(b"{\"seq\":0}")];
    for cut in 1..=line.len() {
        tear(&scratch, &line[..cut]);
        let journal = open(scratch.path()).journal();
        assert_eq!(wait(journal.head(&log())).unwrap(), head);
        assert_eq!(read(&journal), expected);
        let refused = wait(journal.append(&log(), &head, b"next")).unwrap_err();
        assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
        assert_eq!(
            wait(journal.set_aside_tail(&log())).unwrap().unwrap(),
            line[..cut]
        );
        assert_eq!(wait(journal.set_aside_tail(&log())).unwrap(), None);
        let kept = scratch.join(&format!("acquisitions/{}/torn-{}-0", acquisition(), head.size));
        assert_eq!(std::fs::read(kept).unwrap(), line[..cut]);
        head = wait(journal.append(&log(), &head, b"next")).unwrap();
        expected.push(bytes::Bytes::from_static(b"next"));
    }
}

#[test]
fn two_tails_behind_the_same_line_are_both_kept() {
    let scratch = Scratch::new();
    let journal = open(scratch.path()).journal();
    wait(journal.append(&log(), &LogHead::EMPTY, b"one")).unwrap();
    for tail in [&b"half"[..], b"another half"] {
        tear(&scratch, tail);
        wait(journal.set_aside_tail(&log())).unwrap();
    }
    let folder = scratch.join(&format!("acquisitions/{}", acquisition()));
    assert_eq!(names(&folder), ["log.jsonl", "torn-1-0", "torn-1-1"]);
    assert_eq!(std::fs::read(folder.join("torn-1-1")).unwrap(), b"another half");
}

#[test]
fn a_journal_of_another_process_is_seen_in_spite_of_what_is_remembered() {
    let scratch = Scratch::new();
    let (one, other) = (open(scratch.path()).journal(), open(scratch.path()).journal());
    let first = wait(one.append(&log(), &LogHead::EMPTY, b"one")).unwrap();
    let second = wait(other.append(&log(), &first, b"two")).unwrap();
    assert!(matches!(
        wait(one.append(&log(), &first, b"lost")),
        Err(Error::Precondition { .. })
    ));
    wait(one.append(&log(), &second, b"three")).unwrap();
    assert_eq!(read(&other), ["one", "two", "three"]);
}
