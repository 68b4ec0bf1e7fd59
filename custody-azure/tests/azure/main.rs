//! This crate against a simulated Azure, and against Azurite. One program: what it is linked with is large.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "tests"
)]

mod azurite;
mod capture;
mod collisions;
mod conformance;
mod disks;
mod embedding;
mod endings;
mod exports;
mod families;
mod hostile_answers;
mod identities;
mod key_ports;
mod networks;
mod operations;
mod planning;
mod ranges;
mod reading;
mod refusals;
mod restore_points;
mod secret_size;
mod store_settings;
mod streamed_blocks;
mod support;
mod time;
mod unread_disks;
mod vault_refusals;
mod vaults;
