use std::os::unix::fs::{PermissionsExt as _, symlink};

use bytes::Bytes;
use custody_core::Error;
use custody_core::port::{LogHead, LogStore as _};
use custody_local::{DirectoryStore, StateFolder, StateOptions, StoreOptions};

use crate::support::{Scratch, acquisition, log, make_folders, wait};
use crate::{open, options};

#[test]
fn it_is_made_for_its_owner_alone() {
    let scratch = Scratch::new();
    open(&scratch.join("var/custody"));
    let mode = std::fs::metadata(scratch.join("var/custody"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn one_that_is_open_to_others_is_refused() {
    let scratch = Scratch::new();
    for loose in [0o710, 0o704, 0o755, 0o777] {
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(loose)).unwrap();
        let refused = StateFolder::open(scratch.path(), options()).unwrap_err();
        assert!(
            matches!(refused, Error::Refused { .. }) && refused.to_string().contains("chmod 700"),
            "{refused}"
        );
    }
}

#[test]
#[ignore = "needs a tmpfs at /dev/shm"]
fn one_in_memory_is_refused_unless_asked_for() {
    let shm = tempfile::tempdir_in("/dev/shm").unwrap();
    let refused = StateFolder::open(&shm.path().join("state"), StateOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("in memory"), "{refused}");
    open(&shm.path().join("state"));
}

#[test]
fn one_and_a_store_may_not_lie_one_inside_the_other() {
    let scratch = Scratch::new();
    let store =
        |path: &str| DirectoryStore::create_or_open(&scratch.join(path), StoreOptions::default()).unwrap();
    let refused = |state: &str, evidence: &str| {
        let error = open(&scratch.join(state))
            .check_apart_from(&store(evidence))
            .unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    };
    refused("one", "one");
    refused("store-a/deep/state", "store-a");
    refused("state-b", "state-b/deep/store");
    make_folders(&scratch.join("store-c"));
    make_folders(&scratch.join("elsewhere"));
    symlink(scratch.join("store-c"), scratch.join("elsewhere/link")).unwrap();
    refused("elsewhere/link/state", "store-c");
    open(&scratch.join("state-d"))
        .check_apart_from(&store("store-d"))
        .unwrap();
}

#[test]
fn an_acquisition_is_worked_on_by_one_program_at_a_time() {
    let scratch = Scratch::new();
    let (one, other) = (open(scratch.path()), open(scratch.path()));
    let held = one.lock_acquisition(&acquisition()).unwrap();
    assert_eq!(held.acquisition(), &acquisition());
    let refused = other.lock_acquisition(&acquisition()).unwrap_err();
    assert!(matches!(refused, Error::Precondition { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{refused}"
    );
    drop(held);
    other.lock_acquisition(&acquisition()).unwrap();
}

#[test]
fn acquisitions_with_a_journal_are_found_and_strangers_are_named() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    assert!(state.acquisitions().unwrap().is_empty());
    state
        .lock_acquisition(&"20260101T000000Z-00000000".parse().unwrap())
        .unwrap();
    wait(state.journal().append(&log(), &LogHead::EMPTY, b"{}")).unwrap();
    make_folders(&scratch.join("acquisitions/stranger"));
    let (found, strangers): (Vec<_>, Vec<_>) =
        state.acquisitions().unwrap().into_iter().partition(Result::is_ok);
    let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, [acquisition()], "one that was only locked has no journal");
    assert_eq!(strangers.len(), 1);
}

#[test]
fn a_journal_that_does_not_begin_with_an_event_of_its_acquisition_has_no_log_name() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    let missing = wait(state.log_name(&acquisition())).unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    assert!(!missing.to_string().contains("whole line"), "{missing}");
    let own = scratch.join(&format!("acquisitions/{}", acquisition()));
    make_folders(&own);
    std::fs::write(own.join("log.jsonl"), b"{\"torn").unwrap();
    let torn = wait(state.log_name(&acquisition())).unwrap_err();
    assert!(
        matches!(torn, Error::NotFound { .. })
            && torn.to_string().contains("stopped before anything was done"),
        "{torn}"
    );
    std::fs::remove_dir_all(own).unwrap();
    let line = Bytes::from_static(b"{\"seq\":0}");
    wait(state.journal().append(&log(), &LogHead::EMPTY, &line)).unwrap();
    let fault = wait(state.log_name(&acquisition())).unwrap_err();
    assert!(matches!(fault, Error::Integrity { .. }), "{fault}");
}
