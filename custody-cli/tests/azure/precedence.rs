//! Flags go before the environment, and the environment before the settings file.

use crate::lab::{Lab, small};

#[test]
fn flags_go_before_the_environment_and_the_environment_before_the_file() {
    let store = |lab: &Lab, options: &[&str]| {
        let words = [&["--dry-run", "--json", "--require-protection", "none"], options].concat();
        let plan = lab.capture(&words).expect(0).json();
        plan["store"].as_str().unwrap().to_owned()
    };
    let lab = Lab::of(small());
    assert!(store(&lab, &[]).ends_with("/immutable"), "the file");
    let lab = lab.with("CUSTODY_STORE_CONTAINER", "plain");
    assert!(store(&lab, &[]).ends_with("/plain"), "the environment");
    assert!(
        store(&lab, &["--container", "immutable"]).ends_with("/immutable"),
        "the flag"
    );

    let lab = Lab::of(small()).with("CUSTODY_CONSISTENCY", "restore-point");
    let of_a_point = "one crash-consistent restore point";
    let plan = lab.capture(&["--dry-run"]).expect(0);
    assert!(plan.out.contains(of_a_point), "{plan:?}");
    let plan = lab
        .capture(&["--dry-run", "--consistency", "disk-snapshots"])
        .expect(0);
    assert!(!plan.out.contains(of_a_point), "{plan:?}");

    // Who asks is taken from one place as a whole: the environment's, not half of the file's.
    let lab = Lab::of(small()).with("CUSTODY_IDENTITY", "azure-cli");
    let refused = lab.capture(&["--dry-run"]).expect(3);
    assert!(refused.err.contains("AzureCliCredential"), "{refused:?}");
}

#[test]
fn access_for_more_days_than_azure_grants_is_refused_and_fewer_are_recorded() {
    let lab = Lab::of(small());
    let refused = lab.capture(&["--grant-days", "61", "--dry-run"]).expect(2);
    assert!(refused.err.contains("61"), "{refused:?}");
    let settings = lab.settings() + "\n[azure.snapshots]\ngrant-days = 0\n";
    std::fs::write(lab.path("custody.toml"), settings).unwrap();
    let refused = lab.capture(&["--dry-run"]).expect(2);
    assert!(refused.err.contains("1 to 60 days"), "{refused:?}");
    let captured = lab.capture(&["--grant-days", "10", "--json"]).expect(0).json();
    let id = captured["acquisition"].as_str().unwrap();
    let log = lab.custody(&["log", id, "--json"]).expect(0);
    assert!(log.out.contains("\"grant_days\":10"), "{log:?}");
    lab.verify().expect(0);
}
