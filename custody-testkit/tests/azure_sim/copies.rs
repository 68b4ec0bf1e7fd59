use std::time::Duration;

use azure_core::http::Method;
use custody_testkit::azure_sim::{Bytes, Disk, Fault, FaultAction, Scenario, Timing};
use serde_json::Value;

use crate::client::{Lab, Reply};

const BLOB: &str = "/immutable/one.vhd";

/// A lab with a granted snapshot of a disk of 8 MiB.
async fn granted(timing: Timing) -> (Lab, String) {
    let lab = Lab::of(Scenario::lab().with_timing(timing)).await;
    lab.take("one", "web-01-data-0").await;
    let address = lab.access("one").await;
    (lab, address)
}

async fn copy(lab: &Lab, address: &str) -> Reply {
    lab.blob(
        Method::Put,
        BLOB,
        &[("x-ms-copy-source", address), ("if-none-match", "*")],
        "",
    )
    .await
}

async fn state(lab: &Lab) -> (String, String) {
    let head = lab.blob(Method::Head, BLOB, &[], "").await;
    let text = |name: &str| head.header(name).unwrap_or_default().to_string();
    (text("x-ms-copy-status"), text("x-ms-copy-progress"))
}

#[tokio::test]
async fn a_pending_copy_shows_its_whole_length_and_a_part_of_the_bytes() {
    let (lab, address) = granted(Timing::default().with_copy_polls(9)).await;
    copy(&lab, &address).await;
    let total = (8 << 20) + 512;
    assert_eq!(state(&lab).await, ("pending".into(), format!("0/{total}")));
    let (status, progress) = state(&lab).await;
    assert_eq!(
        (status.as_str(), progress.ends_with(&format!("/{total}"))),
        ("pending", true)
    );
    assert_ne!(progress, format!("0/{total}"));
    let partial = lab.simulator.blob("socevidence", "immutable", "one.vhd").unwrap();
    assert_eq!(partial.length, total);
    assert!(partial.bytes().unwrap()[..8 << 20] != lab.simulator.disk_bytes("web-01-data-0").unwrap()[..]);
    let busy = lab.blob(Method::Delete, BLOB, &[], "").await;
    assert_eq!((busy.status, busy.code().as_str()), (409, "PendingCopyOperation"));
    let other = lab
        .blob(Method::Put, BLOB, &[("x-ms-copy-source", &address)], "")
        .await;
    assert_eq!(other.code(), "PendingCopyOperation");
}

#[tokio::test]
async fn a_copy_takes_its_time_and_ends() {
    let (lab, address) = granted(Timing::default().with_copy_speed(1 << 20)).await;
    copy(&lab, &address).await;
    lab.simulator.advance(Duration::from_secs(4));
    let (status, progress) = state(&lab).await;
    let done: u64 = progress.split('/').next().unwrap().parse().unwrap();
    assert_eq!(status, "pending");
    assert!((4 << 20..8 << 20).contains(&done), "{done}");
    lab.simulator.advance(Duration::from_secs(5));
    assert_eq!(state(&lab).await.0, "success");
}

#[tokio::test]
async fn a_copy_fails_when_its_source_expires_or_is_revoked() {
    let (lab, address) = granted(Timing::default().with_copy_speed(1 << 10)).await;
    copy(&lab, &address).await;
    lab.simulator.advance(Duration::from_secs(3500));
    assert_eq!(state(&lab).await.0, "pending");
    lab.simulator.advance(Duration::from_secs(3600));
    let bearer = format!("Bearer {}", lab.token("https://storage.azure.com").await);
    let url = format!("{}{BLOB}", crate::client::ACCOUNT);
    let head = lab
        .send(Method::Head, &url, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(head.header("x-ms-copy-status"), Some("failed"));
    assert!(
        head.header("x-ms-copy-status-description")
            .unwrap()
            .contains("403")
    );

    let (lab, address) = granted(Timing::default().with_copy_polls(10)).await;
    copy(&lab, &address).await;
    lab.arm(
        Method::Post,
        &format!("{}/endGetAccess", lab.snapshot("one")),
        Value::Null,
    )
    .await;
    assert_eq!(state(&lab).await.0, "failed");
}

#[tokio::test]
async fn a_copy_can_be_aborted_by_its_number() {
    let (lab, address) = granted(Timing::default().with_copy_polls(10)).await;
    let id = copy(&lab, &address)
        .await
        .header("x-ms-copy-id")
        .unwrap()
        .to_string();
    let abort = |id: String| {
        let (lab, path) = (&lab, format!("{BLOB}?comp=copy&copyid={id}"));
        async move {
            lab.blob(Method::Put, &path, &[("x-ms-copy-action", "abort")], "")
                .await
        }
    };
    assert_eq!(abort("other".into()).await.code(), "CopyIdMismatch");
    assert_eq!(abort(id.clone()).await.status, 204);
    assert_eq!(state(&lab).await.0, "aborted");
    assert_eq!(
        lab.simulator
            .blob("socevidence", "immutable", "one.vhd")
            .unwrap()
            .length,
        0
    );
    assert_eq!(abort(id).await.code(), "NoPendingCopyOperation");
    let debris = lab.blob(Method::Delete, BLOB, &[], "").await;
    assert_eq!(
        debris.code(),
        "BlobImmutableDueToPolicy",
        "the policy protects the debris"
    );
}

#[tokio::test]
async fn faults_end_a_copy_in_each_way() {
    for (action, ends) in [
        (FaultAction::CopyFails("500 InternalError".into()), "failed"),
        (FaultAction::CopyAborts, "aborted"),
        (FaultAction::CopyCorrupts(1 << 20), "success"),
    ] {
        let (lab, address) = granted(Timing::default()).await;
        lab.simulator
            .inject(Fault::on("PUT", "*/one.vhd", action.clone()));
        copy(&lab, &address).await;
        state(&lab).await;
        assert_eq!(state(&lab).await.0, ends, "{action:?}");
        if ends == "success" {
            let stored = lab
                .simulator
                .blob("socevidence", "immutable", "one.vhd")
                .unwrap()
                .bytes()
                .unwrap();
            let disk = lab.simulator.disk_bytes("web-01-data-0").unwrap();
            let wrong: Vec<usize> = (0..disk.len()).filter(|at| disk[*at] != stored[*at]).collect();
            assert_eq!(wrong, [1 << 20]);
        }
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_starts_no_copy() {
    let (lab, address) = granted(Timing::default()).await;
    for (source, status) in [
        ("https://evil.example/x".to_string(), 404),
        (address.replace("&sp=r", "&sp=rw"), 403),
        (address.split('?').next().unwrap().to_string(), 403),
        (format!("{address}&x={}", "a".repeat(2048)), 400),
    ] {
        let refused = copy(&lab, &source).await;
        assert_eq!(refused.status, status, "{}", refused.text());
    }
    assert_eq!(lab.simulator.blob_names("socevidence", "immutable"), [""; 0]);
    assert_eq!(copy(&lab, &address).await.status, 202);
}

#[tokio::test]
async fn what_a_page_blob_cannot_hold_is_staged_block_by_block() {
    let disk = Disk::new("huge", Bytes::sparse(9 << 40, 5, &[(0, 4096)]));
    let lab = Lab::of(Scenario::lab().with_disk(disk)).await;
    lab.take("one", "huge").await;
    let address = lab.access("one").await;
    assert_eq!(copy(&lab, &address).await.status, 413);
    let headers = [
        ("x-ms-copy-source", address.as_str()),
        ("x-ms-source-range", "bytes=0-8191"),
    ];
    let staged = lab
        .blob(Method::Put, "/immutable/b?comp=block&blockid=QQ==", &headers, "")
        .await;
    assert_eq!(staged.status, 201, "{}", staged.text());
    let list = "<BlockList><Latest>QQ==</Latest></BlockList>";
    assert_eq!(
        lab.blob(Method::Put, "/immutable/b?comp=blocklist", &[], list)
            .await
            .status,
        201
    );
    assert_eq!(
        lab.simulator
            .blob("socevidence", "immutable", "b")
            .unwrap()
            .length,
        8192
    );
}
