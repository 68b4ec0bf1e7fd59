//! Sources that were there before: disk snapshots and disks that no machine holds.

use custody_testkit::azure_sim::{Bytes, Disk};

use crate::lab::{DISKS, Lab, small};

#[test]
fn i06_disk_snapshots_that_were_there_are_a_source_and_stay() {
    let lab = Lab::of(small());
    let made = lab.capture(&["--preserve-only", "--json"]).expect(3).json();
    let id = made["acquisition"].as_str().unwrap();
    lab.custody(&["abandon", id, "--reason", "taken for later"])
        .expect(0);
    let there = lab.azure.snapshots();
    assert_eq!(there.len(), DISKS.len());
    let about = [
        "--case",
        "C-2",
        "--examiner",
        "M. Example",
        "--authority",
        "Incident 2",
    ];
    let mut words = vec!["capture", "azure", "--config", "custody.toml"];
    for snapshot in &there {
        words.extend(["--snapshot", &snapshot.id]);
    }
    words.extend(about);
    let plan = lab.custody(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert!(!plan.out.contains("would be deleted"), "{plan:?}");
    let captured = lab.custody(&[&words[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(captured.get("kept"), None, "what others made is not ours to keep");
    assert_eq!(lab.azure.snapshots(), there);
    assert_eq!(lab.azure.live_exports(), [""; 0]);
    lab.each_disk_is_stored_once("from the snapshots");
    lab.verify().expect(0);
}

#[test]
fn a_disk_that_no_machine_holds_is_captured_and_stays() {
    let mut scenario = small();
    scenario
        .disks
        .push(Disk::new("left-behind", Bytes::full(96 << 10, 7)));
    let lab = Lab::of(scenario);
    let machine = lab.scenario.machine_id("web-01");
    let group = machine.split("/virtualMachines/").next().unwrap();
    let disk = format!("{group}/disks/left-behind");
    let captured = lab
        .custody(&Lab::capture_of(["--disk", &disk], &["--json"]))
        .expect(0)
        .json();
    assert_eq!(captured["items"].as_array().unwrap().len(), 1, "{captured}");
    let copies: Vec<String> = lab
        .blobs()
        .into_iter()
        .filter(|name| name.ends_with(".vhd"))
        .collect();
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    let blob = lab
        .azure
        .blob(
            custody_testkit::azure_sim::Scenario::LAB_ACCOUNT,
            custody_testkit::azure_sim::Scenario::LAB_CONTAINER,
            copy,
        )
        .unwrap();
    let bytes = lab.azure.disk_bytes("left-behind").unwrap();
    assert!(blob.bytes().unwrap().starts_with(&bytes));
    lab.nothing_is_left_at_the_source("from a disk");
    lab.verify().expect(0);
}
