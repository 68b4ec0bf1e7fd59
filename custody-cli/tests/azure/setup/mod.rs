//! `custody setup azure`, by the real program.

mod checks;
mod roles;
mod settings;
mod vaults;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use custody_testkit::azure_sim::{Container, RoleGrant, Scenario};
use serde_json::Value;

use crate::lab::{Lab, Run};

/// A worker's folder in which nothing says more than where the cloud is.
fn not_set_up(scenario: Scenario) -> Lab {
    let lab = Lab::without_settings(scenario)
        // Whatever is asked elsewhere than at the simulator fails at once.
        .with("HTTPS_PROXY", "http://127.0.0.1:1")
        .with("NO_PROXY", "127.0.0.1,localhost");
    lab.put_secret(0o600);
    fs::write(lab.path("custody.toml"), lab.cloud()).unwrap();
    lab
}

/// The lab's application may do this, and nothing else.
fn with_roles(roles: Vec<RoleGrant>) -> Lab {
    let mut scenario = Scenario::lab();
    scenario.identities[0].roles = roles;
    not_set_up(scenario)
}

/// With this container beside the lab's own.
fn with_container(container: Container) -> Lab {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts[0].containers.push(container);
    not_set_up(scenario)
}

impl Lab {
    fn put_secret(&self, mode: u32) {
        fs::write(self.path("client-secret"), Scenario::LAB_CLIENT_SECRET).unwrap();
        fs::set_permissions(self.path("client-secret"), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn group(&self, name: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{name}",
            self.scenario.subscriptions[0]
        )
    }

    /// Every flag that setting up needs here, for this container.
    fn flags(&self, container: &str) -> Vec<String> {
        let tenant = &self.scenario.tenants[0];
        [
            "--identity",
            "client-secret",
            "--tenant",
            tenant,
            "--client",
            Scenario::LAB_CLIENT_ID,
            "--identity-file",
            "client-secret",
            "--account",
            &self.account(),
            "--container",
            container,
            "--source-group",
            &self.group("production"),
            &self.group("shared-disks"),
        ]
        .map(str::to_owned)
        .into()
    }

    /// With these lines on standard input.
    fn answering(&self, words: &[&str], answers: &str) -> Run {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who asks nothing may be gone before the answers are.
        drop(child.stdin.take().unwrap().write_all(answers.as_bytes()));
        let run = Run::of(&child.wait_with_output().unwrap());
        if let Ok(settings) = fs::read_to_string(self.path("custody.toml")) {
            assert!(!settings.contains(Scenario::LAB_CLIENT_SECRET), "{settings}");
        }
        run
    }

    fn setup(&self, words: &[&str]) -> Run {
        self.answering(&[&["setup", "azure"], words].concat(), "")
    }

    /// With every flag, over whatever is there.
    fn set_up(&self, container: &str, more: &[&str]) -> Run {
        let flags = self.flags(container);
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--force"]).collect();
        self.setup(&[&flags, more].concat())
    }
}

/// The one check whose words hold these.
fn check<'a>(document: &'a Value, words: &str) -> &'a Value {
    let all = document["checks"].as_array().unwrap();
    let found: Vec<&Value> = all
        .iter()
        .filter(|check| check["check"].as_str().unwrap().contains(words))
        .collect();
    assert_eq!(found.len(), 1, "{words}: {document:#}");
    found[0]
}

fn commands(document: &Value) -> Vec<&str> {
    let all = document["commands"].as_array().unwrap();
    all.iter()
        .map(|command| command["command"].as_str().unwrap())
        .collect()
}
