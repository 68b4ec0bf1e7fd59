//! The command line of custody, as a library: `main` and the demonstration run the same code.
//!
//! It parses what was asked for, wires ports together, and prints what came of it. What happens to evidence is
//! decided in `custody-core`.
//!
//! Linux only, and empty elsewhere, as custody-local is, on which it rests.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod azure;
mod circumstances;
mod console;
mod driver;
mod environment;
mod exit;
mod failure;
mod guarded_process;
mod journaled;
mod key_prover;
mod key_words;
mod known_logs;
mod local_key_place;
mod local_ports;
mod log_lines;
mod made_folders;
mod no_sources;
mod printable;
mod progress;
mod reopened;
mod setup;
mod signing;
mod state_place;
mod stop;
mod store_place;
mod stored_manifests;
mod summary;
mod supplied_key;
mod tool;
mod verb;

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser as _;

use self::arguments::Arguments;
pub use self::console::Console;
pub use self::exit::Exit;

/// Runs one command: the program's name, then its arguments, as the shell gives them.
///
/// Data go to the console's standard output, talk and progress to its standard error. Blocks until the command has
/// ended. Long commands take SIGINT, SIGTERM and SIGHUP for a request to stop after the act in hand; a second one
/// ends the process at once.
///
/// # Evidence
/// As the command says: only `capture`, `resume`, `abandon` and `verify --record` write into a store.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>, console: &Arc<Console>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => verb::run(&parsed, console),
        Err(error) => arguments::refuse(&error, &arguments, console),
    }
}

/// The whole command line as `clap` knows it: for completions and manual pages.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}
