//! The state folder: journals, keys, checkpoints seen, locks.
#![expect(clippy::unwrap_used, reason = "tests")]

mod checkpoints;
mod folder;
mod journal;
mod keys;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests of the store use more of it")]
mod support;

use custody_local::{StateFolder, StateOptions, TemporaryState};

/// Temporary folders are in memory on some machines.
fn options() -> StateOptions {
    StateOptions::default().with_temporary(TemporaryState::Allow)
}

fn open(path: &std::path::Path) -> StateFolder {
    StateFolder::open(path, options()).unwrap()
}
