use std::fmt::Write as _;

use bytes::Bytes;

use super::checksum::check_body;
use super::refusal::Refused;
use super::source;
use super::state::{BlobPlace, Kind};
use super::writing::{container_of, install, new_version, refuse_pending, with_checksums};
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, Call, escape, read_elements};
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// Source: "Scalability targets for Blob storage": blocks of a block blob.
const MAX_BLOCKS: usize = 50_000;
/// Source: Put Block: a block's id, decoded.
const MAX_BLOCK_ID_BYTES: usize = 64;

/// Put Blob, of a block blob: all at once.
pub(super) fn put(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    check_body(call)?;
    let mut version = new_version(
        world,
        call,
        place,
        Kind::Block,
        Content::of_bytes(call.body.clone()),
    )?;
    version
        .content_md5
        .get_or_insert_with(|| super::checksum::md5_base64(&call.body));
    Ok(with_checksums(install(world, place, version)?, call))
}

/// Put Block, and its form with a source.
pub(super) fn put_block(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let id = call.query.value("blockid").unwrap_or_default().to_string();
    let decoded = keyed::from_base64(&id).filter(|bytes| (1..=MAX_BLOCK_ID_BYTES).contains(&bytes.len()));
    if decoded.is_none() {
        return Err(Refused::new(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters is invalid: blockid.",
        ));
    }
    check_body(call)?;
    let bytes = match call.header("x-ms-copy-source") {
        Some(_) => source::range(world, call)?,
        None => call.body.clone(),
    };
    let container = container_of(world, place)?;
    let blob = container.blobs.entry(place.blob.clone()).or_default();
    if let Some(current) = &blob.current {
        refuse_pending(current)?;
        if current.kind != Kind::Block {
            return Err(Refused::kind());
        }
    }
    if blob
        .uncommitted
        .keys()
        .next()
        .is_some_and(|other| other.len() != id.len())
    {
        return Err(Refused::new(
            400,
            "InvalidBlobOrBlock",
            "The specified blob or block content is invalid.",
        ));
    }
    let answer = Answer::empty(201)
        .with_header("content-md5", super::checksum::md5_base64(&bytes))
        .with_header("x-ms-content-crc64", super::checksum::crc64_base64(&bytes))
        .with_header("x-ms-request-server-encrypted", "true");
    blob.uncommitted.insert(id, bytes);
    Ok(answer)
}

/// Put Block List.
pub(super) fn put_block_list(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    check_body(call)?;
    let elements = read_elements(&call.body).ok_or_else(|| {
        Refused::new(
            400,
            "InvalidXmlDocument",
            "XML specified is not syntactically valid.",
        )
    })?;
    let wanted: Vec<_> = elements
        .into_iter()
        .filter(|element| element.name != "BlockList")
        .collect();
    if wanted.len() > MAX_BLOCKS {
        return Err(Refused::new(
            409,
            "BlockCountExceedsLimit",
            "The committed block count cannot exceed 50,000.",
        ));
    }
    let container = container_of(world, place)?;
    let blob = container.blobs.entry(place.blob.clone()).or_default();
    let committed = |id: &str| -> Option<Bytes> {
        let current = blob.current.as_ref()?;
        let mut start = 0;
        for (own, length) in &current.blocks {
            if own == id {
                return current.content.read(start..start + length).ok();
            }
            start += length;
        }
        None
    };
    let mut blocks = Vec::new();
    let mut content = Content::Zeros(0);
    for element in wanted {
        let id = element.text;
        let uncommitted = || blob.uncommitted.get(&id).cloned();
        let bytes = match element.name.as_str() {
            "Latest" => uncommitted().or_else(|| committed(&id)),
            "Uncommitted" => uncommitted(),
            "Committed" => committed(&id),
            _ => None,
        };
        let bytes = bytes
            .ok_or_else(|| Refused::new(400, "InvalidBlockList", "The specified block list is invalid."))?;
        blocks.push((id, bytes.len() as u64));
        content.write(content.length(), bytes);
    }
    let mut version = new_version(world, call, place, Kind::Block, content)?;
    version.blocks = blocks;
    Ok(with_checksums(install(world, place, version)?, call))
}

/// Get Block List.
pub(super) fn block_list(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let container = container_of(world, place)?;
    let blob = container.blobs.get(&place.blob).ok_or_else(Refused::no_blob)?;
    if blob.current.is_none() && blob.uncommitted.is_empty() {
        return Err(Refused::no_blob());
    }
    let wanted = call
        .query
        .value("blocklisttype")
        .unwrap_or("committed")
        .to_lowercase();
    let mut body = String::from("<BlockList>");
    let mut section = |name: &str, blocks: &mut dyn Iterator<Item = (&str, u64)>| {
        write!(body, "<{name}>").expect("writes to memory");
        for (id, length) in blocks {
            let id = escape(id);
            write!(body, "<Block><Name>{id}</Name><Size>{length}</Size></Block>").expect("writes to memory");
        }
        write!(body, "</{name}>").expect("writes to memory");
    };
    if wanted != "uncommitted" {
        let committed = blob.current.iter().flat_map(|version| &version.blocks);
        section(
            "CommittedBlocks",
            &mut committed.map(|(id, length)| (id.as_str(), *length)),
        );
    }
    if wanted != "committed" {
        let uncommitted = blob
            .uncommitted
            .iter()
            .map(|(id, bytes)| (id.as_str(), bytes.len() as u64));
        section("UncommittedBlocks", &mut { uncommitted });
    }
    body.push_str("</BlockList>");
    let answer = Answer::xml(200, &body);
    Ok(match &blob.current {
        Some(version) => answer
            .with_header("etag", version.etag.clone())
            .with_header("x-ms-blob-content-length", version.content.length().to_string()),
        None => answer,
    })
}
