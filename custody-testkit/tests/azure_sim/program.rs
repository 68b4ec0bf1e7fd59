use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use custody_testkit::azure_sim::Scenario;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_custody-azure-sim");

/// The program, ended whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
#[cfg(unix)]
fn it_prints_one_line_when_ready_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.json");
    std::fs::write(&path, serde_json::to_string(&Scenario::lab()).unwrap()).unwrap();
    let mut child = Command::new(PROGRAM)
        .arg("--scenario")
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut running = Running(child);
    let ready: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    for pointer in [
        "/plain/login",
        "/plain/metadata",
        "/tls/management",
        "/tls/exports",
        "/tls/blob/socevidence",
        "/plainRouter",
        "/tlsRouter",
        "/tenantId",
        "/subscriptionId",
        "/credentials/0/clientSecret",
    ] {
        assert!(
            ready.pointer(pointer).is_some_and(Value::is_string),
            "{pointer}: {ready}"
        );
    }
    let certificate = ready["caCertificate"].as_str().unwrap().to_string();
    assert!(
        std::fs::read_to_string(&certificate)
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let id = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(running.0.wait().unwrap().success());
    assert!(!std::path::Path::new(&certificate).exists(), "its files are gone");
    assert!(lines.next().is_none(), "one line only");
}

#[test]
fn a_wrong_scenario_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.json");
    std::fs::write(&path, r#"{"machnies": []}"#).unwrap();
    let output = Command::new(PROGRAM)
        .arg("--scenario")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("machnies"));
    assert_eq!(
        Command::new(PROGRAM)
            .arg("--nonsense")
            .output()
            .unwrap()
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_printed_scenario_can_be_read_again() {
    let output = Command::new(PROGRAM).arg("--print-scenario").output().unwrap();
    Scenario::from_json(&String::from_utf8(output.stdout).unwrap()).unwrap();
}
