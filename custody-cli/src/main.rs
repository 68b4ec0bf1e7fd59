//! The `custody` program: see the library of this crate.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let console = std::sync::Arc::new(custody_cli::Console::system());
    custody_cli::run(std::env::args_os(), &console).into()
}

/// What cannot keep its state safely captures nothing.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write as _;
    let words = "custody: this program runs on Linux only: it has no safe place for its state here.\n\
                 next: run it on a Linux worker; the libraries custody-azure, custody-core, custody-hash and custody-keys \
                 can be linked here.\n";
    drop(std::io::stderr().write_all(words.as_bytes()));
    ExitCode::from(3)
}
