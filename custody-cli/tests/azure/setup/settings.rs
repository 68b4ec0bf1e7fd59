//! The settings file: made, completed, never changed unasked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use custody_testkit::azure_sim::Scenario;

use super::{check, not_set_up};
use crate::json_schemas::Schemas;

#[test]
fn settings_are_completed_and_checked_and_a_capture_works_with_them() {
    let lab = not_set_up(Scenario::lab());
    let done = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(0).json();
    Schemas::load().hold("output-setup", &done);
    assert_eq!(done["settings"]["state"], "changed");
    assert_eq!(done["key"]["origin"], "made");
    assert_eq!(done["commands"], serde_json::json!([]));
    let signed_in = check(&done, "sign-in for the Resource Manager")["found"]
        .as_str()
        .unwrap();
    for id in [
        &lab.scenario.tenants[0],
        Scenario::LAB_CLIENT_ID,
        &lab.scenario.identities[0].object_id,
    ] {
        assert!(signed_in.contains(id), "{id} is not in {signed_in}");
    }
    assert_eq!(check(&done, "vault")["state"], "left-out");
    assert!(
        check(&done, "storage account")["found"]
            .as_str()
            .unwrap()
            .contains("westeurope")
    );
    let settings = lab.settings();
    assert!(settings.starts_with(&lab.cloud()), "{settings}");
    assert_eq!(lab.blobs(), [""; 0], "nothing is written without --probe");

    let captured = lab.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(captured["items"].as_array().unwrap().len(), 3);

    // Again, and again without a word: nothing is changed.
    let again = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(0).json();
    assert_eq!(again["settings"]["state"], "unchanged");
    assert_eq!(again["key"]["origin"], "existing");
    assert_eq!(again["key"]["fingerprint"], done["key"]["fingerprint"]);
    let group = lab.group("production");
    let silent = lab
        .setup(&["--check-only", "--source-group", &group, "--json"])
        .expect(0)
        .json();
    assert_eq!(silent["settings"]["changes"], serde_json::json!([]));
    assert_eq!(lab.settings(), settings);
}

#[test]
fn a_file_is_made_from_nothing_and_a_missing_identity_file_is_named() {
    let lab = not_set_up(Scenario::lab());
    fs::remove_file(lab.path("custody.toml")).unwrap();
    fs::remove_file(lab.path("client-secret")).unwrap();
    let flags = lab.flags(Scenario::LAB_CONTAINER);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let found = lab
        .setup(&[&flags, ["--json"].as_slice()].concat())
        .expect(3)
        .json();
    assert_eq!(found["settings"]["state"], "made");
    for service in ["sign-in for the Resource Manager", "sign-in for storage"] {
        let sign_in = check(&found, service);
        assert_eq!(sign_in["state"], "missing", "{sign_in}");
        assert!(
            sign_in["found"].as_str().unwrap().contains("client-secret"),
            "{sign_in}"
        );
        assert!(
            sign_in["next"][0].as_str().unwrap().contains("--identity-file"),
            "{sign_in}"
        );
    }
    // Nobody has signed in: nothing is known of the rest, and nothing of it is called missing or fine.
    let rest = found["checks"].as_array().unwrap().iter().filter(|check| {
        let what = check["check"].as_str().unwrap();
        what.starts_with("right ") || what.contains("container") || what.contains("clock")
    });
    let mut unknown = 0;
    for check in rest.filter(|check| check["state"] != "left-out") {
        assert_eq!(check["state"], "could-not-check", "{check}");
        unknown += 1;
    }
    assert!(unknown > 20, "{found:#}");
    let settings = lab.settings();
    assert!(
        settings.contains("# As whom custody asks") && settings.contains("kind = \"client-secret\""),
        "{settings}"
    );
    let mode = fs::metadata(lab.path("custody.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    // It is a whole settings file: the next command understands it.
    let captured = lab.capture(&["--json"]).expect(3);
    assert!(captured.out.contains("client-secret"), "{captured:?}");
}

#[test]
fn what_was_not_said_is_named_by_its_flag_and_nothing_is_asked_or_written() {
    let lab = not_set_up(Scenario::lab());
    let before = lab.settings();
    let account = lab.account();
    for (words, flag) in [
        (vec![], "--identity KIND"),
        (vec!["--identity", "managed-identity"], "--account ID"),
        (
            vec!["--identity", "azure-cli", "--account", &account],
            "--container NAME",
        ),
        (vec!["--identity", "client-secret"], "--tenant ID"),
        (
            vec!["--identity", "client-secret", "--tenant", "t", "--client", "c"],
            "--identity-file FILE",
        ),
        (
            vec!["--identity", "azure-cli", "--client", "c"],
            "leave --client out",
        ),
    ] {
        let run = lab.setup(&[words.as_slice(), &["--json"]].concat()).expect(2);
        let next = run.json()["next"].to_string();
        assert!(
            next.contains(flag) && !next.contains("terminal"),
            "{flag}: {run:?}"
        );
        let run = lab.setup(&words).expect(2);
        assert!(
            run.err.contains(flag) && !run.err.contains("]: "),
            "{flag}: {run:?}"
        );
    }
    for (words, named) in [
        (
            [
                "--account",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",
            ],
            "no storage account",
        ),
        (
            ["--source-group", "production"],
            "/subscriptions/SUBSCRIPTION/resourceGroups/NAME",
        ),
        (["--identty", "azure-cli"], "--identty"),
        (["--retention-days", "0"], "--retention-days"),
    ] {
        let run = lab.setup(&words).expect(2);
        assert!(run.err.contains(named), "{named}: {run:?}");
    }
    assert_eq!(lab.settings(), before);
    fs::remove_file(lab.path("custody.toml")).unwrap();
    let run = lab.setup(&["--check-only"]).expect(3);
    assert!(run.err.contains("--config"), "{run:?}");
    assert!(
        !lab.path("state").exists(),
        "nothing is made before the settings are whole"
    );
}

#[test]
fn a_file_that_says_otherwise_is_changed_only_when_that_is_asked_for() {
    let lab = not_set_up(Scenario::lab());
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    let before = lab.settings();
    let refused = lab.setup(&["--container", "plain", "--json"]).expect(2).json();
    assert_eq!(
        refused["causes"],
        serde_json::json!(["azure.store.container: \"immutable\" -> \"plain\""])
    );
    assert!(refused["next"].to_string().contains("--force"), "{refused}");
    let refused = lab.setup(&["--check-only", "--container", "plain"]).expect(2);
    assert!(refused.err.contains("--check-only"), "{refused:?}");
    assert_eq!(lab.settings(), before);
    // A person says no, and then yes.
    let answers = |last: &str| format!("{}{last}\n", "\n".repeat(9));
    let words = ["setup", "azure", "--container", "plain", "--ask"];
    let refused = lab.answering(&words, &answers("no")).expect(2);
    assert!(refused.err.contains("-> \"plain\""), "{refused:?}");
    assert_eq!(lab.settings(), before);
    let written = lab.answering(&words, &answers("yes"));
    assert!(written.out.contains("(changed)"), "{written:?}");
    assert_eq!(
        lab.settings()
            .lines()
            .filter(|line| !before.contains(line))
            .collect::<Vec<_>>(),
        ["container = \"plain\"", "protection = \"locked-retention\""]
    );
}

#[test]
fn a_person_is_asked_with_explanations_and_never_for_a_secret() {
    let lab = not_set_up(Scenario::lab());
    let tenant = lab.scenario.tenants[0].clone();
    let groups = format!("{} {}", lab.group("production"), lab.group("shared-disks"));
    let answers = [
        "the-cat",
        "client-secret",
        &tenant,
        Scenario::LAB_CLIENT_ID,
        "client-secret",
        "socevidence",
        &lab.account(),
        "",
        "",
        "",
        "",
        &groups,
        "yes",
    ]
    .join("\n");
    let run = lab
        .answering(&["setup", "azure", "--ask"], &format!("{answers}\n"))
        .expect(0);
    assert!(run.err.contains("not understood"), "{run:?}");
    assert!(run.err.contains("container [immutable]: "), "{run:?}");
    assert!(
        run.err.contains("Only its path") || run.err.contains("only its path"),
        "{run:?}"
    );
    assert!(run.out.contains("ok       sign-in"), "{run:?}");
    assert!(lab.settings().contains("container = \"immutable\""));

    // Answers that end too early: nothing is guessed.
    fs::write(lab.path("custody.toml"), lab.cloud()).unwrap();
    let run = lab
        .answering(&["setup", "azure", "--ask"], "client-secret\n")
        .expect(2);
    assert!(
        run.err.contains("nobody answered: tenant") && run.err.contains("--tenant"),
        "{run:?}"
    );
    assert_eq!(lab.settings(), lab.cloud());
}
