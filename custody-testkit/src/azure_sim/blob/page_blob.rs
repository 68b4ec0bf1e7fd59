use super::checksum::check_body;
use super::refusal::Refused;
use super::source;
use super::state::{BlobPlace, Kind};
use super::worm::Change;
use super::writing::{existing, install, new_version, with_checksums, written};
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, ByteSpan, Call};
use crate::azure_sim::world::World;

const PAGE_BYTES: u64 = 512;
/// Source: "Scalability targets for Blob storage": one Put Page.
const MAX_PUT_PAGE_BYTES: u64 = 4 << 20;
/// Source: the same: a page blob.
pub(super) const MAX_PAGE_BLOB_BYTES: u64 = 8 << 40;

/// Put Blob, of a page blob: zeros of the stated length.
pub(super) fn create(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let length = call
        .number("x-ms-blob-content-length")
        .ok_or_else(|| Refused::header("x-ms-blob-content-length"))?;
    if !length.is_multiple_of(PAGE_BYTES) || length > MAX_PAGE_BLOB_BYTES {
        return Err(Refused::header("x-ms-blob-content-length"));
    }
    let mut version = new_version(world, call, place, Kind::Page, Content::Zeros(length))?;
    version.sequence = call.number("x-ms-blob-sequence-number").unwrap_or(0);
    install(world, place, version)
}

/// Put Page, its clearing form, and its form with a source.
pub(super) fn put_page(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let span = call.range().ok_or_else(|| Refused::header("x-ms-range"))?;
    let (first, length) = pages(span)?;
    let clear = call.header_is("x-ms-page-write", "clear");
    let from_source = call.header("x-ms-copy-source").is_some();
    if !clear && length > MAX_PUT_PAGE_BYTES {
        return Err(Refused::new(
            413,
            "RequestBodyTooLarge",
            "The request body is too large.",
        ));
    }
    if !clear && !from_source && call.body.len() as u64 != length {
        return Err(Refused::new(
            400,
            "InvalidPageRange",
            "The page range specified is invalid.",
        ));
    }
    check_body(call)?;
    let bytes = if from_source {
        source::range(world, call)?
    } else {
        call.body.clone()
    };
    let etag = world.fresh_etag();
    let version = existing(world, call, place, Some(Kind::Page), Change::Pages)?;
    if first + length > version.content.length() {
        return Err(Refused::new(
            416,
            "InvalidPageRange",
            "The page range specified is invalid.",
        ));
    }
    if clear {
        version.content.clear(first..first + length);
    } else {
        version.content.write(first, bytes);
    }
    version.touch(etag, call.at);
    let answer = written(version, 201).with_header("x-ms-blob-sequence-number", version.sequence.to_string());
    Ok(if clear {
        answer
    } else {
        with_checksums(answer, call)
    })
}

fn pages(span: ByteSpan) -> Result<(u64, u64), Refused> {
    let invalid = || Refused::new(400, "InvalidPageRange", "The page range specified is invalid.");
    let end = span
        .last
        .and_then(|last| last.checked_add(1))
        .ok_or_else(invalid)?;
    if end <= span.first || !span.first.is_multiple_of(PAGE_BYTES) || !end.is_multiple_of(PAGE_BYTES) {
        return Err(invalid());
    }
    Ok((span.first, end - span.first))
}
