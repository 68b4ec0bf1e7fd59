//! Captures a virtual machine from a program, watched and stoppable:
//! `cargo run --example capture_machine -- MACHINE_ID ACCOUNT_ID CONTAINER STATE_FOLDER`.
//!
//! On an Azure machine with a managed identity. A capture that was stopped goes on with `Capture::resume`.
#![expect(clippy::print_stderr, reason = "an example shows what it does")]

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use custody_azure::arm::ResourceId;
use custody_azure::{
    AzurePorts, AzurePortsOptions, Cloud, Identity, ManagedIdentity, SnapshotPlace, StoreLocation,
    TokenCredential, WorkerPorts,
};
use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, Reach};
use custody_core::custody_log::{Circumstances, How, Stated, Who, Why};
use custody_core::ids::MachineRef;
use custody_core::port::{Progress, ProgressObserver, StopSignal, StopSwitch};
use custody_hash::{Engine, EngineOptions, port::EngineHasher};
use custody_local::{Host, StateFolder, StateOptions, SystemClock, SystemEntropy};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Captures a machine. Whoever holds the observer is told how far it is; whoever holds the signal can stop it after
/// the act in hand, with grants revoked and everything logged.
pub(crate) async fn capture(
    options: &AzurePortsOptions,
    credential: &Arc<dyn TokenCredential>,
    worker: WorkerPorts,
    machine: MachineRef,
    progress: Arc<dyn ProgressObserver>,
    stop: Arc<dyn StopSignal>,
) -> Result<CaptureOutcome, Failed> {
    let azure = AzurePorts::new(options, credential, credential, &worker.clock, &worker.entropy)?;
    let mut ports = azure.ports(worker);
    ports.progress = progress;
    ports.stop = stop;

    let host = Host::observe();
    let who = Who::new(Stated::new("A. Examiner".parse()?), host.authenticated);
    let why = Why::new("incident 4711".parse()?);
    let circumstances = Circumstances::new(who, host.place, How::new("capture example", "1"), why);
    let capture = Capture::new(ports);
    let plan = capture
        .plan(CaptureRequest::new("2026-0042".parse()?, machine, circumstances))
        .await?;
    // What stands against it is in `plan.refusals`; what is only in the way of storing does not stop the snapshots.
    Ok(capture.run(plan, Reach::ToTheEnd).await?)
}

/// Tells what it is told.
#[derive(Debug)]
struct Talk;

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("talk")
    }
}

impl ProgressObserver for Talk {
    fn progress(&self, at: &Progress) {
        eprintln!("{} {}: {} of {}", at.phase.as_str(), at.name, at.done, at.total);
    }

    fn step(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// What a capture needs of this host: its journal and key, its clocks, a hasher.
fn worker(state: &Path) -> Result<WorkerPorts, Failed> {
    let state = StateFolder::open(state, StateOptions::default())?;
    let (signer, _) = state.signer_or_new("example", &SystemEntropy::new())?;
    Ok(WorkerPorts {
        hasher: Arc::new(EngineHasher::new(Engine::new(EngineOptions::default())?)),
        log: Arc::new(state.journal()),
        signers: vec![Arc::new(signer)],
        clock: Arc::new(SystemClock::new()?),
        entropy: Arc::new(SystemEntropy::new()),
    })
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [machine, account, container, state] = words.as_slice() else {
        return Err("give MACHINE_ID ACCOUNT_ID CONTAINER STATE_FOLDER".into());
    };
    let id: ResourceId = machine.parse()?;
    let store = StoreLocation::new(account.parse()?, container.as_str())?;
    let snapshots = SnapshotPlace::new(id.subscription(), id.group())?;
    let options = AzurePortsOptions::new(Arc::new(Cloud::public()?), snapshots, store);
    let identity = Identity::ManagedIdentity(ManagedIdentity::System);
    let credential = identity.credential(&options.cloud, &options.transport)?;

    // A program's own reason to stop (a signal, a button) calls `switch.stop()`.
    let switch = StopSwitch::default();
    let stop = Arc::new(switch.clone());
    let worker = worker(Path::new(state))?;
    let outcome = capture(
        &options,
        &credential,
        worker,
        machine.parse()?,
        Arc::new(Talk),
        stop,
    )
    .await?;
    eprintln!("{}: {:?}", outcome.folder, outcome.state);
    Ok(())
}
