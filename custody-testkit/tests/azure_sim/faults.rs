use std::time::{Duration, Instant};

use azure_core::http::Method;
use custody_testkit::azure_sim::{Bandwidth, Fault, FaultAction, Scenario};
use serde_json::Value;

use crate::client::{ACCOUNT, Lab, snapshot_of};

async fn stored() -> Lab {
    let lab = Lab::new().await;
    lab.blob(
        Method::Put,
        "/plain/a",
        &[("x-ms-blob-type", "BlockBlob")],
        vec![5; 1000],
    )
    .await;
    lab
}

#[tokio::test]
async fn throttling_is_answered_in_the_form_of_each_service() {
    let lab = stored().await;
    let throttled = || FaultAction::status(429, "TooManyRequests").retry_after(7);
    lab.simulator
        .inject(Fault::on("GET", "*/snapshots/*", throttled()).nth(1));
    let refused = lab.arm(Method::Get, &lab.snapshot("one"), Value::Null).await;
    assert_eq!(
        (
            refused.status,
            refused.header("retry-after"),
            refused.code().as_str()
        ),
        (429, Some("7"), "TooManyRequests")
    );
    assert_eq!(
        lab.arm(Method::Get, &lab.snapshot("one"), Value::Null)
            .await
            .status,
        404,
        "only the first is met"
    );
    lab.simulator.inject(Fault::on(
        "GET",
        "/plain/a",
        FaultAction::status(503, "ServerBusy"),
    ));
    let busy = lab.blob(Method::Get, "/plain/a", &[], "").await;
    assert_eq!(
        (busy.status, busy.header("x-ms-error-code")),
        (503, Some("ServerBusy"))
    );
    assert!(busy.text().contains("<Code>ServerBusy</Code>"));
    lab.simulator.clear_faults();
    assert_eq!(lab.blob(Method::Get, "/plain/a", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_dropped_connection_was_acted_on_or_was_not() {
    for (action, made) in [(FaultAction::DropBefore, 0), (FaultAction::DropAfter, 1)] {
        let lab = Lab::new().await;
        lab.simulator.inject(Fault::on("PUT", "*/snapshots/*", action));
        let bearer = format!("Bearer {}", lab.arm_token);
        let url = format!(
            "{}{}?api-version=2023-10-02",
            crate::client::ARM,
            lab.snapshot("one")
        );
        let body = snapshot_of(&lab.disk("web-01-data-0")).to_string();
        lab.try_send(Method::Put, &url, &[("authorization", &bearer)], body)
            .await
            .unwrap_err();
        assert_eq!(lab.simulator.snapshots().len(), made);
        assert_eq!(lab.simulator.journal().last().unwrap().status, 0);
    }
}

#[tokio::test]
async fn bodies_come_short_long_and_changed() {
    let lab = stored().await;
    let bearer = format!("Bearer {}", lab.storage_token);
    let url = format!("{ACCOUNT}/plain/a");
    let range = [
        ("authorization", bearer.as_str()),
        ("x-ms-range", "bytes=100-199"),
    ];
    let with = |action: FaultAction| {
        lab.simulator.clear_faults();
        lab.simulator.inject(Fault::on("GET", "/plain/a", action));
    };
    with(FaultAction::Truncate(10));
    lab.try_send(Method::Get, &url, &range, "").await.unwrap_err();
    with(FaultAction::Lengthen(10));
    let long = lab.send(Method::Get, &url, &range, "").await;
    assert_eq!(
        (long.body.len(), long.header("content-range")),
        (110, Some("bytes 100-199/1000"))
    );
    with(FaultAction::ShortRange(10));
    let short = lab.send(Method::Get, &url, &range, "").await;
    assert_eq!(
        (short.status, short.body.len(), short.header("content-range")),
        (206, 10, Some("bytes 100-109/1000"))
    );
    with(FaultAction::ContentRange("bytes 0-99/1000".into()));
    assert_eq!(
        lab.send(Method::Get, &url, &range, "")
            .await
            .header("content-range"),
        Some("bytes 0-99/1000")
    );
    with(FaultAction::Etag("\"0xOTHER\"".into()));
    assert_eq!(
        lab.send(Method::Get, &url, &range, "").await.header("etag"),
        Some("\"0xOTHER\"")
    );
    with(FaultAction::FlipByte(3));
    let flipped = lab.send(Method::Get, &url, &range, "").await;
    assert_eq!((flipped.body[2], flipped.body[3]), (5, 5 ^ 0xFF));
    with(FaultAction::Delay(60));
    let began = Instant::now();
    lab.send(Method::Get, &url, &range, "").await;
    assert!(began.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn every_address_in_an_answer_can_be_made_hostile() {
    let lab = Lab::new().await;
    let hostile = || FaultAction::HostileAddress("https://evil.example".into());
    lab.simulator.inject(Fault::on("PUT", "*/snapshots/*", hostile()));
    let started = lab
        .arm(
            Method::Put,
            &lab.snapshot("one"),
            snapshot_of(&lab.disk("web-01-data-0")),
        )
        .await;
    for header in ["location", "azure-asyncoperation"] {
        assert!(
            started
                .header(header)
                .unwrap()
                .starts_with("https://evil.example/subscriptions/"),
            "{header}"
        );
    }
    lab.simulator
        .inject(Fault::on("GET", "*/virtualMachines/*", hostile()));
    let machine = Scenario::lab().machine_id(Scenario::LAB_MACHINE);
    let read = lab
        .arm(
            Method::Get,
            &format!("{machine}?$expand=instanceView"),
            Value::Null,
        )
        .await
        .json();
    let log = &read["properties"]["instanceView"]["bootDiagnostics"]["serialConsoleLogBlobUri"];
    assert!(
        log.as_str().unwrap().starts_with("https://evil.example/"),
        "{log}"
    );
}

#[tokio::test]
async fn a_malformed_answer_does_not_parse() {
    let lab = Lab::new().await;
    lab.simulator
        .inject(Fault::on("GET", "*/disks/*", FaultAction::Malformed));
    let read = lab
        .arm(Method::Get, &lab.disk("web-01-data-0"), Value::Null)
        .await;
    assert_eq!((read.status, read.json()), (200, Value::Null));
}

#[tokio::test]
async fn an_answer_goes_no_faster_than_the_link() {
    let scenario = Scenario::lab().with_bandwidth(Bandwidth::link(4 << 20));
    let lab = Lab::of(scenario).await;
    lab.blob(
        Method::Put,
        "/plain/a",
        &[("x-ms-blob-type", "BlockBlob")],
        vec![5; 1 << 20],
    )
    .await;
    let began = Instant::now();
    lab.blob(Method::Get, "/plain/a", &[], "").await;
    assert!(
        began.elapsed() >= Duration::from_millis(200),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn the_journal_has_no_secrets() {
    let lab = Lab::new().await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    lab.send(Method::Get, &address, &[], "").await;
    let printed = format!("{:?} {:?}", lab.simulator.journal(), lab.simulator);
    let query = address.split_once("sig=").unwrap().1.split('&').next().unwrap();
    let path = address.split('/').nth(3).unwrap();
    for secret in [
        Scenario::LAB_CLIENT_SECRET,
        &lab.arm_token,
        &lab.storage_token,
        query,
        path,
    ] {
        assert!(!printed.contains(secret), "a secret is in the journal");
    }
    let last = lab.simulator.journal().pop().unwrap();
    assert!(
        last.to_string().ends_with("/…/abcd?sv&sr&sig&st&se&sp 200"),
        "{last}"
    );
}
