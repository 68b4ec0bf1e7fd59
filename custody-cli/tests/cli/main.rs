//! The real program, run as a person or a script runs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bad_input;
mod bench;
mod capture;
mod exit_codes;
mod hash;
mod interruption;
mod keys;
mod output;
mod records;
