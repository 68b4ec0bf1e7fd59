//! Whoever is signed in to the Azure CLI on this host. The `az` here gives tokens that the test asked the simulator for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use custody_azure::{CleanTransport, Cloud, Identity};
use custody_testkit::azure_sim::{RoleGrant, Scenario};
use serde_json::{Value, json};

use crate::lab::{Lab, small};

/// The services that a capture asks for tokens of.
const SERVICES: [&str; 2] = ["management.azure.com", "storage.azure.com"];

/// The person who is signed in: not the application of the settings.
const PERSON: &str = "88888888-8888-4888-8888-888888888888";

fn with_person() -> Scenario {
    let mut scenario = small();
    scenario.identities.push(
        custody_testkit::azure_sim::Identity::with_secret(
            "99999999-9999-4999-8999-999999999999",
            PERSON,
            "canary-password",
        )
        .with_role(RoleGrant::everything()),
    );
    scenario
}

/// Puts an `az` into this folder that answers as the Azure CLI does, and writes down what it was asked.
fn install(lab: &Lab, bin: &Path) {
    let secret = bin.join("password");
    fs::write(&secret, "canary-password").unwrap();
    let identity = Identity::ClientSecret {
        tenant: lab.scenario.tenants[0].clone(),
        client: "99999999-9999-4999-8999-999999999999".into(),
        secret_file: secret,
    };
    let transport = CleanTransport::over(lab.azure.transport());
    let credential = identity
        .credential(&Cloud::public().unwrap(), &transport)
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let expires = SystemTime::now() + Duration::from_secs(3000);
    for service in SERVICES {
        let scope = format!("https://{service}/.default");
        let token = runtime.block_on(credential.get_token(&[&scope], None)).unwrap();
        let answer = json!({
            "accessToken": token.token.secret(), "tokenType": "Bearer", "tenant": lab.scenario.tenants[0],
            "expires_on": expires.duration_since(UNIX_EPOCH).unwrap().as_secs(),
            "expiresOn": "2099-01-01 00:00:00.000000", "subscription": lab.scenario.subscriptions[0],
        });
        fs::write(bin.join(service), answer.to_string()).unwrap();
    }
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{0}/asked'\ncase \"$*\" in\n*{1}*) exec /bin/cat '{0}/{1}';;\n\
         *{2}*) exec /bin/cat '{0}/{2}';;\nesac\nexit 2\n",
        bin.display(),
        SERVICES[0],
        SERVICES[1],
    );
    fs::write(bin.join("az"), script).unwrap();
    fs::set_permissions(bin.join("az"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn who_is_signed_in_to_the_azure_cli_captures_and_is_named_in_the_record() {
    let bin = tempfile::tempdir().unwrap();
    let lab = Lab::of(with_person()).with("PATH", bin.path().to_str().unwrap());
    install(&lab, bin.path());
    let captured = lab
        .capture(&["--identity", "azure-cli", "--json"])
        .expect(0)
        .json();
    let asked = fs::read_to_string(bin.path().join("asked")).unwrap();
    for service in SERVICES {
        assert!(
            asked.contains(&format!(
                "account get-access-token -o json --scope https://{service}/"
            )),
            "{asked}"
        );
    }
    let id = captured["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    let opening: Value = serde_json::from_str(log.out.lines().next().unwrap()).unwrap();
    assert!(opening["who"].to_string().contains(PERSON), "{opening}");
    lab.no_secret_is_kept();
}

#[test]
fn an_azure_cli_that_is_missing_or_signed_out_is_told_with_what_to_do() {
    let bin = tempfile::tempdir().unwrap();
    let lab = Lab::of(small()).with("PATH", bin.path().to_str().unwrap());
    let words = ["--identity", "azure-cli", "--dry-run"];
    let refused = lab.capture(&words).expect(3);
    assert!(
        refused.err.contains("az not found on PATH") && refused.err.contains("permission denied"),
        "{refused:?}"
    );
    let script = "#!/bin/sh\necho \"Please run 'az login' to setup account.\" >&2\nexit 1\n";
    fs::write(bin.path().join("az"), script).unwrap();
    fs::set_permissions(bin.path().join("az"), fs::Permissions::from_mode(0o755)).unwrap();
    let refused = lab.capture(&words).expect(3);
    assert!(refused.err.contains("az login"), "{refused:?}");
}
