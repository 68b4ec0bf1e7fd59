//! Captures disk images from a program: `cargo run --example capture -- IMAGE STORE STATE`.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::PathBuf;
use std::sync::Arc;

use custody_core::capture::{Capture, CaptureRequest, Reach};
use custody_core::custody_log::{Circumstances, How, Stated, Who, Why};
use custody_hash::{Engine, EngineOptions, port::EngineHasher};
use custody_local::source::{LocalSources, SourceOptions};
use custody_local::{Host, LocalPortsOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [image, store, state] = paths.as_slice() else {
        return Err("give IMAGE STORE STATE".into());
    };

    let sources = LocalSources::named([image], SourceOptions::default())?;
    let machine = sources.machine().clone();
    let hasher = Arc::new(EngineHasher::new(Engine::new(EngineOptions::default())?));
    let ports = custody_local::ports(store, state, sources, hasher, LocalPortsOptions::default())?;

    let host = Host::observe();
    let who = Who::new(Stated::new("A. Examiner".parse()?), host.authenticated);
    let why = Why::new("policy 7, section 2".parse()?);
    let circumstances = Circumstances::new(who, host.place, How::new("capture example", "1"), why);
    let request = CaptureRequest::new("2026-0042".parse()?, machine, circumstances);

    let capture = Capture::new(ports);
    let outcome = futures::executor::block_on(async {
        let plan = capture.plan(request).await?;
        capture.run(plan, Reach::ToTheEnd).await
    })?;
    println!("{}: {:?}", outcome.folder, outcome.state);
    Ok(())
}
