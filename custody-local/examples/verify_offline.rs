//! Verifies a store on a machine that has nothing but the store and the custodian's public key:
//! `cargo run --example verify_offline -- STORE [TRUST_FILE]`.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use custody_core::custody_log::Trust;
use custody_core::verify::Verifier;
use custody_hash::{Engine, EngineOptions, port::EngineHasher};
use custody_local::DirectoryReader;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let store = arguments.next().ok_or("give STORE [TRUST_FILE]")?;
    let trust = match arguments.next() {
        Some(file) => Trust::parse(&file.to_string_lossy(), &std::fs::read_to_string(&file)?)?,
        None => Trust::nobody(),
    };
    let reader = Arc::new(DirectoryReader::open(Path::new(&store))?);
    let hasher = Arc::new(EngineHasher::new(Engine::new(EngineOptions::default())?));

    let report = futures::executor::block_on(Verifier::new(reader, hasher, trust).verify());
    for finding in report.all_findings() {
        println!("{finding}");
    }
    println!("{:?}", report.outcome);
    Ok(ExitCode::from(report.outcome.exit_code()))
}
