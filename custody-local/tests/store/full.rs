use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use custody_core::Error;
use custody_core::port::{EvidenceReaderExt as _, LogAnchor as _, LogHead, LogName};
use custody_local::{DirectoryStore, StoreOptions};

use crate::open;
use crate::support::{Scratch, begin, data, names, object, pattern, store, wait};

/// A file system in memory, of one MiB.
struct Small(Scratch);

impl Small {
    fn mount() -> Self {
        let scratch = Scratch::new();
        run(
            "mount",
            &["-t", "tmpfs", "-o", "size=1m,mode=700", "none"],
            scratch.path(),
        );
        Self(scratch)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &[], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let status = Command::new(program).args(arguments).arg(path).status().unwrap();
    assert!(status.success(), "{program} failed");
}

#[test]
#[ignore = "needs root"]
fn a_full_store_is_no_space_and_keeps_what_it_has() {
    let small = Small::mount();
    let sink = open(small.0.path());
    store(&sink, &object("first"), &pattern(1000, 1)).unwrap();
    let mut deposit = begin(&sink, &object("large"), 8 << 20).unwrap();
    let mib = pattern(1 << 20, 2);
    let refused = (0..8)
        .find_map(|i| wait(deposit.write(data(i << 20, &mib))).err())
        .unwrap();
    assert!(matches!(refused, Error::NoSpace { .. }), "{refused}");
    wait(deposit.abort()).unwrap();
    assert_eq!(
        names(&small.0.join(object("x").folder().unwrap().as_str())),
        ["first"]
    );
    assert_eq!(
        wait(sink.fetch(&object("first"), 1000)).unwrap(),
        pattern(1000, 1)
    );
    // A program that another test is starting has a copy of every open file until it begins, of what is gone as well.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = store(&sink, &object("large"), &pattern(1000, 3)) {
        let waits = matches!(error, Error::NoSpace { .. }) && Instant::now() < deadline;
        assert!(waits, "the room is free again: {error}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "needs root"]
fn an_append_without_room_leaves_the_log_as_it_was() {
    let small = Small::mount();
    let anchor = open(small.0.path());
    let head = wait(anchor.append(&LogName::Register, &LogHead::EMPTY, &[Bytes::from_static(b"one")]))
        .unwrap()
        .value;
    let refused =
        wait(anchor.append(&LogName::Register, &head, &[Bytes::from(vec![b'x'; 2 << 20])])).unwrap_err();
    assert!(matches!(refused, Error::NoSpace { .. }), "{refused}");
    assert_eq!(std::fs::read(small.0.join("register.jsonl")).unwrap(), b"one\n");
    wait(anchor.append(&LogName::Register, &head, &[Bytes::from_static(b"two")])).unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_store_on_a_read_only_file_system_is_refused_and_can_be_read() {
    let small = Small::mount();
    store(&open(small.0.path()), &object("disk.raw"), &pattern(1000, 1)).unwrap();
    run("mount", &["-o", "remount,ro"], small.0.path());
    let refused = DirectoryStore::create_or_open(small.0.path(), StoreOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("mounted read-only"), "{refused}");
    let reader = custody_local::DirectoryReader::open(small.0.path()).unwrap();
    assert_eq!(
        wait(reader.fetch(&object("disk.raw"), 1000)).unwrap(),
        pattern(1000, 1)
    );
}
