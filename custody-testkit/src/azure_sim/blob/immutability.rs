//! A version's own policy and hold, where the container has version-level immutability.

use super::refusal::Refused;
use super::state::{BlobPlace, Version};
use super::writing::container_of;
use crate::azure_sim::clock::http_date;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

fn version_of<'a>(world: &'a mut World, call: &Call, place: &BlobPlace) -> Result<&'a mut Version, Refused> {
    let id = call.query.value("versionid").map(str::to_string);
    let container = container_of(world, place)?;
    if !container.version_level_worm {
        // The code is not verified.
        return Err(Refused::new(
            409,
            "BlobImmutabilityPolicyNotSupported",
            "Version-level immutability is not enabled on the container.",
        ));
    }
    let blob = container
        .blobs
        .get_mut(&place.blob)
        .ok_or_else(Refused::no_blob)?;
    blob.version_mut(id.as_deref()).ok_or_else(Refused::no_blob)
}

/// Set Blob Immutability Policy.
pub(super) fn set_policy(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let until = call.instant("x-ms-immutability-policy-until-date");
    let until = until.ok_or_else(|| Refused::header("x-ms-immutability-policy-until-date"))?;
    let locked = call.header_is("x-ms-immutability-policy-mode", "Locked");
    let version = version_of(world, call, place)?;
    if let Some((before, true)) = version.policy
        && (until < before || !locked)
    {
        return Err(Refused::new(
            409,
            "BlobImmutableDueToPolicy",
            "A locked policy can only be extended.",
        ));
    }
    version.policy = Some((until, locked));
    Ok(Answer::empty(200)
        .with_header("x-ms-immutability-policy-until-date", http_date(until))
        .with_header(
            "x-ms-immutability-policy-mode",
            if locked { "locked" } else { "unlocked" },
        ))
}

/// Delete Blob Immutability Policy.
pub(super) fn delete_policy(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let version = version_of(world, call, place)?;
    if version.policy.is_some_and(|(_, locked)| locked) {
        return Err(Refused::new(
            409,
            "BlobImmutableDueToPolicy",
            "A locked policy cannot be deleted.",
        ));
    }
    version.policy = None;
    Ok(Answer::empty(200))
}

/// Set Blob Legal Hold.
pub(super) fn set_hold(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let hold = match call.header("x-ms-legal-hold") {
        Some(value) => value.eq_ignore_ascii_case("true"),
        None => return Err(Refused::header("x-ms-legal-hold")),
    };
    version_of(world, call, place)?.hold = hold;
    Ok(Answer::empty(200).with_header("x-ms-legal-hold", hold.to_string()))
}
