use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::properties::describe;
use super::refusal::Refused;
use super::state::{BlobPlace, Container, Version};
use super::writing::container_of;
use crate::azure_sim::address::Service;
use crate::azure_sim::clock::http_date;
use crate::azure_sim::http::{Answer, Call, escape};
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// Source: List Blobs: results in an answer.
const MAX_RESULTS: usize = 5000;

/// One line of a listing.
enum Line<'a> {
    Blob {
        name: &'a str,
        version: &'a Version,
        is_current: bool,
    },
    Prefix(String),
}

/// List Blobs, flat or by a delimiter.
pub(super) fn blobs(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let base = world
        .addresses
        .base(call.way, &Service::Blob(place.account.clone()));
    let container = container_of(world, place)?;
    let value = |name: &str| call.query.value(name).unwrap_or_default();
    let (prefix, delimiter, marker) = (value("prefix"), value("delimiter"), value("marker"));
    let most = call
        .query
        .value("maxresults")
        .map_or(Ok(MAX_RESULTS), str::parse)
        .unwrap_or(0)
        .min(MAX_RESULTS);
    if most == 0 {
        return Err(Refused::new(
            400,
            "OutOfRangeQueryParameterValue",
            "maxresults is out of range.",
        ));
    }
    let include = value("include").to_lowercase();
    let include: Vec<&str> = include.split(',').map(str::trim).collect();
    let lines = lines(container, prefix, delimiter, include.contains(&"versions"));
    // A marker is opaque to the client; here it is the key of the line that comes next.
    let from = keyed::from_base64url(marker).and_then(|key| String::from_utf8(key).ok());
    let from = from.ok_or_else(|| {
        Refused::new(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid: marker.",
        )
    })?;
    let mut following = lines.range(from..);
    let mut entries = String::new();
    for (_, line) in following.by_ref().take(most) {
        match line {
            Line::Prefix(name) => {
                write!(entries, "<BlobPrefix><Name>{}</Name></BlobPrefix>", escape(name))
                    .expect("writes to memory");
            }
            Line::Blob {
                name,
                version,
                is_current,
            } => {
                entries.push_str(&entry(container, name, version, *is_current, &include));
            }
        }
    }
    let next = following
        .next()
        .map_or_else(String::new, |(key, _)| keyed::base64url(key.as_bytes()));
    let optional = |name: &str, text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("<{name}>{}</{name}>", escape(text))
        }
    };
    Ok(Answer::xml(
        200,
        &format!(
            "<EnumerationResults ServiceEndpoint=\"{}/\" ContainerName=\"{}\">{}{}<MaxResults>{most}</MaxResults>{}\
             <Blobs>{entries}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>",
            escape(&base),
            escape(&place.container),
            optional("Prefix", prefix),
            optional("Marker", marker),
            optional("Delimiter", delimiter),
        ),
    ))
}

/// What is listed, by what a marker can name.
fn lines<'a>(
    container: &'a Container,
    prefix: &str,
    delimiter: &str,
    versions: bool,
) -> BTreeMap<String, Line<'a>> {
    let mut lines = BTreeMap::new();
    for (name, blob) in container
        .blobs
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
    {
        let below = &name[prefix.len()..];
        if !delimiter.is_empty()
            && let Some(at) = below.find(delimiter)
        {
            let folder = format!("{prefix}{}", &below[..at + delimiter.len()]);
            lines.insert(folder.clone(), Line::Prefix(folder));
            continue;
        }
        if versions {
            for version in &blob.previous {
                let id = version.id.as_deref().unwrap_or_default();
                lines.insert(
                    format!("{name}\u{1}{id}"),
                    Line::Blob {
                        name,
                        version,
                        is_current: false,
                    },
                );
            }
        }
        if let Some(version) = &blob.current {
            lines.insert(
                format!("{name}\u{2}"),
                Line::Blob {
                    name,
                    version,
                    is_current: true,
                },
            );
        }
    }
    lines
}

/// Names of headers, and of the elements that say the same.
const PROPERTIES: [(&str, &str); 13] = [
    ("x-ms-creation-time", "Creation-Time"),
    ("last-modified", "Last-Modified"),
    ("x-ms-blob-type", "BlobType"),
    ("x-ms-access-tier", "AccessTier"),
    ("x-ms-access-tier-inferred", "AccessTierInferred"),
    ("x-ms-lease-status", "LeaseStatus"),
    ("x-ms-lease-state", "LeaseState"),
    ("x-ms-server-encrypted", "ServerEncrypted"),
    ("x-ms-blob-sequence-number", "x-ms-blob-sequence-number"),
    (
        "x-ms-immutability-policy-until-date",
        "ImmutabilityPolicyUntilDate",
    ),
    ("x-ms-immutability-policy-mode", "ImmutabilityPolicyMode"),
    ("x-ms-legal-hold", "LegalHold"),
    ("x-ms-blob-sealed", "Sealed"),
];

const COPY_PROPERTIES: [(&str, &str); 6] = [
    ("x-ms-copy-id", "CopyId"),
    ("x-ms-copy-status", "CopyStatus"),
    ("x-ms-copy-source", "CopySource"),
    ("x-ms-copy-progress", "CopyProgress"),
    ("x-ms-copy-completion-time", "CopyCompletionTime"),
    ("x-ms-copy-status-description", "CopyStatusDescription"),
];

fn entry(container: &Container, name: &str, version: &Version, is_current: bool, include: &[&str]) -> String {
    let mut described = Answer::empty(200);
    describe(&mut described, container, version, is_current);
    let mut text = format!("<Blob><Name>{}</Name>", escape(name));
    if let Some(id) = &version.id {
        write!(text, "<VersionId>{}</VersionId>", escape(id)).expect("writes to memory");
        if is_current {
            text.push_str("<IsCurrentVersion>true</IsCurrentVersion>");
        }
    }
    let etag = version.etag.trim_matches('"');
    let length = version.content.length();
    write!(
        text,
        "<Properties><Etag>{etag}</Etag><Content-Length>{length}</Content-Length>"
    )
    .expect("writes to memory");
    let kind = escape(&version.content_type);
    write!(text, "<Content-Type>{kind}</Content-Type>").expect("writes to memory");
    let copies = include.contains(&"copy");
    let listed = PROPERTIES
        .iter()
        .chain(if copies { &COPY_PROPERTIES[..] } else { &[] });
    for (header, element) in listed {
        if let Some(value) = described.header(header) {
            write!(text, "<{element}>{}</{element}>", escape(value)).expect("writes to memory");
        }
    }
    if let Some(md5) = &version.content_md5 {
        write!(text, "<Content-MD5>{md5}</Content-MD5>").expect("writes to memory");
    }
    text.push_str("</Properties>");
    if include.contains(&"metadata") {
        text.push_str("<Metadata>");
        for (name, value) in &version.metadata {
            write!(text, "<{name}>{}</{name}>", escape(value)).expect("writes to memory");
        }
        text.push_str("</Metadata>");
    }
    text + "</Blob>"
}

/// List Containers.
pub(super) fn containers(world: &World, call: &Call, account: &str) -> Result<Answer, Refused> {
    let base = world
        .addresses
        .base(call.way, &Service::Blob(account.to_string()));
    let account = world.accounts.get(account).ok_or_else(Refused::no_container)?;
    let prefix = call.query.value("prefix").unwrap_or_default();
    let mut entries = String::new();
    for container in account
        .containers
        .values()
        .filter(|container| container.name.starts_with(prefix))
    {
        write!(
            entries,
            "<Container><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
             <LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
             <HasImmutabilityPolicy>{}</HasImmutabilityPolicy><HasLegalHold>{}</HasLegalHold>\
             <ImmutableStorageWithVersioningEnabled>{}</ImmutableStorageWithVersioningEnabled></Properties></Container>",
            escape(&container.name),
            http_date(container.modified),
            escape(&container.etag),
            container.policy.is_some(),
            !container.hold_tags.is_empty(),
            container.version_level_worm
        )
        .expect("writes to memory");
    }
    Ok(Answer::xml(
        200,
        &format!(
            "<EnumerationResults ServiceEndpoint=\"{}/\"><Containers>{entries}</Containers><NextMarker /></EnumerationResults>",
            escape(&base)
        ),
    ))
}
