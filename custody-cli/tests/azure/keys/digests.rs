//! Digests that the security team's vault does not take: said, put by a later run, or given up by order.

use custody_testkit::azure_sim::{Fault, FaultAction, Scenario};
use serde_json::Value;

use super::{CENTER, KeyLab, quick};
use crate::json_schemas::Schemas;
use crate::lab::{DISKS, Run};

/// Two of each disk: of the stored file, and of the disk's data.
const DIGESTS: usize = 2 * DISKS.len();
const REASON: &str = "the vault is closed for good";

/// A lab of which the security team's vault takes keys, and no digest: every such call comes to this.
fn lab(method: &str, action: FaultAction) -> KeyLab {
    let lab = KeyLab::with(quick);
    let fault = Fault::on(method, "/secrets/*-hash-SHA256*", action);
    lab.lab.azure.inject(fault.at_host(&format!("{CENTER}*")));
    lab
}

fn kept_digests(lab: &KeyLab) -> usize {
    let names = lab.lab.azure.secret_names(CENTER);
    names.iter().filter(|name| name.contains("-hash-SHA256")).count()
}

/// The lines of the record that are of this kind.
fn lines(lab: &KeyLab, kind: &str) -> Vec<Value> {
    let log = lab.lab.journals();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == kind).collect()
}

/// What is demanded as long as a digest is missing: the evidence is sealed, nothing is lost, and all of it is said.
fn is_open_for_its_digests(lab: &KeyLab, run: &Run, why: &str) {
    assert_eq!(run.code, 3, "{why}: {run:?}");
    assert!(lab.is_sealed(), "{why}");
    assert_eq!(lab.kept_keys().len(), 2, "{why}: the keys are in the vault");
    assert_eq!(lab.lab.azure.snapshots().len(), DISKS.len(), "{why}");
    assert_eq!(lab.lab.azure.live_exports(), [""; 0], "{why}");
    assert_eq!(kept_digests(lab), 0, "{why}");
    assert!(run.out.contains(": open\n"), "{why}: {run:?}");
    let missing = run
        .out
        .matches("is NOT known to be in the second register: ")
        .count();
    assert_eq!(missing, DIGESTS, "{why}: {run:?}");
    for words in [
        "the evidence is sealed; its digests are not all in the second register",
        "then: custody resume",
        "custody keys give-up",
        why,
    ] {
        assert!(run.err.contains(words), "{words:?} is not in {run:?}");
    }
}

#[test]
fn digests_that_the_vault_does_not_take_keep_the_acquisition_open_until_they_are_put() {
    for (method, action, why, asks) in [
        (
            "PUT",
            FaultAction::status(403, "Forbidden/ForbiddenByRbac"),
            "Microsoft.KeyVault/vaults/secrets/setSecret/action",
            true,
        ),
        (
            "*",
            FaultAction::status(403, "Forbidden/ForbiddenByFirewall"),
            "its firewall lets only",
            true,
        ),
        ("PUT", FaultAction::DropBefore, "-hash-SHA256", false),
    ] {
        let lab = lab(method, action);
        let run = lab.capture(&[]);
        is_open_for_its_digests(&lab, &run, why);
        let (begun, failed) = (lines(&lab, "digest.intent"), lines(&lab, "digest.failed"));
        assert_eq!((begun.len(), failed.len()), (DIGESTS, DIGESTS), "{why}");
        for line in &failed {
            let told = line["what"].to_string();
            assert!(told.contains(why), "{told}");
            // An answer is kept with what the service's own logs know it by.
            assert_eq!(line["service"]["status"] == "403", asks, "{line}");
        }
        assert_eq!(lines(&lab, "acquisition.closed").len(), 0, "{why}");
        // What is not closed is not called proven, though nothing of it is amiss.
        let verified = lab.lab.verify().expect(3);
        assert!(
            verified.err.contains("an acquisition that is still open"),
            "{verified:?}"
        );

        let again = lab.lab.custody(&["resume"]);
        is_open_for_its_digests(&lab, &again, why);
        let listed = lab.lab.custody(&["list"]).expect(0);
        assert!(listed.out.contains(" open "), "{listed:?}");

        lab.lab.azure.clear_faults();
        let done = lab.lab.custody(&["resume", "--json"]).expect(0).json();
        Schemas::load().hold("output-resume", &done);
        assert_eq!(done["state"], "complete", "{done}");
        for item in done["items"].as_array().unwrap() {
            assert!(item.get("digests_not_registered").is_none(), "{item}");
            let stored = item["digests"]["stored_file"].as_str().unwrap();
            let names = lab.lab.azure.secret_names(CENTER);
            let holds = |name: &&String| lab.kept(name).value.eq_ignore_ascii_case(stored);
            assert_eq!(names.iter().filter(holds).count(), 1, "{item}: {names:?}");
        }
        assert_eq!(kept_digests(&lab), DIGESTS);
        assert_eq!(lines(&lab, "digest.done").len(), DIGESTS);
        lab.lab.nothing_is_left_at_the_source(why);
        lab.lab.verify().expect(0);
    }
}

#[test]
fn digests_that_are_given_up_end_the_acquisition_with_exit_3_and_are_named_for_good() {
    let lab = lab("PUT", FaultAction::status(403, "Forbidden/ForbiddenByRbac"));
    let begun = lab.capture(&["--json"]).expect(3).json();
    Schemas::load().hold("output-capture", &begun);
    assert!(begun.get("state").is_none(), "{begun}");
    let id = begun["acquisition"].as_str().unwrap();
    let mut items = Vec::new();
    for item in begun["items"].as_array().unwrap() {
        items.push(item["item"].as_str().unwrap());
        let missing = item["digests_not_registered"].as_array().unwrap();
        assert_eq!(missing.len(), 2, "{item}");
        for digest in missing {
            assert!(
                digest["name"].as_str().unwrap().contains("-hash-SHA256"),
                "{digest}"
            );
            assert!(digest["failure"].to_string().contains("setSecret"), "{digest}");
            assert!(digest.get("given_up").is_none(), "{digest}");
        }
    }
    let next = begun["next"].to_string();
    assert!(
        next.contains("custody resume") && next.contains("custody keys give-up"),
        "{next}"
    );

    // By order only, with a reason, for items that are there.
    let order = |items: &[&str]| {
        let words = [&["keys", "give-up", id][..], items, &["--reason", REASON]].concat();
        lab.lab.custody(&words)
    };
    order(&["item-9"]).expect(3);
    let given_up = order(&items[..1]).expect(0);
    assert!(given_up.out.contains(REASON), "{given_up:?}");
    // One of three: the others are missing still.
    let open = lab.lab.custody(&["resume"]).expect(3);
    assert!(open.err.contains("custody keys give-up"), "{open:?}");
    assert_eq!(lab.lab.azure.snapshots().len(), DISKS.len());
    let given_up = order(&items[1..]).expect(0);
    assert!(given_up.out.contains("next: custody resume"), "{given_up:?}");

    let closed = lab.lab.custody(&["resume"]).expect(3);
    // What was sealed is complete, as its manifest says; what lies elsewhere is named beside it.
    assert!(closed.out.contains(": complete\n"), "{closed:?}");
    let named = format!("given up, {REASON}");
    assert_eq!(closed.out.matches(&named).count(), DIGESTS, "{closed:?}");
    let complaint = "is sealed, but digests of it are not in the second register: they were given up";
    assert!(closed.err.contains(complaint), "{closed:?}");
    assert!(
        closed
            .err
            .contains("next: put what is named above where others keep it"),
        "{closed:?}"
    );
    assert_eq!(lines(&lab, "digest.given-up").len(), DISKS.len());
    assert_eq!(lines(&lab, "acquisition.closed").len(), 1);
    assert_eq!(kept_digests(&lab), 0);
    // The copies are verified and sealed: what they are taken of goes.
    lab.lab.nothing_is_left_at_the_source("given up");

    // Whoever verifies is told of it, and the vault that is open again changes nothing.
    lab.lab.azure.clear_faults();
    let verified = lab.lab.verify().expect(0);
    assert!(verified.out.contains("a custodian gave it up"), "{verified:?}");
    let nothing = lab.lab.custody(&["resume"]).expect(0);
    assert!(nothing.out.contains("no acquisition is open"), "{nothing:?}");
    assert_eq!(kept_digests(&lab), 0);
    order(&items).expect(3);
}

#[test]
fn what_may_be_put_is_put_where_one_digest_is_refused() {
    let lab = KeyLab::with(quick);
    let refused = FaultAction::status(403, "Forbidden/ForbiddenByRbac");
    let fault = Fault::on("PUT", "/secrets/*data-0-hash-SHA256", refused);
    lab.lab.azure.inject(fault.at_host(&format!("{CENTER}*")));
    let run = lab.capture(&["--wrapping-key", Scenario::LAB_SOC_KEY]).expect(3);
    assert_eq!(
        run.out
            .matches("is NOT known to be in the second register: ")
            .count(),
        1,
        "{run:?}"
    );
    assert_eq!(kept_digests(&lab), DIGESTS - 1);
    assert_eq!(lines(&lab, "digest.done").len(), DIGESTS - 1);
    lab.lab.azure.clear_faults();
    lab.lab.custody(&["resume"]).expect(0);
    assert_eq!(kept_digests(&lab), DIGESTS);
    // What was there is not put again.
    assert_eq!(lines(&lab, "digest.intent").len(), DIGESTS + 1);
}
