use super::checksum::check_body;
use super::refusal::Refused;
use super::source;
use super::state::{BlobPlace, Kind};
use super::worm::Change;
use super::writing::{existing, install, new_version, with_checksums, written};
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

/// Source: "Scalability targets for Blob storage": blocks of an append blob.
const MAX_BLOCKS: u64 = 50_000;
/// Source: the same: one Append Block; 4 MiB before version 2022-11-02.
const MAX_APPEND_BYTES: usize = 100 << 20;

/// Put Blob, of an append blob: empty.
pub(super) fn create(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    if !call.body.is_empty() {
        return Err(Refused::header("content-length"));
    }
    let version = new_version(world, call, place, Kind::Append, Content::Zeros(0))?;
    install(world, place, version)
}

/// Append Block, and its form with a source.
pub(super) fn append(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    check_body(call)?;
    let bytes = match call.header("x-ms-copy-source") {
        Some(_) => source::range(world, call)?,
        None => call.body.clone(),
    };
    if bytes.len() > MAX_APPEND_BYTES {
        return Err(Refused::new(
            413,
            "RequestBodyTooLarge",
            "The request body is too large.",
        ));
    }
    if bytes.is_empty() {
        return Err(Refused::header("content-length"));
    }
    let etag = world.fresh_etag();
    let version = existing(world, call, place, Some(Kind::Append), Change::Append)?;
    if version.sealed {
        return Err(Refused::new(
            409,
            "BlobIsSealed",
            "The specified blob is sealed and its contents can't be modified.",
        ));
    }
    let offset = version.content.length();
    if call
        .number("x-ms-blob-condition-appendpos")
        .is_some_and(|expected| expected != offset)
    {
        return Err(Refused::new(
            412,
            "AppendPositionConditionNotMet",
            "The append position condition specified was not met.",
        ));
    }
    let most = call.number("x-ms-blob-condition-maxsize");
    if most.is_some_and(|most| offset + bytes.len() as u64 > most) {
        return Err(Refused::new(
            412,
            "MaxBlobSizeConditionNotMet",
            "The max blob size condition specified was not met.",
        ));
    }
    if version.appended_blocks >= MAX_BLOCKS {
        return Err(Refused::new(
            409,
            "BlockCountExceedsLimit",
            "The committed block count cannot exceed 50,000.",
        ));
    }
    version.content.write(offset, bytes);
    version.appended_blocks += 1;
    version.touch(etag, call.at);
    let answer = written(version, 201)
        .with_header("x-ms-blob-append-offset", offset.to_string())
        .with_header(
            "x-ms-blob-committed-block-count",
            version.appended_blocks.to_string(),
        );
    Ok(with_checksums(answer, call))
}

/// Append Blob Seal.
pub(super) fn seal(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let etag = world.fresh_etag();
    let version = existing(world, call, place, Some(Kind::Append), Change::Properties)?;
    version.sealed = true;
    version.touch(etag, call.at);
    Ok(written(version, 200).with_header("x-ms-blob-sealed", "true"))
}
