use azure_core::http::Method;
use custody_testkit::azure_sim::{Container, Scenario};
use serde_json::{Value, json};

use crate::client::{ARM, COMPUTE, Lab, Reply};

fn container(lab: &Lab, name: &str) -> String {
    let provider = "providers/Microsoft.Storage/storageAccounts/socevidence/blobServices/default/containers";
    format!("{}/{provider}/{name}", lab.group("soc"))
}

async fn with_etag(lab: &Lab, path: &str, etag: Option<&str>, body: Value) -> Reply {
    let bearer = format!("Bearer {}", lab.arm_token);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(etag.map(|etag| ("if-match", etag)));
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    lab.send(
        Method::Post,
        &format!("{ARM}{path}?api-version={COMPUTE}"),
        &headers,
        body,
    )
    .await
}

fn days(days: u32) -> Value {
    json!({"properties": {"immutabilityPeriodSinceCreationInDays": days}})
}

#[tokio::test]
async fn a_policy_is_locked_with_its_etag_and_then_only_extended_five_times() {
    let lab = Lab::new().await;
    let policy = format!("{}/immutabilityPolicies/default", container(&lab, "plain"));
    let made = lab.arm(Method::Put, &policy, days(10)).await;
    assert_eq!(
        (made.status, made.json()["properties"]["state"].as_str()),
        (200, Some("Unlocked"))
    );
    assert_eq!(
        with_etag(&lab, &format!("{policy}/lock"), None, Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(
        with_etag(&lab, &format!("{policy}/lock"), Some("\"0x0\""), Value::Null)
            .await
            .status,
        412
    );
    let etag = made.header("etag").unwrap();
    let mut last = with_etag(&lab, &format!("{policy}/lock"), Some(etag), Value::Null).await;
    assert_eq!(last.json()["properties"]["state"], "Locked");
    assert_eq!(lab.arm(Method::Put, &policy, days(5)).await.status, 409);
    for round in 0..6 {
        let etag = last.header("etag").unwrap_or_default().to_string();
        last = with_etag(&lab, &format!("{policy}/extend"), Some(&etag), days(20 + round)).await;
        assert_eq!(last.status, if round < 5 { 200 } else { 409 }, "{round}");
    }
    let read = lab
        .arm(Method::Get, &container(&lab, "plain"), Value::Null)
        .await
        .json();
    assert_eq!(
        read["properties"]["immutabilityPolicy"]["properties"]["state"],
        "Locked"
    );
    assert_eq!(
        read["properties"]["immutabilityPolicy"]["updateHistory"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
}

#[tokio::test]
async fn tags_of_a_hold_are_letters_and_digits_and_kept_in_lower_case() {
    let lab = Lab::new().await;
    let set = |tags: Value| {
        let (lab, path) = (&lab, format!("{}/setLegalHold", container(&lab, "plain")));
        async move { lab.arm(Method::Post, &path, json!({"tags": tags})).await }
    };
    for wrong in [
        json!(["case-1"]),
        json!(["ab"]),
        json!(["a".repeat(24)]),
        json!([]),
    ] {
        assert_eq!(set(wrong.clone()).await.status, 400, "{wrong}");
    }
    assert_eq!(set(json!(["Case123"])).await.json()["tags"], json!(["case123"]));
    let eleven: Vec<String> = (0..11).map(|number| format!("tag{number}")).collect();
    assert_eq!(set(json!(eleven)).await.status, 409);
    let head = lab.blob(Method::Get, "/plain?restype=container", &[], "").await;
    assert_eq!(head.header("x-ms-has-legal-hold"), Some("true"));
    let clear = format!("{}/clearLegalHold", container(&lab, "plain"));
    assert_eq!(
        lab.arm(Method::Post, &clear, json!({"tags": ["case123"]}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_container_with_evidence_is_not_deleted() {
    let lab = Lab::new().await;
    lab.blob(
        Method::Put,
        "/immutable/m",
        &[("x-ms-blob-type", "BlockBlob")],
        "{}",
    )
    .await;
    let refused = lab
        .blob(Method::Delete, "/immutable?restype=container", &[], "")
        .await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        lab.arm(Method::Delete, &container(&lab, "immutable"), Value::Null)
            .await
            .status,
        409
    );
}

fn versioned() -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts[0].versioning = true;
    let mut container = Container::new("versions");
    container.version_level_worm = true;
    scenario.storage_accounts[0].containers.push(container);
    scenario
}

#[tokio::test]
async fn an_overwrite_under_version_level_worm_leaves_the_protected_version() {
    let lab = Lab::of(versioned()).await;
    let until = "Fri, 01 Jan 2100 00:00:00 GMT";
    let first = lab
        .blob(
            Method::Put,
            "/versions/a",
            &[
                ("x-ms-blob-type", "BlockBlob"),
                ("x-ms-immutability-policy-until-date", until),
                ("x-ms-immutability-policy-mode", "Locked"),
            ],
            "evidence",
        )
        .await;
    let version = first.header("x-ms-version-id").expect("a version").to_string();
    let head = lab.blob(Method::Head, "/versions/a", &[], "").await;
    assert_eq!(
        head.header("x-ms-immutability-policy-mode"),
        Some("locked"),
        "in lower case"
    );
    assert_eq!(head.header("x-ms-immutability-policy-until-date"), Some(until));
    assert_eq!(
        lab.blob(
            Method::Put,
            "/versions/a",
            &[("x-ms-blob-type", "BlockBlob")],
            "other"
        )
        .await
        .status,
        201
    );
    let by_version = format!("/versions/a?versionid={version}");
    assert_eq!(
        lab.blob(Method::Get, &by_version, &[], "").await.text(),
        "evidence"
    );
    assert_eq!(
        lab.blob(Method::Get, "/versions/a", &[], "").await.text(),
        "other"
    );
    assert_eq!(
        lab.blob(Method::Delete, &by_version, &[], "").await.code(),
        "BlobImmutableDueToPolicy"
    );
    let unlock = lab
        .blob(
            Method::Delete,
            &format!("{by_version}&comp=immutabilityPolicies"),
            &[],
            "",
        )
        .await;
    assert_eq!(unlock.status, 409);
}

#[tokio::test]
async fn headers_of_version_level_worm_are_refused_elsewhere_and_not_ignored() {
    let lab = Lab::of(versioned()).await;
    let headers = [("x-ms-blob-type", "BlockBlob"), ("x-ms-legal-hold", "true")];
    assert_eq!(lab.blob(Method::Put, "/plain/a", &headers, "x").await.status, 409);
    assert_eq!(
        lab.blob(Method::Put, "/versions/a", &headers, "x").await.status,
        201
    );
    assert_eq!(
        lab.blob(Method::Put, "/versions/a?comp=metadata", &[], "")
            .await
            .code(),
        "BlobImmutableDueToLegalHold"
    );
    let release = lab
        .blob(
            Method::Put,
            "/versions/a?comp=legalhold",
            &[("x-ms-legal-hold", "false")],
            "",
        )
        .await;
    assert_eq!(release.header("x-ms-legal-hold"), Some("false"));
    assert_eq!(
        lab.blob(
            Method::Put,
            "/versions/a?comp=metadata",
            &[("x-ms-meta-a", "b")],
            ""
        )
        .await
        .status,
        200
    );
}
