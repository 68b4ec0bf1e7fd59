use azure_core::http::Method;
use custody_testkit::azure_sim::{Container, ImmutabilityPolicy, Scenario};

use crate::client::Lab;

const APPEND: [(&str, &str); 1] = [("x-ms-blob-type", "AppendBlob")];

#[tokio::test]
async fn pages_are_written_cleared_and_listed() {
    let lab = Lab::new().await;
    let create = [
        ("x-ms-blob-type", "PageBlob"),
        ("x-ms-blob-content-length", "4398046511104"),
    ];
    assert_eq!(lab.blob(Method::Put, "/plain/big", &create, "").await.status, 201);
    let update = [
        ("x-ms-page-write", "update"),
        ("x-ms-range", "bytes=1048576-1049599"),
    ];
    assert_eq!(
        lab.blob(Method::Put, "/plain/big?comp=page", &update, vec![7; 1024])
            .await
            .status,
        201
    );
    let clear = [
        ("x-ms-page-write", "clear"),
        ("x-ms-range", "bytes=1049088-1049599"),
    ];
    assert_eq!(
        lab.blob(Method::Put, "/plain/big?comp=page", &clear, "")
            .await
            .status,
        201
    );
    let list = lab
        .blob(Method::Get, "/plain/big?comp=pagelist", &[], "")
        .await
        .text();
    assert!(
        list.contains("<Start>1048576</Start><End>1049087</End>"),
        "{list}"
    );
    assert_eq!(list.matches("<PageRange>").count(), 1);
    let read = lab
        .blob(
            Method::Get,
            "/plain/big",
            &[("x-ms-range", "bytes=1048576-1049599")],
            "",
        )
        .await;
    assert!(read.body[..512] == [7; 512] && read.body[512..] == [0; 512]);
    let odd = [("x-ms-page-write", "update"), ("x-ms-range", "bytes=1-512")];
    assert_eq!(
        lab.blob(Method::Put, "/plain/big?comp=page", &odd, vec![7; 512])
            .await
            .code(),
        "InvalidPageRange"
    );
    let large = [("x-ms-page-write", "update"), ("x-ms-range", "bytes=0-4194815")];
    let large = lab
        .blob(Method::Put, "/plain/big?comp=page", &large, vec![7; 4_194_816])
        .await;
    assert_eq!(large.code(), "RequestBodyTooLarge");
}

#[tokio::test]
async fn blocks_become_a_blob_in_the_order_of_the_list() {
    let lab = Lab::new().await;
    for (id, body) in [("QQ==", "one "), ("Qg==", "two "), ("Qw==", "three")] {
        assert_eq!(
            lab.blob(
                Method::Put,
                &format!("/plain/b?comp=block&blockid={id}"),
                &[],
                body
            )
            .await
            .status,
            201
        );
    }
    assert_eq!(
        lab.blob(Method::Get, "/plain/b", &[], "").await.status,
        404,
        "not committed yet"
    );
    let listed = lab
        .blob(Method::Get, "/plain/b?comp=blocklist&blocklisttype=all", &[], "")
        .await
        .text();
    assert_eq!(listed.matches("<Block>").count(), 3);
    let list = "<BlockList><Latest>Qw==</Latest><Latest>QQ==</Latest></BlockList>";
    assert_eq!(
        lab.blob(Method::Put, "/plain/b?comp=blocklist", &[], list)
            .await
            .status,
        201
    );
    assert_eq!(
        lab.blob(Method::Get, "/plain/b", &[], "").await.text(),
        "threeone "
    );
    let unknown = "<BlockList><Latest>WFhY</Latest></BlockList>";
    assert_eq!(
        lab.blob(Method::Put, "/plain/b?comp=blocklist", &[], unknown)
            .await
            .code(),
        "InvalidBlockList"
    );
    let wrong = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    assert_eq!(
        lab.blob(Method::Put, "/plain/b?comp=block&blockid=QQ==", &wrong, "x")
            .await
            .code(),
        "Md5Mismatch"
    );
}

#[tokio::test]
async fn an_append_is_refused_where_the_blob_does_not_end() {
    let lab = Lab::new().await;
    assert_eq!(
        lab.blob(Method::Put, "/immutable/log", &APPEND, "").await.status,
        201
    );
    let at = |position: &'static str| [("x-ms-blob-condition-appendpos", position)];
    let first = lab
        .blob(
            Method::Put,
            "/immutable/log?comp=appendblock",
            &at("0"),
            "line 1\n",
        )
        .await;
    assert_eq!(
        (first.status, first.header("x-ms-blob-append-offset")),
        (201, Some("0"))
    );
    let again = lab
        .blob(
            Method::Put,
            "/immutable/log?comp=appendblock",
            &at("0"),
            "line 1\n",
        )
        .await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (412, "AppendPositionConditionNotMet")
    );
    let most = [("x-ms-blob-condition-maxsize", "10")];
    let long = lab
        .blob(Method::Put, "/immutable/log?comp=appendblock", &most, "line 2\n")
        .await;
    assert_eq!(long.code(), "MaxBlobSizeConditionNotMet");
    assert_eq!(
        lab.blob(Method::Get, "/immutable/log", &[], "").await.text(),
        "line 1\n"
    );
}

#[tokio::test]
async fn conditions_hold_for_every_write() {
    let lab = Lab::new().await;
    let block = ("x-ms-blob-type", "BlockBlob");
    let new_only = [block, ("if-none-match", "*")];
    assert_eq!(
        lab.blob(Method::Put, "/plain/a", &new_only, "1").await.status,
        201
    );
    let again = lab.blob(Method::Put, "/plain/a", &new_only, "2").await;
    assert_eq!((again.status, again.code().as_str()), (409, "BlobAlreadyExists"));
    let etag = lab
        .blob(Method::Head, "/plain/a", &[], "")
        .await
        .header("etag")
        .unwrap()
        .to_string();
    assert_eq!(
        lab.blob(Method::Put, "/plain/a", &[block, ("if-match", &etag)], "3")
            .await
            .status,
        201
    );
    assert_eq!(
        lab.blob(Method::Put, "/plain/a", &[block, ("if-match", &etag)], "4")
            .await
            .status,
        412
    );
    assert_eq!(lab.blob(Method::Get, "/plain/a", &[], "").await.text(), "3");
}

#[tokio::test]
async fn a_listing_pages_and_folds_folders() {
    let lab = Lab::new().await;
    for name in ["a/1", "a/2", "b", "c%3C%26"] {
        lab.blob(
            Method::Put,
            &format!("/plain/{name}"),
            &[("x-ms-blob-type", "BlockBlob")],
            "x",
        )
        .await;
    }
    let list = |query: &'static str| {
        let lab = &lab;
        let path = format!("/plain?restype=container&comp=list{query}");
        async move { lab.blob(Method::Get, &path, &[], "").await.text() }
    };
    let folded = list("&delimiter=/").await;
    assert!(
        folded.contains("<BlobPrefix><Name>a/</Name></BlobPrefix>"),
        "{folded}"
    );
    assert!(folded.contains("<Name>c&lt;&amp;</Name>"), "{folded}");
    let first = list("&maxresults=2").await;
    assert_eq!(first.matches("<Blob>").count(), 2);
    let marker = first
        .split("<NextMarker>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let path = format!("/plain?restype=container&comp=list&marker={marker}");
    let rest = lab.blob(Method::Get, &path, &[], "").await.text();
    assert_eq!(rest.matches("<Blob>").count(), 2);
    assert!(!rest.contains("<Name>a/"), "{rest}");
    assert_eq!(list("&prefix=a/").await.matches("<Blob>").count(), 2);
}

#[tokio::test]
async fn streaming_pages_into_a_protected_container_is_refused() {
    let lab = Lab::new().await;
    let create = [
        ("x-ms-blob-type", "PageBlob"),
        ("x-ms-blob-content-length", "1024"),
    ];
    assert_eq!(
        lab.blob(Method::Put, "/immutable/p", &create, "").await.status,
        201
    );
    let update = [("x-ms-page-write", "update"), ("x-ms-range", "bytes=0-511")];
    let refused = lab
        .blob(Method::Put, "/immutable/p?comp=page", &update, vec![1; 512])
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "BlobImmutableDueToPolicy")
    );
    let block = [("x-ms-blob-type", "BlockBlob")];
    assert_eq!(
        lab.blob(Method::Put, "/immutable/m", &block, "{}").await.status,
        201
    );
    assert_eq!(
        lab.blob(Method::Put, "/immutable/m", &block, "{}").await.code(),
        "BlobImmutableDueToPolicy"
    );
}

#[tokio::test]
async fn a_hold_forbids_even_appends_unless_it_says_otherwise() {
    let mut scenario = Scenario::lab();
    let policy = ImmutabilityPolicy::locked(1).with_protected_append_writes();
    scenario.storage_accounts[0].containers.push(
        Container::new("held")
            .with_policy(policy)
            .with_legal_hold("case1"),
    );
    let lab = Lab::of(scenario.clone()).await;
    lab.blob(Method::Put, "/held/log", &APPEND, "").await;
    let refused = lab
        .blob(Method::Put, "/held/log?comp=appendblock", &[], "x")
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "BlobImmutableDueToLegalHold")
    );
    scenario
        .container_mut("socevidence", "held")
        .legal_hold_allows_appends = true;
    let lab = Lab::of(scenario).await;
    lab.blob(Method::Put, "/held/log", &APPEND, "").await;
    assert_eq!(
        lab.blob(Method::Put, "/held/log?comp=appendblock", &[], "x")
            .await
            .status,
        201
    );
    lab.simulator.advance(std::time::Duration::from_secs(2 * 86400));
    let lab_token = lab.token("https://storage.azure.com").await;
    let bearer = format!("Bearer {lab_token}");
    let url = format!("{}/held/log", crate::client::ACCOUNT);
    let refused = lab
        .send(Method::Delete, &url, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(
        refused.code(),
        "BlobImmutableDueToLegalHold",
        "the retention is over, the hold is not"
    );
}
