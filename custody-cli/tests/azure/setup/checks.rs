//! What is checked: the container, its policy, the log, the clock, the state folder, the secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use custody_testkit::azure_sim::{Container, ImmutabilityPolicy, RoleGrant, Scenario, StorageAccount};
use serde_json::Value;

use super::{check, commands, not_set_up, with_container, with_roles};
use crate::json_schemas::Schemas;
use crate::lab::Lab;

#[test]
fn a_container_without_a_policy_is_named_with_the_commands_that_make_one() {
    let lab = not_set_up(Scenario::lab());
    let words = [
        "--json",
        "--require-protection",
        "locked-retention",
        "--retention-days",
        "400",
    ];
    let found = lab.set_up("plain", &words).expect(3).json();
    assert_eq!(check(&found, "protection of the container")["state"], "missing");
    assert_eq!(check(&found, "log anchor")["state"], "ok");
    let at = format!(
        "--account-name socevidence --container-name plain --resource-group soc --subscription {}",
        lab.scenario.subscriptions[0]
    );
    let create = format!(
        "az storage container immutability-policy create {at} --period 400 --allow-protected-append-writes-all true"
    );
    let lock = format!(
        "az storage container immutability-policy lock {at} --if-match \"$(az storage container immutability-policy show {at} --query etag --output tsv)\""
    );
    assert_eq!(commands(&found), [create, lock]);

    let hold = lab
        .set_up("plain", &["--json", "--require-protection", "legal-hold"])
        .expect(3)
        .json();
    let command = commands(&hold);
    assert!(
        command.len() == 1 && command[0].starts_with("az storage container legal-hold set "),
        "{command:?}"
    );
    lab.set_up("plain", &["--require-protection", "none"]).expect(0);
}

#[test]
fn a_container_that_is_not_there_is_missing_and_not_merely_unknown() {
    let lab = not_set_up(Scenario::lab());
    let found = lab.set_up("nowhere", &["--json"]).expect(3).json();
    assert_eq!(check(&found, "container nowhere")["state"], "missing");
    assert_eq!(
        check(&found, "protection of the container")["state"],
        "could-not-check"
    );
    assert!(
        commands(&found)[0]
            .starts_with("az storage container-rm create --storage-account socevidence --name nowhere ")
    );
}

#[test]
fn an_unlocked_policy_is_to_be_locked_and_one_without_appends_has_no_place_for_the_log() {
    let lab = with_container(
        Container::new("unlocked")
            .with_policy(ImmutabilityPolicy::unlocked(30).with_protected_append_writes()),
    );
    let found = lab.set_up("unlocked", &["--json"]).expect(3).json();
    let command = commands(&found);
    assert!(
        command.len() == 1 && command[0].starts_with("az storage container immutability-policy lock "),
        "{command:?}"
    );
    let lab = with_container(Container::new("shut").with_policy(ImmutabilityPolicy::locked(30)));
    let found = lab.set_up("shut", &["--json"]).expect(3).json();
    let anchor = check(&found, "log anchor");
    assert_eq!(anchor["state"], "missing");
    assert!(
        anchor["next"][0].as_str().unwrap().contains("another container"),
        "{anchor}"
    );
}

/// With this account in the place of the lab's.
fn with_account(change: impl FnOnce(&mut StorageAccount)) -> Lab {
    let mut scenario = Scenario::lab();
    change(&mut scenario.storage_accounts[0]);
    not_set_up(scenario)
}

#[test]
fn what_a_capture_would_refuse_to_store_for_is_wrong_in_the_same_words() {
    let lab = with_account(|account| account.hierarchical_namespace = true);
    let found = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3).json();
    Schemas::load().hold("output-setup", &found);
    assert_eq!(check(&found, "protection of the container")["state"], "ok");
    let storing = check(&found, "storing evidence");
    assert_eq!(storing["state"], "wrong", "{storing}");
    assert!(storing["next"].to_string().contains("--account"), "{storing}");
    let told = storing["found"].as_str().unwrap();
    assert!(told.contains("hierarchical namespace"), "{storing}");
    let plan = lab.capture(&["--dry-run", "--json"]).expect(3).json();
    let refusals = plan["refusals"].as_array().unwrap();
    assert!(
        refusals.iter().any(|refusal| refusal["reason"] == told),
        "{plan:#}"
    );
}

#[test]
fn what_a_plan_would_note_of_account_and_container_is_noted_and_stands_against_nothing() {
    let mut versions =
        Container::new("versions").with_policy(ImmutabilityPolicy::locked(30).with_protected_append_writes());
    versions.version_level_worm = true;
    let lab = with_account(|account| {
        account.allowed_copy_scope = Some("AAD".into());
        account.versioning = true;
        account.containers.push(versions);
    });
    let set_up = lab.set_up("versions", &["--json"]).expect(0).json();
    Schemas::load().hold("output-setup", &set_up);
    let checks = set_up["checks"].as_array().unwrap();
    let notes: Vec<&str> = checks
        .iter()
        .filter(|check| check["state"] == "note")
        .map(|check| check["found"].as_str().unwrap())
        .collect();
    assert_eq!(notes.len(), 2, "{set_up:#}");
    for (note, word) in notes
        .iter()
        .zip(["allowedCopyScope", "immutableStorageWithVersioning"])
    {
        assert!(note.contains(word), "{note}");
    }
    let plan = lab.capture(&["--dry-run", "--json"]).expect(0).json();
    let noted = plan["notes"].as_array().unwrap();
    assert!(
        notes.iter().all(|note| noted.iter().any(|noted| noted == note)),
        "{plan:#}"
    );
    let text = lab.set_up("versions", &[]).expect(0).out;
    assert_eq!(
        text.matches("\nnote     storing evidence there: ").count(),
        2,
        "{text}"
    );
}

#[test]
fn an_account_that_takes_requests_without_tls_is_wrong_with_the_command_that_mends_it() {
    let lab = with_account(|account| account.https_only = false);
    let found = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3).json();
    let account = check(&found, "storage account");
    assert_eq!(account["state"], "wrong", "{account}");
    let update = format!(
        "az storage account update --name socevidence --resource-group soc --subscription {} --https-only true",
        lab.scenario.subscriptions[0]
    );
    assert_eq!(commands(&found), [update]);
}

#[test]
fn a_probe_really_writes_and_leaves_the_store_as_provable_as_before() {
    let lab = not_set_up(Scenario::lab());
    let probed = lab
        .set_up(Scenario::LAB_CONTAINER, &["--probe", "--json"])
        .expect(0);
    assert!(
        probed
            .err
            .contains("they stay as long as its policy or hold says"),
        "{probed:?}"
    );
    let probed = probed.json();
    Schemas::load().hold("output-setup", &probed);
    for what in ["writing into the container", "reading back", "appending to a log"] {
        assert_eq!(check(&probed, what)["state"], "ok", "{probed}");
    }
    let names = lab.blobs();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("probe/")), "{names:?}");
    lab.capture(&["--json"]).expect(0);
    lab.verify().expect(0);
}

#[test]
fn a_probe_that_is_refused_names_the_right_and_one_without_appends_the_policy() {
    let data = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    let grant = RoleGrant::new("/", &["*"], &[&format!("{data}/read")]);
    let lab = with_roles(vec![grant]);
    let found = lab
        .set_up(Scenario::LAB_CONTAINER, &["--probe", "--json"])
        .expect(3)
        .json();
    let writing = check(&found, "writing into the container");
    assert!(
        writing["next"].to_string().contains(&format!("{data}/write")),
        "{writing}"
    );
    assert_ne!(check(&found, "reading back")["state"], "ok");

    let lab = with_container(Container::new("shut").with_policy(ImmutabilityPolicy::locked(30)));
    let found = lab.set_up("shut", &["--probe", "--json"]).expect(3).json();
    assert_eq!(check(&found, "writing into the container")["state"], "ok");
    assert_ne!(check(&found, "appending to a log")["state"], "ok");
}

#[test]
fn a_clock_that_is_off_and_a_secret_that_others_can_read_are_wrong() {
    let lab = not_set_up(Scenario::lab());
    lab.put_secret(0o644);
    lab.azure.advance(Duration::from_secs(600));
    let found = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3).json();
    let clock = check(&found, "clock");
    assert_eq!(clock["state"], "wrong", "{clock}");
    assert!(clock["found"].as_str().unwrap().contains("behind"), "{clock}");
    let secret = check(&found, "file with the secret");
    assert_eq!(secret["state"], "wrong", "{secret}");
    assert!(
        secret["next"][0].as_str().unwrap().starts_with("chmod 600 "),
        "{secret}"
    );
}

#[test]
fn a_state_folder_that_would_not_last_is_refused_and_only_checking_makes_nothing() {
    let lab = not_set_up(Scenario::lab());
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    fs::remove_dir_all(lab.path("state")).unwrap();
    let group = lab.group("production");
    let words = ["--check-only", "--json", "--source-group", &group];
    let found = lab.setup(&words).expect(3).json();
    assert_eq!(check(&found, "state folder")["state"], "missing", "{found}");
    assert_eq!(found["key"], Value::Null);
    assert!(!lab.path("state").exists());
    fs::create_dir(lab.path("state")).unwrap();
    fs::set_permissions(lab.path("state"), fs::Permissions::from_mode(0o755)).unwrap();
    let found = lab.setup(&words).expect(3).json();
    let state = check(&found, "state folder");
    assert_eq!(state["state"], "wrong", "{state}");
    assert!(state["found"].as_str().unwrap().contains("chmod 700"), "{state}");
}

#[test]
fn a_wrong_secret_is_told_without_the_secret() {
    let lab = not_set_up(Scenario::lab());
    fs::write(lab.path("client-secret"), "canary-wrong-secret").unwrap();
    let run = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3);
    assert!(!run.out.contains("canary-wrong-secret") && !run.err.contains("canary-wrong-secret"));
    let found = run.json();
    let sign_in = check(&found, "sign-in for the Resource Manager");
    assert_eq!(sign_in["state"], "could-not-check", "{sign_in}");
    assert!(
        sign_in["next"][0]
            .as_str()
            .unwrap()
            .contains("az ad app credential list"),
        "{sign_in}"
    );
}
