//! A simulated Azure for other programs' tests: `custody-azure-sim --scenario FILE`.
//!
//! When it is ready it prints one line of JSON: every address, plain and TLS, the path of the certificate to trust, and
//! the credentials of the scenario. It stops on SIGTERM or SIGINT and removes its files. Without `--scenario` it serves
//! the lab that the tests of custody use; `--print-scenario` prints that lab as a file to start from.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program: its output is its interface"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use custody_testkit::azure_sim::{Scenario, Simulator};
use serde_json::{Value, json};

const USAGE: &str = "usage: custody-azure-sim [--scenario FILE | --print-scenario]";

/// What the arguments ask for.
enum Wish {
    Serve(Option<PathBuf>),
    PrintScenario,
    Help,
}

impl Wish {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let wish = match arguments.next().as_deref() {
            None => Self::Serve(None),
            Some("--scenario") => Self::Serve(Some(arguments.next()?.into())),
            Some("--print-scenario") => Self::PrintScenario,
            Some("--help" | "-h") => Self::Help,
            Some(_) => return None,
        };
        arguments.next().is_none().then_some(wish)
    }
}

fn main() -> ExitCode {
    let done = match Wish::parse(std::env::args().skip(1)) {
        None => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        Some(Wish::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Some(Wish::PrintScenario) => print_scenario(),
        Some(Wish::Serve(path)) => serve(path.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("custody-azure-sim: {error}");
            ExitCode::from(3)
        }
    }
}

fn print_scenario() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", serde_json::to_string_pretty(&Scenario::lab())?);
    Ok(())
}

fn serve(path: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
    let scenario = match path {
        None => Scenario::lab(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Scenario::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let credentials = credentials(&scenario);
        let simulator = Simulator::start(scenario).await?;
        let endpoints = simulator.endpoints().ok_or("the simulator does not listen")?;
        let mut ready = serde_json::to_value(endpoints)?;
        if let (Value::Object(ready), Value::Object(credentials)) = (&mut ready, credentials) {
            ready.extend(credentials);
        }
        println!("{ready}");
        std::io::stdout().flush()?;
        stop.await;
        Ok(())
    })
}

/// Who can sign in. The secrets are test data from the scenario, and the caller has that file already.
fn credentials(scenario: &Scenario) -> Value {
    let identities: Vec<Value> = scenario
        .identities
        .iter()
        .map(|identity| {
            json!({
                "clientId": identity.client_id, "objectId": identity.object_id, "clientSecret": identity.client_secret,
                "managed": identity.managed,
            })
        })
        .collect();
    json!({
        "tenantId": scenario.tenants.first(), "subscriptionId": scenario.subscriptions.first(),
        "credentials": identities,
    })
}

/// Listens for the signals at once, and ends when one came.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
