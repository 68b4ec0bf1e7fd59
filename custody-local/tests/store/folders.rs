use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use custody_core::Error;
use custody_core::port::{EvidenceReader as _, EvidenceSink as _, LogAnchor as _, LogHead};
use custody_local::{DirectoryReader, DirectoryStore, StoreOptions};

use crate::open;
use crate::support::{Scratch, acquisition, log, make_folders, names, object, pattern, store, wait};

const NOBODY: u32 = 65534;

fn refusal(path: &Path) -> Error {
    DirectoryStore::create_or_open(path, StoreOptions::default()).unwrap_err()
}

#[test]
fn a_missing_store_is_made_for_this_user_alone() {
    let scratch = Scratch::new();
    open(&scratch.join("new/store"));
    for made in ["new", "new/store"] {
        let mode = std::fs::metadata(scratch.join(made))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{made} is open to others");
    }
}

#[test]
fn what_is_no_directory_is_refused_by_what_it_is() {
    let scratch = Scratch::new();
    std::fs::write(scratch.join("file"), "").unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, scratch.join("fifo"), rustix::fs::Mode::RWXU).unwrap();
    for (name, what) in [
        ("file", "is a file"),
        ("fifo", "is a FIFO"),
        ("file/below", "not a directory"),
    ] {
        let refused = refusal(&scratch.join(name));
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[test]
fn a_link_to_nowhere_is_no_store() {
    let scratch = Scratch::new();
    symlink(scratch.join("nowhere"), scratch.join("link")).unwrap();
    assert!(matches!(refusal(&scratch.join("link")), Error::NotFound { .. }));
    assert!(!scratch.join("nowhere").exists());
}

#[test]
fn a_folder_that_others_may_write_is_refused_unless_sticky() {
    let scratch = Scratch::new();
    let root = scratch.join("store");
    make_folders(&root);
    let set = |mode| std::fs::set_permissions(&root, std::fs::Permissions::from_mode(mode)).unwrap();
    for loose in [0o777, 0o775, 0o702] {
        set(loose);
        let refused = refusal(&root);
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
        assert!(refused.to_string().contains("chmod go-w"), "{refused}");
    }
    set(0o1777);
    open(&root);
}

#[test]
fn a_folder_opened_to_others_after_the_store_was_opened_is_refused_at_the_next_write() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    store(&sink, &object("first"), &pattern(10, 1)).unwrap();
    let cases = scratch.join("cases");
    std::fs::set_permissions(&cases, std::fs::Permissions::from_mode(0o777)).unwrap();
    let refused = store(&sink, &object("second"), &pattern(10, 1)).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let line = [bytes::Bytes::from_static(b"{}")];
    assert!(wait(sink.append(&log(), &LogHead::EMPTY, &line)).is_err());
    assert_eq!(
        wait(sink.describe(&object("first"))).unwrap().length,
        10,
        "reading goes on"
    );
}

#[test]
#[ignore = "needs root"]
fn another_users_folder_or_log_is_refused() {
    let scratch = Scratch::new();
    let sink = open(scratch.path());
    for part in ["cases", "cases/2026-0817", object("x").folder().unwrap().as_str()] {
        make_folders(&scratch.join(part));
        chown(scratch.join(part), Some(NOBODY), None).unwrap();
        let refused = store(&sink, &object("disk.raw"), &pattern(10, 1)).unwrap_err();
        assert!(refused.to_string().contains("belongs to user 65534"), "{refused}");
        chown(scratch.join(part), Some(0), None).unwrap();
    }
    let own = scratch.join(object("log.jsonl").as_str());
    std::fs::write(&own, "").unwrap();
    chown(&own, Some(NOBODY), None).unwrap();
    let line = [bytes::Bytes::from_static(b"{}")];
    assert!(wait(sink.append(&log(), &LogHead::EMPTY, &line)).is_err());
    assert_eq!(std::fs::read(&own).unwrap(), b"");
    let root = scratch.join("theirs");
    make_folders(&root);
    chown(&root, Some(NOBODY), None).unwrap();
    assert!(matches!(refusal(&root), Error::Refused { .. }));
    DirectoryReader::open(&root).expect("reading does not ask who owns it");
}

#[test]
fn a_link_at_any_level_leads_nowhere() {
    for part in [
        "cases",
        "cases/2026-0817",
        object("x").folder().unwrap().as_str(),
        object("disk.raw").as_str(),
    ] {
        let scratch = Scratch::new();
        let sink = open(&scratch.join("store"));
        let link = scratch.join("store").join(part);
        make_folders(link.parent().unwrap());
        make_folders(&scratch.join("outside"));
        symlink(scratch.join("outside"), &link).unwrap();
        assert!(
            store(&sink, &object("disk.raw"), &pattern(10, 1)).is_err(),
            "through {part}"
        );
        let line = [bytes::Bytes::from_static(b"{}")];
        if part != object("disk.raw").as_str() {
            assert!(
                wait(sink.append(&log(), &LogHead::EMPTY, &line)).is_err(),
                "through {part}"
            );
            assert!(
                wait(sink.state(&object("disk.raw"), &acquisition())).is_err(),
                "{part} counts as absent"
            );
        }
        assert!(wait(sink.open(&object("disk.raw"))).is_err(), "through {part}");
        assert!(
            names(&scratch.join("outside")).is_empty(),
            "something arrived through {part}"
        );
    }
}

#[test]
fn a_log_that_is_a_link_is_not_written_through() {
    let scratch = Scratch::new();
    let sink = open(&scratch.join("store"));
    std::fs::write(scratch.join("victim"), "untouched").unwrap();
    let own = scratch.join("store").join(object("log.jsonl").as_str());
    make_folders(own.parent().unwrap());
    symlink(scratch.join("victim"), &own).unwrap();
    let line = [bytes::Bytes::from_static(b"{}")];
    let refused = wait(sink.append(&log(), &LogHead::EMPTY, &line)).unwrap_err();
    assert!(matches!(refused, Error::Malformed { .. }), "{refused}");
    assert_eq!(
        std::fs::read_to_string(scratch.join("victim")).unwrap(),
        "untouched"
    );
}
