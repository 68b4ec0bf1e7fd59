use std::time::Duration;

use azure_core::http::Method;
use custody_testkit::azure_sim::{Bytes, Disk, GuestStateOfSnapshots, Scenario};
use serde_json::{Value, json};

use crate::client::Lab;

#[tokio::test]
async fn an_export_is_read_by_ranges_and_says_what_is_allocated() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    let head = lab.send(Method::Head, &address, &[], "").await;
    assert_eq!(head.header("content-length"), Some("8389120"));
    assert_eq!(head.header("x-ms-blob-type"), Some("PageBlob"));
    let etag = head.header("etag").unwrap().to_string();
    let headers = [
        ("x-ms-range", "bytes=1048576-1052671"),
        ("if-match", etag.as_str()),
        ("x-ms-range-get-content-md5", "true"),
    ];
    let part = lab.send(Method::Get, &address, &headers, "").await;
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, Some("bytes 1048576-1052671/8389120"))
    );
    assert!(part.body[..] == lab.simulator.disk_bytes("web-01-data-0").unwrap()[1_048_576..1_052_672]);
    assert!(part.header("content-md5").is_some());
    let list = lab
        .send(Method::Get, &format!("{address}&comp=pagelist"), &[], "")
        .await
        .text();
    assert!(
        list.contains("<PageRange><Start>1048576</Start><End>3145727</End></PageRange>"),
        "{list}"
    );
    assert!(
        list.contains("<PageRange><Start>8388608</Start><End>8389119</End></PageRange>"),
        "the footer: {list}"
    );
    let changed = lab
        .send(Method::Get, &address, &[("if-match", "\"0x1\"")], "")
        .await;
    assert_eq!(
        (changed.status, changed.code().as_str()),
        (412, "ConditionNotMet")
    );
    assert_eq!(
        lab.send(Method::Get, &address, &[("range", "bytes=9999999-")], "")
            .await
            .status,
        416
    );
}

#[tokio::test]
async fn every_field_of_an_exports_address_is_signed() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    assert_eq!(lab.send(Method::Head, &address, &[], "").await.status, 200);
    let (before, query) = address.split_once('?').unwrap();
    for field in query.split('&') {
        let (name, value) = field.split_once('=').unwrap();
        let changed = if name == "se" || name == "st" {
            "2099-01-01T00%3A00%3A00Z".into()
        } else {
            format!("{value}x")
        };
        let tampered = format!("{before}?{}", query.replace(field, &format!("{name}={changed}")));
        assert_eq!(
            lab.send(Method::Head, &tampered, &[], "").await.status,
            403,
            "{name}"
        );
    }
    assert_eq!(
        lab.send(Method::Put, &address, &[("x-ms-blob-type", "PageBlob")], "")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn access_ends_when_it_expires_or_is_revoked() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    let range = [("x-ms-range", "bytes=0-511")];
    assert_eq!(lab.send(Method::Get, &address, &range, "").await.status, 206);
    lab.simulator.advance(Duration::from_secs(3601));
    assert_eq!(
        lab.send(Method::Get, &address, &range, "").await.code(),
        "AuthenticationFailed"
    );
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let (first, second) = (lab.access("one").await, lab.access("one").await);
    lab.arm(
        Method::Post,
        &format!("{}/endGetAccess", lab.snapshot("one")),
        Value::Null,
    )
    .await;
    for address in [first, second] {
        assert_eq!(lab.send(Method::Get, &address, &range, "").await.status, 403);
    }
}

#[tokio::test]
async fn two_exports_of_a_snapshot_differ_in_their_footer_only() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    let first = lab.send(Method::Get, &address, &[], "").await.body;
    lab.arm(
        Method::Post,
        &format!("{}/endGetAccess", lab.snapshot("one")),
        Value::Null,
    )
    .await;
    let address = lab.access("one").await;
    let second = lab.send(Method::Get, &address, &[], "").await.body;
    let data = first.len() - 512;
    assert!(first[..data] == second[..data], "the data differ");
    assert!(first[data..] != second[data..], "the footers are alike");
}

#[tokio::test]
async fn policies_of_the_disk_refuse_exports() {
    for (policy, public, mode, expected) in [
        ("DenyAll", "Enabled", "None", "OperationNotAllowed"),
        ("AllowPrivate", "Enabled", "None", "AuthorizationFailure"),
        ("AllowAll", "Disabled", "None", "AuthorizationFailure"),
        (
            "AllowAll",
            "Enabled",
            "AzureActiveDirectory",
            "AuthenticationFailed",
        ),
    ] {
        let mut disk = Disk::new("guarded", Bytes::full(1 << 20, 9));
        disk.network.network_access_policy = policy.into();
        disk.network.public_network_access = public.into();
        disk.network.data_access_auth_mode = mode.into();
        let lab = Lab::of(Scenario::lab().with_disk(disk)).await;
        lab.take("one", "guarded").await;
        let path = format!("{}/beginGetAccess", lab.snapshot("one"));
        let begun = lab
            .arm(
                Method::Post,
                &path,
                json!({"access": "Read", "durationInSeconds": 60}),
            )
            .await;
        if begun.status != 202 {
            assert_eq!(begun.code(), expected, "{policy}");
            continue;
        }
        let status = lab.finish(&begun).await;
        let address = status["properties"]["output"]["accessSAS"].as_str().unwrap();
        assert_eq!(
            lab.send(Method::Get, address, &[], "").await.code(),
            expected,
            "{policy} {public} {mode}"
        );
        let bearer = format!("Bearer {}", lab.storage_token);
        let with_token = lab
            .send(Method::Get, address, &[("authorization", &bearer)], "")
            .await
            .status;
        assert_eq!(with_token, if mode == "None" { 403 } else { 200 });
        let copy = lab
            .blob(Method::Put, "/plain/x.vhd", &[("x-ms-copy-source", address)], "")
            .await;
        assert_eq!(copy.code(), "CannotVerifyCopySource");
    }
}

#[tokio::test]
async fn the_sixth_export_of_a_family_is_refused() {
    let lab = Lab::new().await;
    for number in 0..6 {
        let name = format!("s{number}");
        let mut body = crate::client::snapshot_of(&lab.disk("web-01-data-0"));
        body["properties"]["incremental"] = json!(true);
        let started = lab.arm(Method::Put, &lab.snapshot(&name), body).await;
        lab.finish(&started).await;
    }
    for number in 0..5 {
        lab.access(&format!("s{number}")).await;
    }
    let path = format!("{}/beginGetAccess", lab.snapshot("s5"));
    let sixth = lab
        .arm(
            Method::Post,
            &path,
            json!({"access": "Read", "durationInSeconds": 60}),
        )
        .await;
    assert_eq!(
        (sixth.status, sixth.code().as_str()),
        (409, "OperationNotAllowed")
    );
}

#[tokio::test]
async fn access_lasts_at_most_sixty_days() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let path = format!("{}/beginGetAccess", lab.snapshot("one"));
    for (seconds, status) in [(5_184_000, 202), (5_184_001, 400), (0, 400)] {
        let begun = lab
            .arm(
                Method::Post,
                &path,
                json!({"access": "Read", "durationInSeconds": seconds}),
            )
            .await;
        assert_eq!(begun.status, status, "{seconds}");
    }
}

#[tokio::test]
async fn a_disk_in_use_is_not_exported() {
    let lab = Lab::new().await;
    let path = format!("{}/beginGetAccess", lab.disk("web-01-data-0"));
    let refused = lab
        .arm(
            Method::Post,
            &path,
            json!({"access": "Read", "durationInSeconds": 60}),
        )
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "OperationNotAllowed")
    );
}

#[tokio::test]
async fn guest_state_has_an_address_of_its_own() {
    let mut disk = Disk::new("trusted", Bytes::full(1 << 20, 9));
    disk.security_type = "TrustedLaunch".into();
    disk.guest_state = Some(Bytes::full(8192, 77));
    let lab = Lab::of(Scenario::lab().with_disk(disk)).await;
    lab.take("one", "trusted").await;
    let path = format!("{}/beginGetAccess", lab.snapshot("one"));
    let body = json!({"access": "Read", "durationInSeconds": 60, "getSecureVMGuestStateSAS": true});
    let begun = lab.arm(Method::Post, &path, body).await;
    let output = lab.finish(&begun).await["properties"]["output"].clone();
    let address = output["securityDataAccessSAS"].as_str().unwrap();
    assert!(address.contains("_vmgs?"));
    assert_eq!(lab.send(Method::Get, address, &[], "").await.body.len(), 8192);
}

#[tokio::test]
async fn guest_state_of_a_snapshot_is_left_out_or_refused_as_the_scenario_says() {
    let begin = async |answer: GuestStateOfSnapshots| {
        let mut disk = Disk::new("trusted", Bytes::full(1 << 20, 9));
        disk.guest_state = Some(Bytes::full(8192, 77));
        disk.guest_state_of_snapshots = answer;
        let lab = Lab::of(Scenario::lab().with_disk(disk)).await;
        lab.take("one", "trusted").await;
        let path = format!("{}/beginGetAccess", lab.snapshot("one"));
        let body = json!({"access": "Read", "durationInSeconds": 60, "getSecureVMGuestStateSAS": true});
        let begun = lab.arm(Method::Post, &path, body).await;
        match answer {
            GuestStateOfSnapshots::Refused => (begun.status, json!(null)),
            _ => (
                begun.status,
                lab.finish(&begun).await["properties"]["output"].clone(),
            ),
        }
    };
    let (status, output) = begin(GuestStateOfSnapshots::LeftOut).await;
    assert_eq!(status, 202);
    assert!(output["accessSAS"].is_string() && output["securityDataAccessSAS"].is_null());
    assert_eq!(begin(GuestStateOfSnapshots::Refused).await.0, 400);
}
