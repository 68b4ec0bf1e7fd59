use azure_core::http::Method;
use custody_testkit::azure_sim::{Bytes, Disk, Fault, FaultAction, LroStyle, Scenario, Timing};
use serde_json::{Value, json};

use crate::client::{Lab, snapshot_of};

async fn begin(lab: &Lab, name: &str) -> crate::client::Reply {
    let path = format!("{}/beginGetAccess", lab.snapshot(name));
    lab.arm(
        Method::Post,
        &path,
        json!({"access": "Read", "durationInSeconds": 60}),
    )
    .await
}

async fn lab_in_style(style: LroStyle) -> Lab {
    let lab = Lab::of(Scenario::lab().with_timing(Timing::default().with_style(style))).await;
    let started = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    for _ in 0..3 {
        let read = lab
            .arm(Method::Get, &lab.snapshot("one"), Value::Null)
            .await
            .json();
        if read["properties"]["provisioningState"] == "Succeeded" {
            return lab;
        }
    }
    panic!("not ready: {}", started.text());
}

#[tokio::test]
async fn an_operation_has_two_addresses_of_about_five_kilobytes() {
    let lab = Lab::new().await;
    let started = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    assert_eq!(started.status, 202);
    assert_eq!(started.json()["properties"]["provisioningState"], "Updating");
    assert!(started.json()["id"].is_null());
    for header in ["azure-asyncoperation", "location"] {
        let length = started.header(header).unwrap().len();
        assert!((4500..6500).contains(&length), "{header}: {length}");
    }
    let monitor = started.header("location").unwrap().to_string();
    assert!(monitor.contains("monitor=true"));
    assert_eq!(lab.arm_url(Method::Get, &monitor, Value::Null).await.status, 202);
    let finished = lab.arm_url(Method::Get, &monitor, Value::Null).await;
    assert_eq!(
        (finished.status, finished.json()["name"].as_str()),
        (200, Some("one"))
    );
    let guessed = monitor.replace("?p=", "?p=0");
    assert_eq!(lab.arm_url(Method::Get, &guessed, Value::Null).await.status, 404);
}

#[tokio::test]
async fn access_is_told_in_the_status_or_at_the_location_or_at_once() {
    let lab = lab_in_style(LroStyle::Output).await;
    let started = begin(&lab, "one").await;
    let monitor = started.header("location").unwrap().to_string();
    let status = lab.finish(&started).await;
    assert!(status["properties"]["output"]["accessSAS"].is_string());
    let bare = lab.arm_url(Method::Get, &monitor, Value::Null).await.json();
    assert!(
        bare["accessSAS"].is_string(),
        "the location ends with the bare result"
    );

    let lab = lab_in_style(LroStyle::Location).await;
    let started = begin(&lab, "one").await;
    assert_eq!(started.header("azure-asyncoperation"), None);

    let lab = lab_in_style(LroStyle::Direct).await;
    let at_once = begin(&lab, "one").await;
    assert_eq!(at_once.status, 200);
    assert!(at_once.json()["accessSAS"].is_string());

    let lab = lab_in_style(LroStyle::OutputMissingOnce).await;
    let started = begin(&lab, "one").await;
    let status = lab.finish(&started).await;
    assert_eq!(status["status"], "Succeeded");
    assert!(status["properties"].is_null(), "no output");
    let again = begin(&lab, "one").await;
    assert_eq!(again.status, 200);
    assert!(again.json()["accessSAS"].is_string());
}

#[tokio::test]
async fn a_failed_operation_says_why() {
    let lab = Lab::new().await;
    lab.simulator.inject(Fault::on(
        "PUT",
        "*/snapshots/*",
        FaultAction::OperationFails("InternalOperationError".into()),
    ));
    let started = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    let status = lab.finish(&started).await;
    assert_eq!(
        (status["status"].as_str(), status["error"]["code"].as_str()),
        (Some("Failed"), Some("InternalOperationError"))
    );
}

#[tokio::test]
async fn a_put_to_a_taken_name_is_no_new_point_in_time() {
    let lab = Lab::new().await;
    let first = lab.take("one", "web-01-data-0").await;
    lab.simulator
        .write_disk("web-01-data-0", 0, vec![1; 512])
        .unwrap();
    let again = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    assert_eq!(again.status, 200);
    assert_eq!(
        again.json()["properties"]["timeCreated"],
        first["properties"]["timeCreated"]
    );
    let other = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01_OsDisk_1")),
        )
        .await;
    assert_eq!(other.status, 409);
}

#[tokio::test]
async fn a_snapshots_name_has_at_most_eighty_characters() {
    let lab = Lab::new().await;
    let put = |name: String| {
        let lab = &lab;
        async move {
            lab.arm(
                Method::Put,
                &lab.snapshot(&name),
                snapshot_of(&lab.disk("web-01-data-0")),
            )
            .await
        }
    };
    assert_eq!(put("a".repeat(80)).await.status, 202);
    assert_eq!(put("a".repeat(81)).await.code(), "InvalidParameter");
    assert_eq!(put("with%20blank".into()).await.code(), "InvalidParameter");
}

#[tokio::test]
async fn a_background_copy_must_be_done_before_access() {
    let disk = Disk::new("fast", Bytes::full(1 << 20, 3)).with_sku("PremiumV2_LRS");
    let lab = Lab::of(Scenario::lab().with_disk(disk)).await;
    let mut body = snapshot_of(&lab.disk("fast"));
    let refused = lab.arm(Method::Put, &lab.snapshot("one"), body.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "OperationNotAllowed")
    );
    body["properties"]["incremental"] = json!(true);
    let started = lab.arm(Method::Put, &lab.snapshot("one"), body).await;
    lab.finish(&started).await;
    assert_eq!(begin(&lab, "one").await.code(), "OperationNotAllowed");
    let mut percents = Vec::new();
    for _ in 0..3 {
        let read = lab
            .arm(Method::Get, &lab.snapshot("one"), Value::Null)
            .await
            .json();
        percents.push(read["properties"]["completionPercent"].as_u64().unwrap());
    }
    assert_eq!(percents, [0, 50, 100]);
    assert_eq!(begin(&lab, "one").await.status, 202);
}

#[tokio::test]
async fn a_restore_point_keeps_all_disks_at_one_instant() {
    let lab = Lab::new().await;
    let collection = format!(
        "{}/providers/Microsoft.Compute/restorePointCollections/c1",
        lab.group("production")
    );
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let body = json!({"location": "westeurope", "properties": {"source": {"id": machine}}});
    assert_eq!(lab.arm(Method::Put, &collection, body).await.status, 201);
    let point = format!("{collection}/restorePoints/p1");
    let body = json!({"properties": {"consistencyMode": "CrashConsistent"}});
    let started = lab.arm(Method::Put, &point, body.clone()).await;
    assert_eq!(started.status, 201, "{}", started.text());
    lab.finish(&started).await;
    let read = lab
        .arm(Method::Get, &format!("{point}?$expand=instanceView"), Value::Null)
        .await
        .json();
    let storage = &read["properties"]["sourceMetadata"]["storageProfile"];
    assert_eq!(storage["dataDisks"].as_array().unwrap().len(), 2);
    let disk = storage["osDisk"]["diskRestorePoint"]["id"]
        .as_str()
        .unwrap()
        .to_string();
    let request = json!({"access": "Read", "durationInSeconds": 60});
    let granted = lab
        .arm(Method::Post, &format!("{disk}/beginGetAccess"), request)
        .await;
    let address = lab.finish(&granted).await["properties"]["output"]["accessSAS"]
        .as_str()
        .unwrap()
        .to_string();
    let export = lab.send(Method::Get, &address, &[], "").await;
    let expected = lab.simulator.disk_bytes("web-01_OsDisk_1").unwrap();
    assert!(
        export.body[..expected.len()] == expected[..],
        "the export differs from the disk"
    );
    let blocked = lab.arm(Method::Delete, &point, Value::Null).await;
    assert_eq!(blocked.code(), "DiskRestorePointUsedByCustomer");
    for name in ["p2", "p3"] {
        assert_eq!(
            lab.arm(
                Method::Put,
                &format!("{collection}/restorePoints/{name}"),
                body.clone()
            )
            .await
            .status,
            201
        );
    }
    let fourth = lab
        .arm(Method::Put, &format!("{collection}/restorePoints/p4"), body)
        .await;
    assert_eq!(fourth.status, 429);
}
