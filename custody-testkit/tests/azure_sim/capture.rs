//! The way of a disk into a protected container, as a capture goes it.

use azure_core::http::Method;
use serde_json::Value;

use crate::client::Lab;

const DISK: &str = "web-01_OsDisk_1";

#[tokio::test]
async fn a_disk_reaches_the_protected_container_byte_for_byte() {
    let lab = Lab::new().await;
    let disk = lab.simulator.disk_bytes(DISK).unwrap();
    let snapshot = lab.take("one", DISK).await;
    assert_eq!(snapshot["properties"]["diskSizeBytes"], disk.len());
    assert!(snapshot["properties"]["creationData"]["sourceUniqueId"].is_string());
    // What is written afterwards is not in the snapshot.
    lab.simulator.write_disk(DISK, 0, vec![0xEE; 4096]).unwrap();

    let address = lab.access("one").await;
    assert!(
        address.starts_with("https://md-") && address.contains(".blob.storage.azure.net/"),
        "not an export's host"
    );
    let headers = [
        ("x-ms-copy-source", address.as_str()),
        ("if-none-match", "*"),
        ("x-ms-meta-case", "c1"),
    ];
    let started = lab
        .blob(Method::Put, "/immutable/cases/c1/one.vhd", &headers, "")
        .await;
    assert_eq!(
        (started.status, started.header("x-ms-copy-status")),
        (202, Some("pending")),
        "{}",
        started.text()
    );

    let pending = lab
        .blob(Method::Head, "/immutable/cases/c1/one.vhd", &[], "")
        .await;
    assert_eq!(pending.header("x-ms-copy-status"), Some("pending"));
    assert_eq!(
        pending.header("content-length").unwrap(),
        (disk.len() + 512).to_string()
    );
    let done = lab
        .blob(Method::Head, "/immutable/cases/c1/one.vhd", &[], "")
        .await;
    assert_eq!(done.header("x-ms-copy-status"), Some("success"));
    assert_eq!(done.header("x-ms-blob-type"), Some("PageBlob"));
    assert_eq!(done.header("x-ms-meta-case"), Some("c1"));
    assert_ne!(done.header("etag"), pending.header("etag"));

    let stored = lab
        .blob(Method::Get, "/immutable/cases/c1/one.vhd", &[], "")
        .await;
    assert_eq!(stored.body.len(), disk.len() + 512);
    assert!(
        stored.body[..disk.len()] == disk[..],
        "the stored disk differs from the disk"
    );
    assert_eq!(&stored.body[disk.len()..disk.len() + 8], b"conectix");

    for (method, path) in [
        (Method::Delete, "/immutable/cases/c1/one.vhd"),
        (Method::Put, "/immutable/cases/c1/one.vhd?comp=metadata"),
    ] {
        let refused = lab.blob(method, path, &[], "").await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (409, "BlobImmutableDueToPolicy"),
            "{method} {path}"
        );
    }

    let blocked = lab.arm(Method::Delete, &lab.snapshot("one"), Value::Null).await;
    assert_eq!(
        (blocked.status, blocked.code().as_str()),
        (409, "OperationNotAllowed")
    );
    let end = lab
        .arm(
            Method::Post,
            &format!("{}/endGetAccess", lab.snapshot("one")),
            Value::Null,
        )
        .await;
    assert_eq!(lab.finish(&end).await["status"], "Succeeded");
    let gone = lab.arm(Method::Delete, &lab.snapshot("one"), Value::Null).await;
    lab.finish(&gone).await;
    assert_eq!(
        lab.arm(Method::Get, &lab.snapshot("one"), Value::Null)
            .await
            .code(),
        "ResourceNotFound"
    );
    assert!(lab.simulator.snapshots().is_empty() && lab.simulator.live_exports().is_empty());
}
