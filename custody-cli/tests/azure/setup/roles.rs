//! Rights and the roles that give them.

use custody_azure::arm::{RightPlace, RightStep, rights_for};
use custody_core::port::RightNeed;
use custody_testkit::azure_sim::{RoleGrant, Scenario};
use serde_json::Value;

use super::{check, commands, not_set_up, with_roles};
use crate::json_schemas::Schemas;
use crate::lab::Lab;

#[test]
fn a_right_that_is_missing_is_named_with_its_scope_and_the_commands_that_give_it() {
    let right = "Microsoft.Compute/snapshots/delete";
    let data = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
    let mut grant = RoleGrant::new("/", &["*"], &["Microsoft.Storage/*/read", "*/add/action"]);
    grant = grant.without(right);
    let lab = with_roles(vec![grant]);
    let run = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]).expect(3);
    let found = run.json();
    Schemas::load().hold("output-setup", &found);
    let production = lab.group("production");
    let missing = check(&found, &format!("{right} at {production}"));
    assert_eq!(missing["state"], "missing", "{missing}");
    let kept = check(
        &found,
        &format!("Microsoft.Compute/snapshots/write at {production}"),
    );
    assert_eq!(kept["state"], "ok", "{kept}");
    assert_eq!(check(&found, data)["state"], "missing");
    let commands = commands(&found);
    let object = &lab.scenario.identities[0].object_id;
    let assign = format!(
        "az role assignment create --assignee-object-id {object} --assignee-principal-type ServicePrincipal --role 'Custody source for socevidence' --scope {production}"
    );
    assert!(commands.contains(&assign.as_str()), "{commands:#?}");
    let at_container = format!(
        "--scope {}/blobServices/default/containers/immutable",
        lab.account()
    );
    assert!(
        commands
            .iter()
            .any(|command| command.contains("'Custody evidence for") && command.ends_with(&at_container)),
        "{commands:#?}"
    );
    let definition = commands
        .iter()
        .find_map(|command| command.strip_prefix("az role definition create --role-definition '"))
        .unwrap();
    let definition: Value = serde_json::from_str(definition.trim_end_matches('\'')).unwrap();
    assert!(definition["Actions"].as_array().unwrap().contains(&right.into()));

    let text = lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(3);
    assert!(
        text.out
            .contains(&format!("MISSING  right {right} at {production}: not held")),
        "{text:?}"
    );
    assert!(
        text.err.contains("not ready") && text.err.contains("--check-only"),
        "{text:?}"
    );
}

/// What `--print-roles` prints where no identity is named and no file is there.
pub(super) fn printed_roles(lab: &Lab, more: &[&str]) -> Value {
    let groups = [lab.group("production"), lab.group("shared-disks")];
    let account = lab.account();
    let words = [
        "--config",
        "none.toml",
        "--print-roles",
        "--json",
        "--account",
        &account,
        "--container",
        Scenario::LAB_CONTAINER,
        "--source-group",
        &groups[0],
        &groups[1],
    ];
    let printed = lab.setup(&[&words, more].concat()).expect(0).json();
    Schemas::load().hold("output-setup-roles", &printed);
    assert!(!lab.path("none.toml").exists(), "it only prints");
    printed
}

/// These roles, assigned as they say, without one right.
pub(super) fn grants_of(printed: &Value, without: &str) -> Vec<RoleGrant> {
    let mut grants = Vec::new();
    for role in printed["roles"].as_array().unwrap() {
        let list = |name: &str| -> Vec<&str> {
            let all = role["definition"][name].as_array().unwrap();
            all.iter()
                .map(|action| action.as_str().unwrap())
                .filter(|action| *action != without)
                .collect()
        };
        for scope in role["assign_at"].as_array().unwrap() {
            grants.push(RoleGrant::new(
                scope.as_str().unwrap(),
                &list("Actions"),
                &list("DataActions"),
            ));
        }
    }
    grants
}

#[test]
fn the_roles_for_a_restore_point_and_for_sign_in_exports_are_enough_for_them() {
    let lab = not_set_up(Scenario::lab());
    let printed = printed_roles(&lab, &["--consistency", "restore-point"]);
    assert!(!printed.to_string().contains("/snapshots/"), "{printed}");
    let lab = with_roles(grants_of(&printed, "none of them"));
    let checked = lab.set_up(Scenario::LAB_CONTAINER, &["--consistency", "restore-point"]);
    checked.expect(0);
    assert!(lab.settings().contains("consistency = \"restore-point\""));
    let plan = lab.capture(&["--dry-run", "--json"]).expect(0).json();
    assert!(!plan.to_string().contains("is missing at"), "{plan}");
    let captured = lab.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");
    assert_eq!(lab.azure.restore_points(), [""; 0]);

    let protected = |roles: Vec<RoleGrant>| {
        let mut scenario = Scenario::lab();
        scenario.identities[0].roles = roles;
        scenario.disk_mut("web-01-data-0").network.data_access_auth_mode = "AzureActiveDirectory".into();
        not_set_up(scenario)
    };
    let printed = printed_roles(&lab, &["--sign-in-exports"]);
    let without = "Microsoft.Compute/snapshots/download/action";
    let lab = protected(grants_of(&printed, without));
    lab.set_up(Scenario::LAB_CONTAINER, &[]).expect(0);
    let plan = lab.capture(&["--dry-run", "--json"]).expect(3).json();
    assert!(plan["refusals"][0].to_string().contains(without), "{plan}");
    let lab = protected(grants_of(&printed, "none of them"));
    lab.set_up(Scenario::LAB_CONTAINER, &["--sign-in-exports"])
        .expect(0);
    lab.capture(&["--json"]).expect(0);
}

#[test]
fn the_printed_roles_are_enough_for_a_capture_and_no_other_right_makes_up_for_one() {
    let lab = not_set_up(Scenario::lab());
    let printed = printed_roles(&lab, &[]);
    let grants = |without: &str| grants_of(&printed, without);
    let set_up_with = |without: &str| {
        let lab = with_roles(grants(without));
        let checked = lab.set_up(Scenario::LAB_CONTAINER, &["--json"]);
        (lab, checked)
    };
    let (exact, checked) = set_up_with("none of them");
    checked.expect(0);
    let captured = exact.capture(&["--json"]).expect(0).json();
    assert_eq!(captured["state"], "complete", "{captured}");

    let steps = [
        RightStep::Describing,
        RightStep::DiskSnapshots,
        RightStep::SnapshotReading,
        RightStep::Storing,
    ];
    for right in rights_for(&steps).filter(|right| right.need() != RightNeed::ToRecord) {
        let (lab, checked) = set_up_with(right.action());
        let checked = checked.expect(3).json();
        let scope = match right.place() {
            RightPlace::Source | RightPlace::Snapshots => lab.group("production"),
            RightPlace::Account => lab.account(),
            RightPlace::Container => format!("{}/blobServices/default/containers/immutable", lab.account()),
        };
        let named = check(&checked, &format!("right {} at {scope}", right.action()));
        assert_eq!(named["state"], "missing", "{right:?}");
        // What the service demands of a disk whose snapshot is taken, the simulator does not.
        if right.action().ends_with("/disks/beginGetAccess/action") {
            continue;
        }
        let run = lab.capture(&["--json"]);
        let left = lab.azure.snapshots().len() + lab.azure.live_exports().len();
        assert!(
            run.code != 0 || left > 0,
            "a capture does without {right:?}: {run:?}"
        );
    }
}
