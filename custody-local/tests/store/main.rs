//! A directory as write-once store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod anchor;
mod attributes;
mod deposit;
mod folders;
mod full;
mod listing;
mod races;
mod reading;
#[path = "../support/mod.rs"]
mod support;

use custody_local::{DirectoryStore, StoreOptions};

fn open(path: &std::path::Path) -> DirectoryStore {
    DirectoryStore::create_or_open(path, StoreOptions::default()).unwrap()
}
