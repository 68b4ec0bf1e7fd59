use super::properties::describe_container;
use super::refusal::Refused;
use super::state::{BlobPlace, Container};
use super::writing::container_of;
use crate::azure_sim::clock::http_date;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

/// Create Container.
pub(super) fn create(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let etag = world.fresh_etag();
    let account = world
        .accounts
        .get_mut(&place.account)
        .ok_or_else(Refused::no_container)?;
    if account.containers.contains_key(&place.container) {
        return Err(Refused::new(
            409,
            "ContainerAlreadyExists",
            "The specified container already exists.",
        ));
    }
    let mut container = Container::new(&place.container, etag.clone(), call.at);
    container.metadata = call.metadata();
    account.containers.insert(place.container.clone(), container);
    Ok(Answer::empty(201)
        .with_header("etag", etag)
        .with_header("last-modified", http_date(call.at)))
}

/// Get Container Properties.
pub(super) fn properties(world: &mut World, place: &BlobPlace) -> Result<Answer, Refused> {
    let container = container_of(world, place)?;
    let mut answer = Answer::empty(200);
    describe_container(&mut answer, container);
    Ok(answer)
}

/// Delete Container.
pub(super) fn delete(world: &mut World, place: &BlobPlace) -> Result<Answer, Refused> {
    let container = container_of(world, place)?;
    let protected =
        container.policy.is_some() || !container.hold_tags.is_empty() || container.version_level_worm;
    if protected {
        return Err(Refused::new(
            409,
            "ContainerImmutable",
            "The container is protected: it can be deleted through Resource Manager only, and only when empty.",
        ));
    }
    let account = world
        .accounts
        .get_mut(&place.account)
        .ok_or_else(Refused::no_container)?;
    account.containers.remove(&place.container);
    Ok(Answer::empty(202))
}
