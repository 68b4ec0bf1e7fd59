//! The `custody` program: see the library of this crate.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use custody_cli::Console;

fn main() -> ExitCode {
    custody_cli::run(std::env::args_os(), &Arc::new(Console::system())).into()
}
