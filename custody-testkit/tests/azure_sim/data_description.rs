//! Answers of the blob service and of the metadata service against Microsoft's API descriptions: statuses, headers and
//! their values, codes of errors, what documents must hold.

use azure_core::http::Method;
use custody_testkit::azure_sim::Timing;
use serde_json::Value;

use crate::api_description::{hold, specification};
use crate::client::{Lab, Reply};
use custody_testkit::azure_sim::Scenario;

const BLOBS: &str = "storage/data-plane/Microsoft.BlobStorage/stable/2024-08-04/blob.json";
const METADATA: &str = "imds/data-plane/Microsoft.InstanceMetadataService/stable/2023-07-01/imds.json";
const BLOB: &str = "/{containerName}/{blob}";
/// Documented elsewhere: Microsoft's page of the blob service's error codes, as `azure-facts` 3.2 has it.
const LEGAL_HOLD: &str = "BlobImmutableDueToLegalHold";

fn description() -> Value {
    let text = std::fs::read_to_string(specification().join(BLOBS)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn rfc1123(text: &str) -> bool {
    let parts: Vec<&str> = text.split(' ').collect();
    matches!(parts[..], [day, _, month, year, time, "GMT"]
        if day.ends_with(',') && month.len() == 3 && year.len() == 4 && time.len() == 8)
}

/// Whether a header's value is one that its description allows.
fn fits(value: &str, described: &Value) -> bool {
    let is_listed = |listed: &Vec<Value>| listed.iter().any(|one| one == value);
    described["enum"].as_array().is_none_or(is_listed)
        && match (described["type"].as_str(), described["format"].as_str()) {
            (Some("integer"), _) => value.parse::<i64>().is_ok(),
            (Some("boolean"), _) => matches!(value, "true" | "false"),
            (_, Some("date-time-rfc1123")) => rfc1123(value),
            _ => !value.is_empty(),
        }
}

/// Holds an answer's status and headers against an operation; `needed` are the headers that clients rest on.
fn hold_headers(reply: &Reply, (path, method): (&str, &str), needed: &[&str]) {
    let what = format!("{method} {path}");
    let operation = description()["x-ms-paths"][path][method].clone();
    assert!(operation.is_object(), "{what} is not described");
    let response = &operation["responses"][reply.status.to_string()];
    assert!(response.is_object(), "{what}: {} {}", reply.status, reply.text());
    let described = response["headers"].as_object().unwrap();
    let of = |name: &str| {
        let known = described.iter().find(|(known, described)| {
            let prefix = described["x-ms-header-collection-prefix"].as_str();
            known.eq_ignore_ascii_case(name)
                || prefix.is_some_and(|prefix| name.to_ascii_lowercase().starts_with(prefix))
        });
        known.map(|(_, described)| described)
    };
    let whole = description().to_string().to_ascii_lowercase();
    for (name, value) in reply.headers() {
        match of(name) {
            Some(described) => assert!(fits(value, described), "{what}: {name}: {value}"),
            // The service sends some on more answers than those that are described with them.
            None => assert!(
                !name.starts_with("x-ms-") || whole.contains(&format!("\"{}\"", name.to_ascii_lowercase())),
                "{what}: {name} is described nowhere"
            ),
        }
    }
    for name in needed {
        assert!(of(name).is_some(), "{what}: {name} is not described");
        assert!(reply.header(name).is_some(), "{what}: {name} is not answered");
    }
}

/// Holds a refusal against the codes that are described; it is the same in header and body.
fn hold_refusal(reply: &Reply, status: u16, code: &str) {
    let known = description()["definitions"]["ErrorCode"]["enum"].clone();
    let is_known = known.as_array().unwrap().iter().any(|one| one == code);
    assert!(is_known || code == LEGAL_HOLD, "{code} is not described");
    let told = reply.header("x-ms-error-code").unwrap_or_default();
    assert_eq!((reply.status, told), (status, code), "{}", reply.text());
    if !reply.body.is_empty() {
        assert!(
            reply.text().contains(&format!("<Code>{code}</Code>")),
            "{}",
            reply.text()
        );
    }
}

/// What a definition demands is in a document, as an element or an attribute of its name.
fn hold_document(text: &str, definition: &str, left_out: &[&str]) {
    let definition = description()["definitions"][definition].clone();
    for name in definition["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let is_there = text.contains(&format!("<{name}>")) || text.contains(&format!(" {name}=\""));
        assert!(is_there || left_out.contains(&name), "{name} is not in {text}");
    }
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_of_the_blob_service_are_as_described() {
    let lab = Lab::of(Scenario::lab().with_timing(Timing::default().with_copy_polls(1))).await;
    lab.take("one", "web-01-data-0").await;
    let source = lab.access("one").await;
    let every = ["x-ms-request-id", "x-ms-version", "date"];
    let stored = ["etag", "last-modified", "x-ms-request-id", "x-ms-version", "date"];
    let create = [("x-ms-copy-source", source.as_str()), ("if-none-match", "*")];
    let copied = lab.blob(Method::Put, "/immutable/one.vhd", &create, "").await;
    hold_headers(
        &copied,
        (&format!("{BLOB}?comp=copy"), "put"),
        &["x-ms-copy-id", "x-ms-copy-status"],
    );
    hold_headers(&copied, (&format!("{BLOB}?comp=copy"), "put"), &stored);
    let busy = lab.blob(Method::Delete, "/immutable/one.vhd", &[], "").await;
    hold_refusal(&busy, 409, "PendingCopyOperation");
    let of_copies = [
        "content-length",
        "x-ms-blob-type",
        "x-ms-copy-id",
        "x-ms-copy-status",
        "x-ms-copy-progress",
        "x-ms-copy-source",
    ];
    loop {
        let head = lab.blob(Method::Head, "/immutable/one.vhd", &[], "").await;
        hold_headers(&head, (BLOB, "head"), &of_copies);
        hold_headers(&head, (BLOB, "head"), &stored);
        if head.header("x-ms-copy-status") == Some("success") {
            break;
        }
    }
    let range = [("range", "bytes=0-4095")];
    let read = lab.blob(Method::Get, "/immutable/one.vhd", &range, "").await;
    assert_eq!(read.status, 206);
    hold_headers(
        &read,
        (BLOB, "get"),
        &["content-range", "content-length", "x-ms-blob-type"],
    );
    hold_headers(&read, (BLOB, "get"), &stored);
    let pages = lab
        .blob(Method::Get, "/immutable/one.vhd?comp=pagelist", &[], "")
        .await;
    hold_headers(
        &pages,
        (&format!("{BLOB}?comp=pagelist"), "get"),
        &["x-ms-blob-content-length"],
    );
    hold_headers(&pages, (&format!("{BLOB}?comp=pagelist"), "get"), &stored);
    hold_document(&pages.text(), "PageRange", &[]);
    let list = "/immutable?restype=container&comp=list";
    let listed = lab.blob(Method::Get, list, &[], "").await;
    hold_headers(
        &listed,
        ("/{containerName}?restype=container&comp=list&flat", "get"),
        &every,
    );
    hold_document(&listed.text(), "ListBlobsFlatSegmentResponse", &["Segment"]);
    assert!(listed.text().contains("<Blobs>"), "the segment's name in XML");
    hold_document(&listed.text(), "BlobPropertiesInternal", &[]);

    let append = [("x-ms-blob-type", "AppendBlob"), ("if-none-match", "*")];
    let made = lab.blob(Method::Put, "/immutable/log", &append, "").await;
    hold_headers(&made, (&format!("{BLOB}?AppendBlob"), "put"), &stored);
    let at = [("x-ms-blob-condition-appendpos", "0")];
    let appended = lab
        .blob(Method::Put, "/immutable/log?comp=appendblock", &at, "line\n")
        .await;
    let appending = format!("{BLOB}?comp=appendblock");
    hold_headers(
        &appended,
        (&appending, "put"),
        &["x-ms-blob-append-offset", "x-ms-blob-committed-block-count"],
    );
    hold_headers(&appended, (&appending, "put"), &stored);

    let again = lab
        .blob(Method::Put, "/immutable/log?comp=appendblock", &at, "line\n")
        .await;
    hold_refusal(&again, 412, "AppendPositionConditionNotMet");
    for (method, path, headers, status, code) in [
        (Method::Head, "/immutable/absent", &[][..], 404, "BlobNotFound"),
        (Method::Get, "/absent/one.vhd", &[], 404, "ContainerNotFound"),
        (
            Method::Put,
            "/immutable/one.vhd",
            &create,
            409,
            "BlobAlreadyExists",
        ),
        (
            Method::Get,
            "/immutable/one.vhd",
            &[("if-match", "\"0x0\""), ("range", "bytes=0-1")],
            412,
            "ConditionNotMet",
        ),
        (
            Method::Get,
            "/immutable/one.vhd",
            &[("range", "bytes=99999999-")],
            416,
            "InvalidRange",
        ),
        (
            Method::Delete,
            "/immutable/one.vhd",
            &[],
            409,
            "BlobImmutableDueToPolicy",
        ),
        (
            Method::Put,
            "/immutable/two.vhd",
            &[(
                "x-ms-copy-source",
                "https://md-absent.z1.blob.storage.azure.net/t/abcd?sig=x",
            )],
            404,
            "CannotVerifyCopySource",
        ),
    ] {
        let refused = lab.blob(method, path, headers, "").await;
        hold_refusal(&refused, status, code);
    }
}

#[tokio::test]
#[ignore = "needs the project's shared fixtures"]
async fn answers_of_the_metadata_service_are_as_described() {
    let lab = Lab::new().await;
    let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";
    let ask = |rest: &str| {
        let (lab, url) = (&lab, format!("{url}{rest}"));
        async move { lab.send(Method::Get, &url, &[("metadata", "true")], "").await }
    };
    let token = ask("&resource=https://management.azure.com/").await;
    assert_eq!(token.status, 200);
    let token = token.json();
    hold(&token, METADATA, "IdentityTokenResponse");
    let text = std::fs::read_to_string(specification().join(METADATA)).unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let members = &described["definitions"]["IdentityTokenResponse"]["properties"];
    for (name, _) in token.as_object().unwrap() {
        assert!(members[name].is_object(), "{name} is not described");
    }
    for name in [
        "access_token",
        "expires_in",
        "expires_on",
        "resource",
        "token_type",
    ] {
        assert!(token[name].is_string(), "{name} is not answered: {name}");
    }
    let refused = ask("").await;
    assert_eq!(refused.status, 400, "no resource is named");
    hold(&refused.json(), METADATA, "IdentityErrorResponse");
}
