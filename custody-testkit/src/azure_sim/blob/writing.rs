//! What all ways to write a blob have in common.

use jiff::Timestamp;

use super::checksum;
use super::conditions;
use super::properties::version_id;
use super::refusal::Refused;
use super::state::{BlobPlace, Container, Kind, Version};
use super::worm::{self, Change};
use crate::azure_sim::clock::http_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

pub(super) fn container_of<'a>(
    world: &'a mut World,
    place: &BlobPlace,
) -> Result<&'a mut Container, Refused> {
    let account = world
        .accounts
        .get_mut(&place.account)
        .ok_or_else(Refused::no_container)?;
    account
        .containers
        .get_mut(&place.container)
        .ok_or_else(Refused::no_container)
}

/// Refuses a write to a name as long as a copy to it is not finished.
pub(super) fn refuse_pending(version: &Version) -> Result<(), Refused> {
    if version.is_pending() {
        return Err(Refused::new(
            409,
            "PendingCopyOperation",
            "There is currently a pending copy operation.",
        ));
    }
    Ok(())
}

/// Checks that a name may get a new content, and makes the version that will be there, with what the headers say.
pub(super) fn new_version(
    world: &mut World,
    call: &Call,
    place: &BlobPlace,
    kind: Kind,
    content: Content,
) -> Result<Version, Refused> {
    let etag = world.fresh_etag();
    let container = container_of(world, place)?;
    let existing = container
        .blobs
        .get(&place.blob)
        .and_then(|blob| blob.current.as_ref());
    conditions::check(call, existing)?;
    if let Some(existing) = existing {
        refuse_pending(existing)?;
        worm::permit(container, existing, Change::Overwrite, call.at)?;
    }
    let mut version = Version::new(kind, content, etag, call.at);
    version.metadata = call.metadata();
    let kind_header = if call.header("x-ms-blob-type").is_some() {
        call.header("content-type")
    } else {
        None
    };
    if let Some(content_type) = call.header("x-ms-blob-content-type").or(kind_header) {
        version.content_type = content_type.into();
    }
    version.content_md5 = call.header("x-ms-blob-content-md5").map(str::to_string);
    (version.policy, version.hold) = immutability_of(call, container)?;
    Ok(version)
}

/// What the headers of a write say about the new version's own policy and hold.
fn immutability_of(call: &Call, container: &Container) -> Result<(Option<(Timestamp, bool)>, bool), Refused> {
    let until = call.header("x-ms-immutability-policy-until-date");
    let hold = call.header("x-ms-legal-hold");
    if (until.is_some() || hold.is_some()) && !container.version_level_worm {
        // Source: the header is "only applicable to a blob within a container that has version level worm enabled". The
        // code is not verified.
        return Err(Refused::new(
            409,
            "BlobImmutabilityPolicyNotSupported",
            "Version-level immutability is not enabled on the container.",
        ));
    }
    let locked = call.header_is("x-ms-immutability-policy-mode", "Locked");
    let policy = match until {
        None => None,
        Some(_) => {
            let until = call.instant("x-ms-immutability-policy-until-date");
            Some((
                until.ok_or_else(|| Refused::header("x-ms-immutability-policy-until-date"))?,
                locked,
            ))
        }
    };
    Ok((policy, hold.is_some_and(|hold| hold.eq_ignore_ascii_case("true"))))
}

/// Puts a version under its name, and keeps the one before it where the account keeps versions.
pub(super) fn install(world: &mut World, place: &BlobPlace, mut version: Version) -> Result<Answer, Refused> {
    let ordinal = world.names;
    let keeps = world
        .accounts
        .get(&place.account)
        .is_some_and(|account| account.settings.versioning);
    let container = container_of(world, place)?;
    let blob = container.blobs.entry(place.blob.clone()).or_default();
    if keeps {
        version.id = Some(version_id(version.modified, ordinal));
    }
    let answer = written(&version, 201);
    let before = blob.current.replace(version);
    if keeps {
        blob.previous.extend(before);
    }
    blob.uncommitted.clear();
    Ok(answer)
}

/// The answer to a write.
pub(super) fn written(version: &Version, status: u16) -> Answer {
    let answer = Answer::empty(status)
        .with_header("etag", version.etag.clone())
        .with_header("last-modified", http_date(version.modified))
        .with_header("x-ms-request-server-encrypted", "true");
    match &version.id {
        Some(id) => answer.with_header("x-ms-version-id", id.clone()),
        None => answer,
    }
}

/// Adds the checksums of the call's body to an answer.
pub(super) fn with_checksums(answer: Answer, call: &Call) -> Answer {
    answer
        .with_header("content-md5", checksum::md5_base64(&call.body))
        .with_header("x-ms-content-crc64", checksum::crc64_base64(&call.body))
}

/// The version that a change of an existing blob is about, if the change may be made.
pub(super) fn existing<'a>(
    world: &'a mut World,
    call: &Call,
    place: &BlobPlace,
    kind: Option<Kind>,
    change: Change,
) -> Result<&'a mut Version, Refused> {
    let id = call.query.value("versionid").map(str::to_string);
    let container = container_of(world, place)?;
    let found = container
        .blobs
        .get(&place.blob)
        .and_then(|blob| blob.version(id.as_deref()));
    let version = found.ok_or_else(Refused::no_blob)?;
    if kind.is_some_and(|kind| kind != version.kind) {
        return Err(Refused::kind());
    }
    conditions::check(call, Some(version))?;
    refuse_pending(version)?;
    worm::permit(container, version, change, call.at)?;
    let blob = container
        .blobs
        .get_mut(&place.blob)
        .ok_or_else(Refused::no_blob)?;
    blob.version_mut(id.as_deref()).ok_or_else(Refused::no_blob)
}
