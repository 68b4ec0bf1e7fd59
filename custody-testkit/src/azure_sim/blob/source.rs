//! What a copy reads from: an address with a signature, or a blob of the same account.

use bytes::Bytes;
use jiff::Timestamp;

use super::authorization::{Need, Target, permit_signed};
use super::reading::unreadable;
use super::refusal::Refused;
use super::sas;
use super::state::Kind;
use crate::azure_sim::address::Service;
use crate::azure_sim::clock::from_sas_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{ByteSpan, Call, Query, decode};
use crate::azure_sim::world::World;

/// Source: blob API description, 2024-08-04: length of `x-ms-copy-source`.
const MAX_SOURCE_CHARACTERS: usize = 2048;

/// A source as it was when it was opened.
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) content: Content,
    pub(super) content_type: String,
    pub(super) md5: Option<String>,
    pub(super) metadata: Vec<(String, String)>,
    /// Where it can be looked up again: the export's label.
    pub(super) export: Option<String>,
    /// From when on the signature is worth nothing.
    pub(super) expires: Option<Timestamp>,
}

fn cannot_verify(status: u16, why: &str) -> Refused {
    Refused::new(
        status,
        "CannotVerifyCopySource",
        format!("Could not verify the copy source: {why}."),
    )
}

/// The source refused the signature: what it said is told on, as far as its code.
fn unaccepted(refused: &Refused) -> Refused {
    cannot_verify(403, refused.code)
}

/// Opens the source that `x-ms-copy-source` names.
pub(super) fn open(world: &World, call: &Call, account: &str) -> Result<Source, Refused> {
    let address = call.header("x-ms-copy-source").unwrap_or_default();
    if address.len() > MAX_SOURCE_CHARACTERS {
        return Err(Refused::header("x-ms-copy-source"));
    }
    let (service, path, query) = world
        .addresses
        .locate(address)
        .ok_or_else(|| cannot_verify(404, "the host does not answer"))?;
    let query = Query::parse(&query);
    let is_own = matches!(&service, Service::Blob(from) if from == account);
    if !is_own && restricts_copies(world, account) {
        return Err(Refused::new(
            403,
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ));
    }
    match service {
        Service::Export(label) => open_export(world, call, &label, &path, &query),
        Service::Blob(from) => open_blob(world, call, (&from, account), &path, &query),
        _ => Err(cannot_verify(404, "the host has no blobs")),
    }
}

/// Whether `allowedCopyScope` keeps an account from being copied to. Source: "Restrict the source of copy operations to a
/// storage account"; that exports, and every account but itself, are outside the scope is ours.
fn restricts_copies(world: &World, account: &str) -> bool {
    let account = world.accounts.get(account);
    let scope = account.and_then(|account| account.settings.allowed_copy_scope.as_deref());
    scope.is_some_and(|scope| {
        ["AAD", "PrivateLink"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scope))
    })
}

fn open_export(
    world: &World,
    call: &Call,
    label: &str,
    path: &str,
    query: &Query,
) -> Result<Source, Refused> {
    let export = world
        .exports
        .get(label)
        .ok_or_else(|| cannot_verify(404, "no such export"))?;
    let content = export
        .content_at(path)
        .ok_or_else(|| cannot_verify(404, "no such blob"))?;
    export
        .check(path, query, call.at)
        .map_err(|refused| unaccepted(&refused))?;
    if export.needs_token || export.private {
        return Err(cannot_verify(403, "the source is not open to the service"));
    }
    Ok(Source {
        kind: Kind::Page,
        content: content.clone(),
        content_type: "application/octet-stream".into(),
        md5: None,
        metadata: Vec::new(),
        export: Some(label.to_string()),
        expires: query.value("se").and_then(from_sas_date),
    })
}

fn open_blob(
    world: &World,
    call: &Call,
    (from, to): (&str, &str),
    path: &str,
    query: &Query,
) -> Result<Source, Refused> {
    let decoded = decode(path);
    let (container, blob) = decoded
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or_default();
    let target = Target {
        account: from,
        container,
        blob,
    };
    let signed = sas::is_in(query);
    if signed {
        permit_signed(world, call, query, target, Need::Read).map_err(|refused| unaccepted(&refused))?;
    } else if from != to {
        return Err(cannot_verify(404, "the source is not public"));
    }
    let found = world
        .accounts
        .get(from)
        .and_then(|account| account.blob(container, blob));
    let version = found.and_then(|blob| blob.version(query.value("versionid")));
    let version = version.ok_or_else(|| cannot_verify(404, "no such blob"))?;
    Ok(Source {
        kind: version.kind,
        content: version.content.clone(),
        content_type: version.content_type.clone(),
        md5: version.content_md5.clone(),
        metadata: version.metadata.clone(),
        export: None,
        expires: if signed {
            query.value("se").and_then(from_sas_date)
        } else {
            None
        },
    })
}

/// The bytes of `x-ms-source-range`, for the operations that write from a source.
pub(super) fn range(world: &World, call: &Call) -> Result<Bytes, Refused> {
    let Service::Blob(account) = &call.service else {
        return Err(Refused::kind());
    };
    let source = open(world, call, account)?;
    let total = source.content.length();
    let span = match call.header("x-ms-source-range") {
        None => ByteSpan { first: 0, last: None },
        Some(text) => ByteSpan::parse(text).ok_or_else(|| Refused::header("x-ms-source-range"))?,
    };
    let end = span.last.map_or(total, |last| last + 1);
    if span.first >= end || end > total {
        return Err(Refused::new(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
        ));
    }
    let bytes = source
        .content
        .read(span.first..end)
        .map_err(|error| unreadable(&error))?;
    let wrong = |header: &str, actual: String| call.header(header).is_some_and(|stated| stated != actual);
    if wrong("x-ms-source-content-md5", super::checksum::md5_base64(&bytes)) {
        return Err(Refused::new(
            400,
            "Md5Mismatch",
            "The MD5 value specified in the request did not match.",
        ));
    }
    if wrong("x-ms-source-content-crc64", super::checksum::crc64_base64(&bytes)) {
        return Err(Refused::new(
            400,
            "Crc64Mismatch",
            "The CRC64 value specified in the request did not match.",
        ));
    }
    Ok(bytes)
}
