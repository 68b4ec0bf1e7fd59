use std::fmt::Write as _;

use super::checksum::{crc64_base64, md5_base64};
use super::conditions;
use super::refusal::Refused;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, ByteSpan, Call};

/// Largest range for which a checksum is made. Source: blob API description, 2024-08-04.
const MAX_CHECKED_RANGE_BYTES: u64 = 4 << 20;
const PAGE_BYTES: u64 = 512;
/// Most ranges in an answer to Get Page Ranges. Not stated by the service; it pages, so we do.
const PAGE_RANGES: usize = 10_000;

/// What can be read: a version of a blob, or an export.
pub(crate) struct View<'a> {
    pub(crate) content: &'a Content,
    pub(crate) content_type: &'a str,
    pub(crate) etag: &'a str,
    /// The MD5 that was stored with it, in base64.
    pub(crate) md5: Option<&'a str>,
}

/// Get Blob, and Get Blob Properties: conditions, ranges, checksums.
pub(crate) fn serve(call: &Call, view: &View<'_>) -> Result<Answer, Refused> {
    conditions::check_etag(call, Some(view.etag), true)?;
    let total = view.content.length();
    let range = if call.method == "HEAD" { None } else { call.range() };
    let (status, first, length) = match range {
        None => (200, 0, total),
        Some(span) => {
            let (first, last) = bounds(span, total)?;
            (206, first, last + 1 - first)
        }
    };
    let mut answer = Answer::empty(status)
        .with_part(view.content.clone(), first, length)
        .with_header("content-type", view.content_type)
        .with_header("etag", view.etag);
    if status == 206 {
        answer.set_header(
            "content-range",
            format!("bytes {first}-{}/{total}", first + length - 1),
        );
        if let Some(md5) = view.md5 {
            answer.set_header("x-ms-blob-content-md5", md5);
        }
    } else if let Some(md5) = view.md5 {
        answer.set_header("content-md5", md5);
    }
    let wants = |name: &str| call.header_is(name, "true");
    let (md5, crc) = (
        wants("x-ms-range-get-content-md5"),
        wants("x-ms-range-get-content-crc64"),
    );
    if md5 || crc {
        if range.is_none() || length > MAX_CHECKED_RANGE_BYTES {
            return Err(Refused::new(
                400,
                "InvalidHeaderValue",
                "A checksum is made of ranges of at most 4 MiB only.",
            ));
        }
        let bytes = view
            .content
            .read(first..first + length)
            .map_err(|error| unreadable(&error))?;
        if md5 {
            answer.set_header("content-md5", md5_base64(&bytes));
        }
        if crc {
            answer.set_header("x-ms-content-crc64", crc64_base64(&bytes));
        }
    }
    Ok(answer)
}

/// The first and the last byte that a range means, within so many bytes.
fn bounds(span: ByteSpan, total: u64) -> Result<(u64, u64), Refused> {
    let last = span.last.unwrap_or(u64::MAX).min(total.saturating_sub(1));
    if span.first >= total || last < span.first {
        return Err(Refused::new(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
        ));
    }
    Ok((span.first, last))
}

pub(super) fn unreadable(error: &std::io::Error) -> Refused {
    Refused::new(
        500,
        "InternalError",
        format!("The server encountered an internal error: {error}"),
    )
}

/// Get Page Ranges.
pub(crate) fn page_list(call: &Call, view: &View<'_>) -> Result<Answer, Refused> {
    conditions::check_etag(call, Some(view.etag), true)?;
    if call.query.has("prevsnapshot") || call.header("x-ms-previous-snapshot-url").is_some() {
        return Err(Refused::new(
            400,
            "UnsupportedQueryParameter",
            "Differences between snapshots are not modelled.",
        ));
    }
    let total = view.content.length();
    let (first, last) = match call.range() {
        None => (0, total.saturating_sub(1)),
        Some(span) => bounds(span, total)?,
    };
    let from: u64 = call
        .query
        .value("marker")
        .and_then(|marker| marker.parse().ok())
        .unwrap_or(first);
    let most = call
        .query
        .value("maxresults")
        .and_then(|most| most.parse().ok())
        .unwrap_or(PAGE_RANGES)
        .min(PAGE_RANGES);
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for range in view.content.allocated() {
        let (start, end) = (
            range.start / PAGE_BYTES * PAGE_BYTES,
            range.end.next_multiple_of(PAGE_BYTES).min(total),
        );
        match ranges.last_mut() {
            Some((_, before)) if *before >= start => *before = end,
            _ => ranges.push((start, end)),
        }
    }
    let wanted: Vec<(u64, u64)> = ranges
        .into_iter()
        .filter(|(start, end)| *end > from.max(first) && *start <= last)
        .collect();
    let mut body = String::from("<PageList>");
    for (start, end) in wanted.iter().take(most) {
        let (start, end) = ((*start).max(first), (*end - 1).min(last));
        write!(
            body,
            "<PageRange><Start>{start}</Start><End>{end}</End></PageRange>"
        )
        .expect("writes to memory");
    }
    match wanted.get(most) {
        Some((next, _)) => write!(body, "<NextMarker>{next}</NextMarker>").expect("writes to memory"),
        None => body.push_str("<NextMarker />"),
    }
    body.push_str("</PageList>");
    Ok(Answer::xml(200, &body)
        .with_header("etag", view.etag)
        .with_header("x-ms-blob-content-length", total.to_string()))
}
