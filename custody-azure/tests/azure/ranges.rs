//! Ranges of an export: only the bytes that were asked for, of the version that was opened, are ever taken.

use std::sync::Arc;

use crate::support::{CANARY, Canned, Script, all_of, arm_of, run, tokens};
use custody_azure::AzureSourceAccess;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{DiskSnapshot, ImageReader, ReadGrant, SnapshotKind, SourceAccess as _};
use custody_core::{Error, Result};
use futures::StreamExt as _;

const LENGTH: u64 = 1 << 20;
const ETAG: &str = "\"e1\"";

fn snapshot() -> DiskSnapshot {
    let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/n";
    DiskSnapshot::new(
        "n".parse().unwrap(),
        "d".parse().unwrap(),
        SnapshotKind::Made,
        LENGTH,
    )
    .with_attribute("resourceId", id)
}

fn head() -> Canned {
    Canned::new(200, "")
        .with("content-length", LENGTH.to_string())
        .with("etag", ETAG)
        .with("x-ms-blob-type", "PageBlob")
}

fn part(first: u64, last: u64) -> Canned {
    let bytes = vec![7; usize::try_from(last - first + 1).unwrap()];
    Canned::new(206, bytes)
        .with("content-range", format!("bytes {first}-{last}/{LENGTH}"))
        .with("etag", ETAG)
}

fn opened(answers: Vec<Canned>) -> (Result<Arc<dyn ImageReader>>, Arc<Script>) {
    let script = Script::of(answers);
    let access = AzureSourceAccess::new(arm_of(&script), tokens());
    let address = "https://md-abc.z1.blob.storage.azure.net/token/abcd";
    let grant = ReadGrant::new(address, format!("sv=1&sig={CANARY}"), None);
    (
        run(access.open(&snapshot(), &grant)).map(|opened| opened.image),
        script,
    )
}

fn read(answers: Vec<Canned>) -> (Result<Vec<Extent>>, Arc<Script>) {
    let (image, script) = opened([vec![head()], answers].concat());
    let image = image.unwrap();
    (run(image.read(ByteRange::at(512, 1024))), script)
}

#[test]
fn the_range_that_was_asked_for_is_given_without_a_token() {
    let (outcome, script) = read(vec![part(512, 1535)]);
    let extents = outcome.unwrap();
    assert!(matches!(extents.as_slice(), [Extent::Data { at: 512, bytes }] if bytes.len() == 1024));
    assert!(
        script.seen().iter().all(|seen| seen.authorization.is_none()),
        "an export was shown a token"
    );
}

#[test]
fn an_answer_of_another_form_is_never_taken() {
    let short = || {
        Canned::new(206, vec![7; 512])
            .with("content-range", "bytes 512-1535/1048576")
            .with("etag", ETAG)
    };
    let long = || {
        Canned::new(206, vec![7; 2048])
            .with("content-range", "bytes 512-1535/1048576")
            .with("etag", ETAG)
    };
    let whole = || Canned::new(200, vec![7; 1 << 20]).with("etag", ETAG);
    let shorter = || part(512, 1023);
    let elsewhere = || part(0, 1023);
    let silent = || Canned::new(206, vec![7; 1024]).with("etag", ETAG);
    for odd in [short, long, whole, shorter, elsewhere, silent] as [fn() -> Canned; 6] {
        let (outcome, script) = read(vec![odd(), odd(), odd()]);
        let error = outcome.unwrap_err();
        assert!(matches!(error.meaning(), Error::Unreadable { .. }), "{error}");
        assert!(script.is_used_up(), "it was not asked for again");
        let (outcome, _) = read(vec![odd(), part(512, 1535)]);
        outcome.unwrap();
    }
}

#[test]
fn another_version_is_told_at_once() {
    let other = Canned::new(206, vec![9; 1024])
        .with("content-range", "bytes 512-1535/1048576")
        .with("etag", "\"e2\"");
    let (outcome, _) = read(vec![other]);
    assert!(matches!(
        outcome.unwrap_err().meaning(),
        Error::Precondition { .. }
    ));
    let changed = Canned::new(412, "").with("x-ms-error-code", "ConditionNotMet");
    let (outcome, _) = read(vec![changed]);
    assert!(matches!(
        outcome.unwrap_err().meaning(),
        Error::Precondition { .. }
    ));
}

#[test]
fn a_grant_that_has_ended_is_told_without_its_signature() {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Signature sig={CANARY} did not match\nRequestId:1</Message></Error>"
    );
    let refused = Canned::new(403, body).with("x-ms-error-code", "AuthenticationFailed");
    let (outcome, _) = read(vec![refused]);
    let error = outcome.unwrap_err();
    assert!(
        matches!(error.meaning(), Error::PermissionDenied { .. }),
        "{error}"
    );
    let text = all_of(&error);
    assert!(
        text.contains("AuthenticationFailed") && !text.contains(CANARY),
        "{text}"
    );
}

#[test]
fn a_passing_failure_is_read_over() {
    let (outcome, script) = read(vec![Canned::new(503, ""), Canned::new(500, ""), part(512, 1535)]);
    outcome.unwrap();
    assert!(script.is_used_up());
}

#[test]
fn an_image_of_another_length_is_refused() {
    let head = Canned::new(200, "")
        .with("content-length", "512")
        .with("etag", ETAG);
    let (outcome, _) = opened(vec![head]);
    assert!(matches!(outcome.unwrap_err().meaning(), Error::Integrity { .. }));
}

fn spans(body: &str) -> (Vec<Result<Span>>, Arc<Script>) {
    let list = Canned::new(200, body.to_owned()).with("etag", ETAG);
    let (image, script) = opened(vec![head(), list]);
    let image = image.unwrap();
    let spans = run(image.spans(ByteRange::at(0, LENGTH)).collect());
    (spans, script)
}

#[test]
fn what_the_page_list_leaves_out_is_zero_on_its_word() {
    let (spans, script) = spans(
        "<?xml version=\"1.0\"?><PageList><PageRange><Start>0</Start><End>511</End></PageRange><PageRange><Start>1024</Start><End>1535</End></PageRange><PageRange><Start>131072</Start><End>131583</End></PageRange></PageList>",
    );
    let shown: Vec<String> = spans
        .into_iter()
        .map(|span| match span.unwrap() {
            Span::Data(range) => format!("data {range}"),
            Span::Zero(range, _) => format!("zero {range}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "data 0..512",
            // A hole this short is read like data.
            "data 512..1024",
            "data 1024..1536",
            "zero 1536..131072",
            "data 131072..131584",
            "zero 131584..1048576"
        ]
    );
    assert!(script.seen().last().unwrap().url.contains("comp=pagelist"));
}

#[test]
fn a_page_list_that_makes_no_sense_is_an_error_and_never_zeros() {
    for odd in [
        "<PageList><PageRange><Start>1024</Start><End>1535</End></PageRange><PageRange><Start>0</Start><End>511</End></PageRange></PageList>",
        "<PageList><PageRange><Start>512</Start><End>0</End></PageRange></PageList>",
        "<PageList><PageRange><Start>-1</Start><End>0</End></PageRange></PageList>",
        "<PageList><PageRange><Start>0</Start></PageRange></PageList>",
        "no list",
    ] {
        let (spans, _) = spans(odd);
        assert!(spans.last().unwrap().is_err(), "{odd} was taken: {spans:?}");
    }
}

#[test]
fn i10_a_grant_for_another_host_is_not_opened() {
    let script = Script::of([]);
    let access = AzureSourceAccess::new(arm_of(&script), tokens());
    let grant = ReadGrant::new("https://evil.example/x", CANARY, None);
    let error = run(access.open(&snapshot(), &grant)).unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }) && !all_of(&error).contains(CANARY));
    assert!(script.seen().is_empty());
}
