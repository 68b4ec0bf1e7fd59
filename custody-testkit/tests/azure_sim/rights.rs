use azure_core::http::Method;
use custody_testkit::azure_sim::{RoleGrant, Scenario};
use serde_json::{Value, json};

use crate::client::{Lab, snapshot_of};

fn lab_without(action: &str) -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.identities[0].roles = vec![RoleGrant::everything().without(action)];
    scenario
}

#[tokio::test]
async fn the_refusal_names_the_missing_action() {
    let lab = Lab::of(lab_without("Microsoft.Compute/snapshots/write")).await;
    let refused = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "AuthorizationFailed")
    );
    assert!(
        refused.text().contains("'Microsoft.Compute/snapshots/write'"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.header("x-ms-failure-cause"), Some("gateway"));
    assert!(lab.simulator.snapshots().is_empty());
}

#[tokio::test]
async fn permissions_tell_what_the_caller_may_do() {
    let lab = Lab::of(lab_without("Microsoft.Compute/snapshots/delete")).await;
    let path = format!(
        "{}/providers/Microsoft.Authorization/permissions",
        lab.group("production")
    );
    let told = lab.arm(Method::Get, &path, Value::Null).await.json();
    assert_eq!(
        told["value"][0]["notActions"],
        json!(["Microsoft.Compute/snapshots/delete"])
    );
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments",
        lab.group("production")
    );
    let assigned = lab.arm(Method::Get, &path, Value::Null).await.json();
    assert_eq!(assigned["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn data_rights_are_apart_from_those_of_the_control_plane() {
    let mut scenario = Scenario::lab();
    scenario.identities[0].roles = vec![RoleGrant::new("/", &["*"], &["Microsoft.Storage/*/blobs/read"])];
    let lab = Lab::of(scenario).await;
    let refused = lab
        .blob(Method::Put, "/plain/a", &[("x-ms-blob-type", "AppendBlob")], "")
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "AuthorizationPermissionMismatch")
    );
    assert_eq!(
        lab.blob(Method::Get, "/plain?restype=container&comp=list", &[], "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found_as_arm_says_it() {
    let lab = Lab::new().await;
    let missing = lab.arm(Method::Get, &lab.snapshot("none"), Value::Null).await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "ResourceNotFound")
    );
    let elsewhere = format!("{}/providers/Microsoft.Compute/disks/d", lab.group("none"));
    assert_eq!(
        lab.arm(Method::Get, &elsewhere, Value::Null).await.code(),
        "ResourceGroupNotFound"
    );
    let other = "/subscriptions/99999999-9999-4999-8999-999999999999/resourceGroups/g";
    assert_eq!(
        lab.arm(Method::Get, other, Value::Null).await.code(),
        "SubscriptionNotFound"
    );
}

#[tokio::test]
async fn network_rules_let_in_whom_they_name() {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts[0].network_default_deny = true;
    let lab = Lab::of(scenario.clone()).await;
    let list = "/plain?restype=container&comp=list";
    assert_eq!(
        lab.blob(Method::Get, list, &[], "").await.code(),
        "AuthorizationFailure"
    );
    scenario.storage_accounts[0].network_allowed = vec!["127.0.0.1".into()];
    assert_eq!(
        Lab::of(scenario)
            .await
            .blob(Method::Get, list, &[], "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_activity_log_tells_who_did_what_after_its_delay() {
    let mut scenario = Scenario::lab();
    scenario.timing.activity_delay_seconds = 300;
    let lab = Lab::of(scenario).await;
    lab.take("one", "web-01-data-0").await;
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values",
        lab.subscription
    );
    let filter =
        "$filter=eventTimestamp%20ge%20'2020-01-01T00:00:00Z'%20and%20resourceGroupName%20eq%20'production'";
    let path = format!("{path}?{filter}");
    assert_eq!(
        lab.arm(Method::Get, &path, Value::Null).await.json()["value"],
        json!([])
    );
    lab.simulator.advance(std::time::Duration::from_secs(301));
    let events = lab.arm(Method::Get, &path, Value::Null).await.json();
    assert_eq!(
        events["value"][0]["operationName"]["value"],
        "Microsoft.Compute/snapshots/write"
    );
    assert!(events["value"][0]["correlationId"].is_string());
    let refused = lab
        .arm(
            Method::Get,
            &path.replace("resourceGroupName", "caller"),
            Value::Null,
        )
        .await;
    assert_eq!(refused.status, 400);
}
