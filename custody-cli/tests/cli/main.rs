//! The real program, run as a person or a script runs it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bad_input;
mod bench;
mod capture;
mod changing_source;
mod devices;
mod disk_keys;
mod equipment;
mod exit_codes;
mod hash;
mod hash_check;
mod hasher;
mod image_formats;
mod immutable;
mod interruption;
mod key_canaries;
mod keys;
mod killed;
mod output;
mod pipes;
mod records;
mod resume_all;
mod scanner;
#[path = "../secret_scan/mod.rs"]
mod secret_scan;
