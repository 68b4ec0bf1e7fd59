//! What is preserved before it can be stored, given up, or not finished by the service.

use std::time::Duration;

use custody_testkit::azure_sim::{Fault, FaultAction, Scenario};
use serde_json::Value;

use crate::lab::{Lab, small};

#[test]
fn evidence_is_preserved_and_not_stored_where_nothing_protects_it() {
    let lab = Lab::new().storing_in("plain");
    let refused = lab.capture(&[]).expect(3);
    assert!(refused.err.contains("less than was asked for"), "{refused:?}");
    assert_eq!(lab.azure.snapshots().len(), 3, "the evidence is preserved first");
    let again = lab.custody(&["resume"]).expect(3);
    assert!(again.err.contains("less than was asked for"), "{again:?}");
    assert!(!lab.blobs().iter().any(|name| name.ends_with(".vhd")));
}

#[test]
fn without_a_policy_evidence_is_stored_only_when_that_is_asked_for_and_the_record_says_so() {
    let lab = Lab::new().storing_in("plain");
    let captured = lab
        .capture(&["--require-protection", "none", "--json"])
        .expect(0)
        .json();
    assert_eq!(captured["state"], "complete", "{captured}");
    let manifest = lab
        .blobs()
        .into_iter()
        .find(|name| name.ends_with("manifest.json"))
        .unwrap();
    let manifest = lab
        .azure
        .blob(Scenario::LAB_ACCOUNT, "plain", &manifest)
        .unwrap()
        .bytes()
        .unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["protection"]["before"]["kind"], "none", "{manifest}");
}

#[test]
fn snapshots_can_be_taken_first_and_the_rest_done_later() {
    let lab = Lab::new();
    lab.capture(&["--preserve-only"]).expect(3);
    assert_eq!(lab.azure.snapshots().len(), 3);
    let resumed = lab.custody(&["resume"]).expect(0);
    let verify = format!("next: custody verify {} --config FILE", lab.store());
    assert!(resumed.out.contains(&verify), "{resumed:?}");
    lab.nothing_is_left_at_the_source("afterwards");
    lab.verify().expect(0);
}

#[test]
fn all_open_captures_are_gone_on_with_and_none_is_put_into_a_directory_instead() {
    let lab = Lab::of(small());
    lab.capture(&["--preserve-only"]).expect(3);
    // Names of disk snapshots have the second in which their acquisition was begun.
    std::thread::sleep(Duration::from_secs(1));
    lab.capture(&["--preserve-only"]).expect(3);
    let refused = lab.custody(&["resume"]).expect(2);
    assert!(refused.err.contains("custody resume --all"), "{refused:?}");
    let open = lab.custody(&["list", "--json"]).expect(0).json();
    let id = open["acquisitions"][0]["acquisition"]
        .as_str()
        .unwrap()
        .to_owned();
    let elsewhere = lab.custody(&["resume", &id, "--store", "evidence"]).expect(2);
    assert!(elsewhere.err.contains("leave --store out"), "{elsewhere:?}");
    let resumed = lab.custody(&["resume", "--all"]).expect(0);
    assert!(
        resumed.out.contains("2 of 2 open acquisitions ended well"),
        "{resumed:?}"
    );
    lab.nothing_is_left_at_the_source("afterwards");
    lab.verify().expect(0);
}

#[test]
fn evidence_is_preserved_while_the_container_is_not_there_and_stored_once_it_is() {
    let lab = Lab::new();
    let missing = FaultAction::status(404, "ContainerNotFound");
    lab.azure
        .inject(Fault::on("*", "*", missing).at_host("socevidence*"));
    let refused = lab.capture(&["--preserve-only"]).expect(3);
    assert!(
        refused.err.contains("not found") && refused.err.contains("custody resume"),
        "{refused:?}"
    );
    assert_eq!(lab.azure.snapshots().len(), 3);
    assert_eq!(
        refused.out.matches("kept         disk snapshot").count(),
        3,
        "{refused:?}"
    );
    let listed = lab.custody(&["list"]).expect(0);
    for words in ["nothing is there yet", "not found", "custody resume"] {
        assert!(listed.out.contains(words), "{words}: {listed:?}");
    }
    let again = lab.custody(&["resume", "--json"]).expect(3).json();
    assert_eq!(again["kept"].as_array().unwrap().len(), 3, "{again}");
    lab.azure.clear_faults();
    lab.custody(&["resume"]).expect(0);
    lab.nothing_is_left_at_the_source("afterwards");
    lab.no_secret_is_kept();
    lab.verify().expect(0);
}

#[test]
fn i05_what_never_came_into_a_container_is_given_up_with_its_snapshots_kept() {
    let lab = Lab::new().storing_in("no-such-container");
    let preserved = lab.capture(&["--json"]).expect(3).json();
    let id = preserved["acquisition"].as_str().unwrap();
    let snapshot = preserved["kept"][0].as_str().unwrap();
    let refused = lab
        .custody(&["abandon", id, "--reason", "typo", "--discard", snapshot])
        .expect(3);
    assert!(refused.err.contains("without discarding"), "{refused:?}");
    lab.custody(&["abandon", id, "--reason", "the container was misspelt"])
        .expect(0);
    assert_eq!(lab.azure.snapshots().len(), 3, "kept");
    let listed = lab.custody(&["list"]).expect(0);
    assert!(
        listed.out.contains("abandoned") && listed.out.contains("never came there"),
        "{listed:?}"
    );
    assert!(
        listed.out.contains("is kept: the acquisition was abandoned"),
        "{listed:?}"
    );
    lab.custody(&["resume"]).expect(0);
}

#[test]
fn i05_what_azure_began_and_did_not_finish_is_named_in_log_result_and_list() {
    let lab = Lab::new();
    let fails = FaultAction::OperationFails("DiskServiceInternalError".into());
    lab.azure.inject(Fault::on("PUT", "*/snapshots/*", fails).nth(1));
    let failed = lab.capture(&["--json"]).expect(3).json();
    let list = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let kept = list(&failed["kept"]);
    assert_eq!(kept.len(), 3, "what is there is named, finished or not: {failed}");
    let log = lab
        .custody(&["log", failed["acquisition"].as_str().unwrap(), "--json"])
        .expect(0);
    let lines = log
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named: Vec<Value> = lines.filter(|line| line["type"] == "snapshot.kept").collect();
    let [named] = &named[..] else { panic!("{named:?}") };
    let name = named["what"]["snapshot"].as_str().unwrap();
    assert!(kept.iter().any(|kept| kept == name), "{failed}");
    let id = failed["acquisition"].as_str().unwrap();
    let listed = lab.custody(&["list"]).expect(0);
    assert!(
        listed.out.contains(name) && listed.out.contains("is kept: it was begun and not finished"),
        "{listed:?}"
    );
    // Named once more by the run that finds it again, and listed once.
    let again = lab.custody(&["resume", "--json"]).expect(3).json();
    assert_eq!(again["kept"], failed["kept"], "{again}");
    let listed = lab.custody(&["list"]).expect(0);
    assert_eq!(
        listed.out.matches("is kept: it was begun").count(),
        1,
        "{listed:?}"
    );
    // It goes by a custodian's order.
    let mut words = vec!["abandon", id, "--reason", "the service gave it up"];
    words.extend(kept.iter().flat_map(|kept| ["--discard", kept.as_str()]));
    lab.custody(&words).expect(0);
    lab.nothing_is_left_at_the_source("afterwards");
}
