//! Microsoft's own clients, unchanged, over TLS: they judge the simulator.

use std::path::Path;
use std::process::Command;

use custody_testkit::azure_sim::{Scenario, Simulator, Timing};

/// The interpreter that has the packages.
fn interpreter() -> String {
    std::env::var("CUSTODY_AZURE_PYTHON").unwrap_or_else(|_| "python3".into())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Azure SDK for Python"]
async fn microsofts_python_clients_capture_a_disk() {
    let mut scenario = Scenario::lab().with_timing(Timing::default().with_copy_polls(2));
    scenario.timing.long_running.retry_after = Some(0);
    scenario.storage_accounts[0].versioning = true;
    let mut versions = custody_testkit::azure_sim::Container::new("versions");
    versions.version_level_worm = true;
    scenario.storage_accounts[0].containers.push(versions);
    let (tenant, subscription) = (scenario.tenants[0].clone(), scenario.subscriptions[0].clone());
    let simulator = Simulator::start(scenario).await.unwrap();
    let endpoints = simulator.endpoints().unwrap();
    let disk = simulator.disk_bytes("web-01-data-0").unwrap();
    let expected: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(&disk)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azure_sim/python_sdk.py");
    let mut command = Command::new(interpreter());
    command
        .arg(script)
        .env("REQUESTS_CA_BUNDLE", &endpoints.ca_certificate)
        .env("NO_PROXY", "127.0.0.1")
        .env("SIM_LOGIN", &endpoints.tls.login)
        .env("SIM_MANAGEMENT", &endpoints.tls.management)
        .env("SIM_BLOB", &endpoints.tls.blob["socevidence"])
        .env("SIM_TENANT", tenant)
        .env("SIM_SUBSCRIPTION", subscription)
        .env("SIM_CLIENT", Scenario::LAB_CLIENT_ID)
        .env("SIM_SECRET", Scenario::LAB_CLIENT_SECRET)
        .env("SIM_EXPECTED", expected);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}\n{complaint}");
    assert!(told.trim_end().ends_with("all held"), "{told}");
    assert!(simulator.snapshots().is_empty() && simulator.live_exports().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Azure SDK for Python"]
async fn microsofts_python_clients_keep_secrets_and_use_keys() {
    let second = "99999999-9999-4999-8999-999999999999";
    let mut scenario = Scenario::lab_with_keys(b"plain-canary", b"wrapped-canary");
    scenario.vaults[1].purge_protection = false;
    scenario.subscriptions.push(second.into());
    let mut abroad = custody_testkit::azure_sim::Vault::new("abroad");
    abroad.subscription = Some(second.into());
    let scenario = scenario.with_vault(abroad);
    let tenant = scenario.tenants[0].clone();
    let simulator = Simulator::start(scenario).await.unwrap();
    let endpoints = simulator.endpoints().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azure_sim/vault_sdk.py");
    let mut command = Command::new(interpreter());
    command
        .arg(script)
        .env("REQUESTS_CA_BUNDLE", &endpoints.ca_certificate)
        .env("NO_PROXY", "127.0.0.1")
        .env("SIM_LOGIN", &endpoints.tls.login)
        .env("SIM_VAULT", &endpoints.tls.vault[Scenario::LAB_SOC_VAULT])
        .env("SIM_OWNERS", &endpoints.tls.vault[Scenario::LAB_KEY_VAULT])
        .env("SIM_ABROAD", &endpoints.tls.vault["abroad"])
        .env("SIM_TENANT", tenant)
        .env("SIM_CLIENT", Scenario::LAB_CLIENT_ID)
        .env("SIM_SECRET", Scenario::LAB_CLIENT_SECRET);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let (told, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}\n{complaint}");
    assert!(told.trim_end().ends_with("all held"), "{told}");
}
