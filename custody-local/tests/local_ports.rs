//! The embedded default, put together.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use std::sync::Arc;

use custody_core::Error;
use custody_core::port::{EvidenceReaderExt as _, SealSigner as _};
use custody_local::source::{LocalSources, SourceOptions};
use custody_local::{KeyOrigin, LocalPorts, LocalPortsOptions, StateOptions, TemporaryState};
use custody_testkit::fake::SerialHasher;
use support::{Scratch, object, pattern, wait};

fn options() -> LocalPortsOptions {
    LocalPortsOptions::default().with_state(StateOptions::default().with_temporary(TemporaryState::Allow))
}

#[test]
fn the_parts_are_opened_once_and_reach_the_same_store() {
    let scratch = Scratch::new();
    let open = || LocalPorts::open(&scratch.join("store"), &scratch.join("state"), options()).unwrap();
    let parts = open();
    assert_eq!(parts.key_origin(), KeyOrigin::MadeNow);
    assert!(parts.signer().verifier_key().name().starts_with("custody-"));
    assert_eq!(open().key_origin(), KeyOrigin::Existing);
    std::fs::write(scratch.join("disk.raw"), pattern(5000, 1)).unwrap();
    let sources = LocalSources::named([scratch.join("disk.raw")], SourceOptions::default()).unwrap();
    let ports = parts.ports(sources, Arc::new(SerialHasher::new()));
    support::store(parts.store(), &object("disk.raw"), &pattern(5000, 1)).unwrap();
    assert_eq!(
        wait(ports.reader.fetch(&object("disk.raw"), 5000)).unwrap(),
        pattern(5000, 1)
    );
}

#[test]
fn a_state_folder_inside_the_store_is_refused_and_no_key_is_made_there() {
    let scratch = Scratch::new();
    let state = scratch.join("store/state");
    let refused = LocalPorts::open(&scratch.join("store"), &state, options()).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    assert!(support::names(&state).is_empty());
}
