//! Vaults that refuse, are purged or change while a capture runs.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use custody_testkit::azure_sim::{Fault, FaultAction, VaultSecret};
use custody_testkit::fake::pattern;
use serde_json::json;

use super::{BITLOCKER_DISK, CENTER, KeyLab, OWNERS};
use crate::lab::Run;

/// How long a capture may take that nothing holds up for long.
const PATIENCE: Duration = Duration::from_secs(120);
/// How late each part of a disk comes.
const SLOW_MILLIS: u64 = 1500;

#[test]
fn a_vault_that_lets_nobody_in_keeps_the_capture_open_and_nothing_is_deleted() {
    for vault in [OWNERS, CENTER] {
        let lab = KeyLab::new();
        let deny = |deny| {
            lab.lab
                .azure
                .change_vault(vault, |vault| vault.network_default_deny = deny);
        };
        deny(true);
        let run = lab.capture(&[]).expect(3);
        assert!(run.err.contains("its firewall lets only"), "{vault}: {run:?}");
        assert!(run.err.contains("custody resume"), "{vault}: {run:?}");
        assert_eq!(lab.lab.azure.snapshots().len(), 3, "{vault}");
        assert_eq!(lab.lab.azure.live_exports(), [""; 0], "{vault}");
        assert_eq!(lab.kept_keys(), [""; 0], "{vault}");
        assert!(!lab.is_sealed(), "{vault}");
        lab.lab.custody(&["resume"]).expect(3);
        deny(false);
        let resumed = lab.lab.custody(&["resume"]).expect(0);
        assert_eq!(
            resumed.out.matches("opens the stored copy").count(),
            2,
            "{vault}: {resumed:?}"
        );
        assert_eq!(lab.kept_keys().len(), 2, "{vault}");
        lab.lab.nothing_is_left_at_the_source("in the end");
    }
}

#[test]
fn keys_are_in_the_escrow_before_a_vault_is_purged_while_disks_are_copied() {
    let lab = KeyLab::with(|scenario| scenario.timing.copy_polls = 2);
    lab.lab
        .azure
        .inject(Fault::on("GET", "*/abcd", FaultAction::Delay(SLOW_MILLIS)).at_host("md-*"));
    let mut child = started(&lab, &[]);
    let begun = Instant::now();
    while lab.kept_keys().len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "no keys were taken");
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its keys were taken"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    lab.lab.azure.purge_vault(OWNERS);
    assert!(
        !lab.is_sealed() && child.try_wait().unwrap().is_none(),
        "the disks are copied still"
    );
    let run = Run::of(&child.wait_with_output().unwrap()).expect(0);
    assert_eq!(run.out.matches("opens the stored copy").count(), 2, "{run:?}");
    lab.lab.nothing_is_left_at_the_source("in the end");
}

#[test]
fn a_key_that_is_rotated_after_the_snapshot_is_taken_in_the_version_that_the_content_needs() {
    let lab = KeyLab::new();
    let deny = |deny| {
        lab.lab
            .azure
            .change_vault(OWNERS, |vault| vault.network_default_deny = deny);
    };
    deny(true);
    let begun = lab.capture(&["--preserve-only", "--json"]).expect(3).json();
    assert_eq!(lab.lab.azure.snapshots().len(), 3);
    // A newer version in the vault, and the disk names it: none of that is of the snapshot's content.
    let name = lab.lab.azure.secret_names(OWNERS).remove(0);
    let version = "11111111111111111111111111111111";
    let newer = VaultSecret::new(&name, &Base64::encode_string(&pattern(156, 77))).with_version(version);
    lab.lab.azure.put_secret(OWNERS, &newer);
    let vault = lab.lab.azure.endpoints().unwrap().tls.vault[OWNERS].clone();
    let address = format!("{}/secrets/{name}/{version}", vault.trim_end_matches('/'));
    lab.lab.azure.set_encryption_settings(
        BITLOCKER_DISK,
        &json!({"enabled": true, "encryptionSettings": [{"diskEncryptionKey": {"secretUrl": address}}]}),
    );
    deny(false);
    lab.lab.custody(&["resume"]).expect(0);
    let kept = lab.kept_keys();
    let kept = kept.iter().find(|name| name.contains("data-0")).unwrap();
    assert_eq!(lab.kept(kept).value, Base64::encode_string(&lab.bitlocker_key));
    let log = lab
        .lab
        .custody(&["log", begun["acquisition"].as_str().unwrap(), "--json"])
        .expect(0);
    let told = log
        .out
        .lines()
        .find(|line| line.contains("key.requirement") && line.contains(&name));
    let told = told.unwrap();
    assert!(
        told.contains("the disk snapshot") && !told.contains(version),
        "{told}"
    );
}

#[test]
fn an_element_of_the_settings_that_cannot_be_read_is_named_until_it_is_given_up() {
    let lab = KeyLab::with(|scenario| {
        let settings = scenario
            .disk_mut(BITLOCKER_DISK)
            .encryption_settings
            .as_mut()
            .unwrap();
        let elements = settings["encryptionSettings"].as_array_mut().unwrap();
        elements.push(json!({"diskEncryptionKey": {"secretUrl": 7}}));
    });
    let plan = lab.capture(&["--dry-run"]).expect(0);
    assert!(plan.out.contains("volume 1 of its settings"), "{plan:?}");
    let captured = lab.capture(&["--json"]).expect(3);
    assert!(captured.out.contains("volume 1"), "{captured:?}");
    assert_eq!(lab.kept_keys().len(), 2, "the others are taken");
    assert!(!lab.is_sealed());
    let told = captured.json();
    let id = told["acquisition"].as_str().unwrap();
    let item = told["items"].as_array().unwrap().iter().find(|item| {
        item["object"]
            .as_str()
            .is_some_and(|name| name.contains("data-0"))
    });
    let item = item.unwrap()["item"].as_str().unwrap();
    let order = [
        "keys",
        "give-up",
        id,
        item,
        "--reason",
        "no one knows of a second volume",
    ];
    lab.lab.custody(&order).expect(0);
    lab.lab.custody(&["resume"]).expect(3);
    assert!(lab.is_sealed());
    let store = lab.lab.store();
    let shown = lab
        .lab
        .custody(&["keys", "show", &store, "--config", "custody.toml"])
        .expect(0);
    assert!(
        shown.out.contains("NOT in the escrow: no address: volume 1"),
        "{shown:?}"
    );
    let [kept] = &lab.lab.azure.snapshots()[..] else {
        panic!("{:?}", lab.lab.azure.snapshots())
    };
    assert!(kept.name.contains("data-0"), "{kept:?}");
}

/// A capture that runs.
fn started(lab: &KeyLab, options: &[&str]) -> Child {
    let mut command = lab.capture_command(options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}
