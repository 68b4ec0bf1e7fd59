//! All disks at one instant, and restore points as sources.

use std::fs;

use custody_testkit::azure_sim::Scenario;

use crate::lab::{DISKS, Lab};

#[test]
fn all_disks_can_be_taken_at_one_instant_and_resume_goes_on_the_same_way() {
    let lab = Lab::new();
    let asked = ["--consistency", "restore-point"];
    let planned = lab
        .capture(&[asked.as_slice(), &["--dry-run"]].concat())
        .expect(0);
    assert!(
        planned
            .out
            .contains("one crash-consistent restore point of 3 disks")
            && planned.out.contains("deletes both once the copies of all disks"),
        "{planned:?}"
    );
    lab.nothing_is_left_at_the_source("afterwards");
    let preserved = lab
        .capture(&[asked.as_slice(), &["--preserve-only", "--json"]].concat())
        .expect(3)
        .json();
    assert_eq!(lab.azure.restore_points().len(), 2);
    assert_eq!(lab.azure.snapshots(), []);
    // A part of it cannot be ordered away; the refusal names the others and changes nothing.
    let kept = preserved["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 3, "{preserved}");
    let discard = kept[0].as_str().unwrap();
    let acquisition = preserved["acquisition"].as_str().unwrap();
    let words = [
        "abandon",
        acquisition,
        "--reason",
        "by mistake",
        "--discard",
        discard,
    ];
    let refused = lab.custody(&words).expect(3);
    assert!(
        refused.err.contains("it can only be deleted together with")
            && refused.err.contains(kept[1].as_str().unwrap()),
        "{refused:?}"
    );
    assert_eq!(lab.azure.restore_points().len(), 2);
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source("afterwards");
    lab.verify().expect(0);
}

#[test]
fn i06_a_restore_point_that_was_there_is_a_source_and_stays() {
    let lab = Lab::new();
    let made = lab
        .capture(&["--consistency", "restore-point", "--preserve-only", "--json"])
        .expect(3)
        .json();
    let id = made["acquisition"].as_str().unwrap();
    lab.custody(&["abandon", id, "--reason", "taken for later"])
        .expect(0);
    let there = lab.azure.restore_points();
    let point = there.iter().find(|id| id.contains("/restorePoints/")).unwrap();
    let source = ["--restore-point", point.as_str()];
    let plan = lab.custody(&Lab::capture_of(source, &["--dry-run"])).expect(0);
    assert!(!plan.out.contains("deletes"), "{plan:?}");
    let captured = lab
        .custody(&Lab::capture_of(source, &["--json"]))
        .expect(0)
        .json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(captured["items"].as_array().unwrap().len(), 3, "{captured}");
    assert_eq!(
        captured.get("kept"),
        None,
        "what others made is not ours to keep: {captured}"
    );
    for (item, disk) in captured["items"].as_array().unwrap().iter().zip(DISKS) {
        let name = item["object"].as_str().unwrap();
        let blob = lab
            .azure
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name);
        let stored = blob.unwrap().bytes().unwrap();
        assert!(stored.starts_with(&lab.azure.disk_bytes(disk).unwrap()), "{disk}");
    }
    assert_eq!(lab.azure.restore_points(), there);
    assert_eq!(lab.azure.live_exports(), [""; 0]);
    lab.verify().expect(0);
}

#[test]
fn a_machine_that_has_no_one_instant_is_refused_with_the_reason_and_nothing_else_is_made() {
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01-data-0").sku = "UltraSSD_LRS".into();
    let lab = Lab::of(scenario);
    let settings = lab.settings() + "\n[azure.snapshots]\nconsistency = \"restore-point\"\n";
    fs::write(lab.path("custody.toml"), settings).unwrap();
    for options in [&["--dry-run"][..], &[]] {
        let refused = lab.capture(options).expect(3);
        assert!(
            refused
                .err
                .contains("disk web-01-data-0 is of the type UltraSSD_LRS")
                && refused.err.contains("--consistency disk-snapshots"),
            "{refused:?}"
        );
        lab.nothing_is_left_at_the_source("afterwards");
    }
    // What it says to do is what helps: the flag goes before the file.
    lab.capture(&["--consistency", "disk-snapshots", "--preserve-only"])
        .expect(3);
    assert_eq!(lab.azure.snapshots().len(), 3);
}
