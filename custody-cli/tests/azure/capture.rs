//! A machine's disks, captured, verified and listed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use custody_testkit::azure_sim::{Bytes, GuestStateOfSnapshots, Scenario};
use serde_json::Value;

use crate::lab::{DISKS, Lab};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_machine_is_captured_verified_and_nothing_is_left_at_its_side() {
    let lab = Lab::new();
    let captured = lab.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    lab.nothing_is_left_at_the_source("afterwards");
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);
    for (item, disk) in captured["items"].as_array().unwrap().iter().zip(DISKS) {
        let name = item["object"].as_str().unwrap();
        let blob = lab
            .azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name)
            .unwrap();
        assert_eq!(blob.kind, "PageBlob");
        let stored = blob.bytes().unwrap();
        assert!(stored.starts_with(&lab.azure.disk_bytes(disk).unwrap()), "{disk}");
    }
    let records = lab.blobs();
    assert!(
        records.iter().any(|name| name.ends_with("virtual-machine.json")),
        "{records:?}"
    );
    lab.no_secret_is_kept();

    lab.verify().expect(0);
    let store = lab.store();
    let listed = lab
        .custody(&["list", "--store", &store, "--config", "custody.toml", "--json"])
        .expect(0)
        .json();
    assert_eq!(listed["registered"][0]["state"], "complete", "{listed}");
    assert_eq!(listed["acquisitions"][0]["settled"], true, "{listed}");

    // The register, and an acquisition's log, are shown from the container itself.
    let register = lab
        .custody(&["log", &store, "--config", "custody.toml"])
        .expect(0);
    assert!(register.out.contains("acquisition.registered"), "{register:?}");
    let id = captured["acquisition"].as_str().unwrap();
    let own = lab
        .custody(&["log", &store, id, "--config", "custody.toml"])
        .expect(0);
    assert!(own.out.contains("acquisition.closed"), "{own:?}");
    assert_eq!(own.out, lab.custody(&["log", id]).expect(0).out);
    let other = lab
        .custody(&["log", &lab.store_of("plain"), "--config", "custody.toml"])
        .expect(3);
    assert!(other.err.contains("name the container"), "{other:?}");
    // Whoever does not say as whom is told what these commands take.
    for words in [["verify", &store], ["log", &store], ["list", "--store"]] {
        let words = if words[0] == "list" {
            [&words[..], &[&store]].concat()
        } else {
            words.to_vec()
        };
        let unsaid = lab.custody(&words).expect(2);
        assert!(unsaid.err.contains("--config FILE"), "{unsaid:?}");
        assert!(!unsaid.err.contains("--identity"), "{unsaid:?}");
    }
}

#[test]
fn going_on_works_on_as_many_disks_at_once_as_the_capture_did() {
    let lab = Lab::new();
    let begun = lab
        .capture(&["--preserve-only", "--parallel", "3", "--json"])
        .expect(3)
        .json();
    lab.custody(&["resume"]).expect(0);
    let id = begun["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    let last: Value = serde_json::from_str(log.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["how"]["settings"]["parallel"], "3", "{last}");
}

#[test]
fn a_plan_changes_nothing_and_names_what_protects_the_container() {
    let lab = Lab::new();
    let plan = lab.capture(&["--dry-run", "--json"]).expect(0).json();
    assert_eq!(plan["protection"]["kind"], "locked-retention", "{plan}");
    assert_eq!(plan["items"].as_array().unwrap().len(), 3);
    lab.nothing_is_left_at_the_source("afterwards");
    assert_eq!(lab.blobs(), [""; 0]);
}

/// The lab's machine with Trusted Launch, of whose guest state a snapshot gives nothing.
fn trusted_launch() -> Scenario {
    let mut scenario = Scenario::lab();
    let disk = scenario.disk_mut("web-01_OsDisk_1");
    disk.security_type = "TrustedLaunch".into();
    disk.guest_state = Some(Bytes::Exactly(vec![7; 4096]));
    disk.guest_state_of_snapshots = GuestStateOfSnapshots::LeftOut;
    scenario
}

#[test]
fn guest_state_that_is_not_to_be_had_is_told_and_can_be_left_out() {
    let lab = Lab::of(trusted_launch());
    let plan = lab.capture(&["--dry-run"]).expect(0);
    assert!(plan.out.contains("web-01_OsDisk_1.vmgs"), "{plan:?}");
    assert!(plan.out.contains("told when it is opened"), "{plan:?}");
    let failed = lab.capture(&[]).expect(3);
    assert!(failed.err.contains("getSecureVMGuestStateSAS"), "{failed:?}");
    assert!(failed.err.contains("1 of 4 items"), "{failed:?}");
    assert!(failed.err.contains("the other items are sealed"), "{failed:?}");
    assert_eq!(lab.azure.snapshots().len(), 1, "what is not stored is kept");
    assert_eq!(lab.azure.live_exports(), [""; 0]);

    let lab = Lab::of(trusted_launch());
    let without = ["--without-guest-state", "--json"];
    let captured = lab.capture(&without).expect(0).json();
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);
    let named = captured["not_acquired"].to_string();
    assert!(named.contains("guest state (VMGS)"), "{named}");
    lab.nothing_is_left_at_the_source("afterwards");
}

#[test]
fn i11_another_region_is_taken_only_when_that_is_asked_for() {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts[0].location = "North Europe".into();
    let lab = Lab::of(scenario);
    let plan = lab.capture(&["--dry-run", "--json"]).expect(3).json();
    assert_eq!(plan["machine"]["region"], "westeurope", "{plan}");
    assert_eq!(plan["protection"]["region"], "northeurope", "{plan}");
    let reason = plan["refusals"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("--allow-other-region"), "{plan}");
    let captured = lab.capture(&["--allow-other-region", "--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    let id = captured["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    let opening: Value = serde_json::from_str(log.out.lines().next().unwrap()).unwrap();
    assert_eq!(opening["what"]["settings"]["regions"], "any", "{opening}");
}

#[test]
fn a_capture_that_is_killed_while_azure_copies_is_finished_by_another_process() {
    let mut scenario = Scenario::lab();
    scenario.timing.copy_polls = 3;
    let lab = Lab::of(scenario);
    let mut child = lab
        .capture_command(&[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let copying = || {
        let names = lab.blobs();
        names.iter().any(|name| {
            let blob = lab
                .azure
                .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name);
            blob.is_some_and(|blob| blob.copy_status == Some("pending"))
        })
    };
    while !copying() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "no copy was begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source("afterwards");
    lab.verify().expect(0);
}

#[test]
fn what_is_missing_from_the_settings_is_named_with_where_to_put_it() {
    let lab = Lab::new();
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let base = [
        "capture",
        "azure",
        "--vm",
        &machine,
        "--case",
        "C",
        "--examiner",
        "M",
        "--authority",
        "I",
    ];
    let none = lab.custody(&base).expect(2);
    assert!(
        none.err.contains("as whom") && none.err.contains("--identity"),
        "{none:?}"
    );
    let words = [base.as_slice(), &["--identity", "azure-cli"]].concat();
    let none = lab.custody(&words).expect(2);
    assert!(none.err.contains("--account"), "{none:?}");
    let named = [
        "capture",
        "azure",
        "--vm",
        "web-01",
        "--case",
        "C",
        "--examiner",
        "M",
        "--authority",
        "I",
    ];
    let none = lab.custody(&named).expect(2);
    assert!(none.err.contains("--subscription"), "{none:?}");
}
