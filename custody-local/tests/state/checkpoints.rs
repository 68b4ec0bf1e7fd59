use custody_core::Error;
use custody_core::custody_log::Checkpoint;
use custody_core::digest::Sha256Digest;

use crate::open;
use crate::support::{Scratch, names};

fn checkpoint(origin: &str, size: u64, root: &str) -> Checkpoint {
    Checkpoint {
        origin: origin.into(),
        size,
        root: Sha256Digest::of(root.as_bytes()),
    }
}

#[test]
fn the_newest_checkpoint_of_each_log_is_recalled() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    assert_eq!(state.recall("custody/register/1").unwrap(), None);
    let newest = checkpoint("custody/register/1", 9, "nine");
    for seen in [
        checkpoint("custody/register/1", 3, "three"),
        newest.clone(),
        checkpoint("custody/register/1", 5, "five"),
    ] {
        state.remember(&seen).unwrap();
    }
    state.remember(&checkpoint("another log", 1, "one")).unwrap();
    assert_eq!(
        open(scratch.path()).recall("custody/register/1").unwrap(),
        Some(newest)
    );
    assert_eq!(
        names(&scratch.join("known-checkpoints")).len(),
        2,
        "something unfinished was left"
    );
}

#[test]
fn another_root_for_a_size_that_was_seen_is_an_integrity_failure() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    state.remember(&checkpoint("log", 9, "nine")).unwrap();
    state.remember(&checkpoint("log", 9, "nine")).unwrap();
    let fault = state.remember(&checkpoint("log", 9, "other")).unwrap_err();
    assert!(matches!(fault, Error::Integrity { .. }), "{fault}");
    assert_eq!(state.recall("log").unwrap(), Some(checkpoint("log", 9, "nine")));
}

#[test]
fn a_damaged_file_is_an_error_and_not_nothing_seen() {
    let scratch = Scratch::new();
    let state = open(scratch.path());
    state.remember(&checkpoint("log", 9, "nine")).unwrap();
    let folder = scratch.join("known-checkpoints");
    let path = folder.join(&names(&folder)[0]);
    let whole = std::fs::read_to_string(&path).unwrap();
    for damaged in [
        "",
        "9",
        &whole[..whole.len() - 1],
        &whole.replace("log", "another"),
        &whole.replace('9', "x"),
    ] {
        std::fs::write(&path, damaged).unwrap();
        assert!(state.recall("log").is_err(), "{damaged:?} is taken");
        assert!(
            state.remember(&checkpoint("log", 10, "ten")).is_err(),
            "{damaged:?} is overwritten"
        );
    }
}
