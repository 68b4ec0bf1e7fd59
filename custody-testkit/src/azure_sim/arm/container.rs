use serde_json::{Value, json};

use super::storage_account::account_of;
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::blob::{Container, HoldTag};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

/// Source: "Container-level WORM policies": tags of a legal hold.
const MAX_HOLD_TAGS: usize = 10;

pub(crate) fn missing_container() -> Refusal {
    Refusal::new(
        404,
        "ContainerNotFound",
        "The specified container does not exist.",
    )
}

pub(crate) fn route(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tail = arm.path.tail.as_deref().map(str::to_lowercase);
    match (arm.call.method.as_str(), tail.as_deref()) {
        ("GET", None) => read(world, arm),
        ("PUT" | "PATCH", None) => create(world, arm),
        ("DELETE", None) => delete(world, arm),
        ("POST", Some("setlegalhold")) => set_hold(world, arm),
        ("POST", Some("clearlegalhold")) => clear_hold(world, arm),
        _ => Err(Refusal::new(
            405,
            "HttpMethodNotSupported",
            "Not supported for containers.",
        )),
    }
}

fn container_of<'a>(world: &'a mut World, arm: &ArmCall<'_>) -> Result<&'a mut Container, Refusal> {
    let name = arm.path.names.get(2).cloned().unwrap_or_default();
    let account = account_of(world, arm).ok_or_else(|| super::disk::missing(arm))?;
    account.containers.get_mut(&name).ok_or_else(missing_container)
}

fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let id = arm.path.resource_id();
    let container = container_of(world, arm)?;
    Ok(Answer::json(200, &render(container, &id)).with_header("etag", container.etag.clone()))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let id = arm.path.resource_id();
    let account = account_of(world, arm).ok_or_else(|| super::disk::missing(arm))?;
    let each = account.containers.values();
    let value: Vec<Value> = each
        .map(|container| render(container, &format!("{id}/containers/{}", container.name)))
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

fn create(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let (id, name) = (arm.path.resource_id(), arm.path.name().to_string());
    let (etag, now) = (world.fresh_etag(), arm.call.at);
    let worm = arm.body["properties"]["immutableStorageWithVersioning"]["enabled"]
        .as_bool()
        .unwrap_or(false);
    let account = account_of(world, arm).ok_or_else(|| super::disk::missing(arm))?;
    if worm && !account.settings.versioning {
        return Err(Refusal::new(
            409,
            "BlobVersioningNotEnabled",
            "Versioning must be enabled on the account.",
        ));
    }
    let existed = account.containers.contains_key(&name);
    let container = account
        .containers
        .entry(name.clone())
        .or_insert_with(|| Container::new(&name, etag, now));
    container.version_level_worm |= worm;
    let body = render(container, &id);
    Ok(Answer::json(if existed { 200 } else { 201 }, &body).with_header("etag", container.etag.clone()))
}

fn delete(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let name = arm.path.name().to_string();
    let container = container_of(world, arm)?;
    if (container.policy.is_some() || !container.hold_tags.is_empty()) && !container.blobs.is_empty() {
        return Err(Refusal::new(
            409,
            "ContainerImmutableStorageWithData",
            "The container is protected by a policy or a hold and has blobs.",
        ));
    }
    account_of(world, arm)
        .ok_or_else(missing_container)?
        .containers
        .remove(&name);
    Ok(Answer::empty(200))
}

pub(super) fn render(container: &Container, id: &str) -> Value {
    let mut body = json!({
        "id": id, "name": container.name, "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
        "etag": container.etag,
        "properties": {
            "deleted": false, "remainingRetentionDays": 0, "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": false, "publicAccess": "None", "leaseStatus": "Unlocked",
            "leaseState": "Available", "lastModifiedTime": long_date(container.modified),
            "hasImmutabilityPolicy": container.policy.is_some(), "hasLegalHold": !container.hold_tags.is_empty()
        }
    });
    if container.version_level_worm {
        body["properties"]["immutableStorageWithVersioning"] = json!({"enabled": true, "migrationState": "Completed", "timeStamp": long_date(container.created)});
    }
    if let Some(policy) = &container.policy {
        body["properties"]["immutabilityPolicy"] = json!({
            "etag": policy.etag, "updateHistory": policy.history,
            "properties": {
                "immutabilityPeriodSinceCreationInDays": policy.days, "state": policy.state(),
                "allowProtectedAppendWrites": policy.appends, "allowProtectedAppendWritesAll": policy.appends_all
            }
        });
    }
    if !container.hold_tags.is_empty() {
        let tags: Vec<Value> = container
            .hold_tags
            .iter()
            .map(|tag| {
                json!({
                    "tag": tag.tag, "timestamp": long_date(tag.at), "objectIdentifier": tag.by, "tenantId": tag.tenant
                })
            })
            .collect();
        body["properties"]["legalHold"] = json!({
            "hasLegalHold": true, "tags": tags,
            "protectedAppendWritesHistory": {"allowProtectedAppendWritesAll": container.hold_appends_all}
        });
    }
    body
}

/// Tags in lower case, as the service keeps them; or why they are refused.
fn tags_of(arm: &ArmCall<'_>) -> Result<Vec<String>, Refusal> {
    let given = arm.body["tags"].as_array().cloned().unwrap_or_default();
    let tags: Vec<String> = given
        .iter()
        .filter_map(|tag| tag.as_str().map(str::to_lowercase))
        .collect();
    let legal =
        |tag: &String| (3..=23).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric());
    if tags.is_empty() || tags.len() != given.len() || !tags.iter().all(legal) {
        return Err(Refusal::new(400, "InvalidTags", "A tag has 3 to 23 letters and digits.").at("tags"));
    }
    Ok(tags)
}

fn set_hold(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tags = tags_of(arm)?;
    let etag = world.fresh_etag();
    let container = container_of(world, arm)?;
    for tag in &tags {
        if !container.hold_tags.iter().any(|known| known.tag == *tag) {
            container.hold_tags.push(HoldTag {
                tag: tag.clone(),
                at: arm.call.at,
                by: arm.principal.object_id.clone(),
                tenant: arm.principal.tenant.clone(),
            });
        }
    }
    if container.hold_tags.len() > MAX_HOLD_TAGS {
        container.hold_tags.truncate(MAX_HOLD_TAGS);
        return Err(Refusal::new(
            409,
            "MaximumTagsExceeded",
            format!("A container has at most {MAX_HOLD_TAGS} tags."),
        ));
    }
    container.etag = etag;
    container.hold_appends_all = arm.body["allowProtectedAppendWritesAll"]
        .as_bool()
        .unwrap_or(container.hold_appends_all);
    Ok(Answer::json(
        200,
        &json!({
            "hasLegalHold": true, "tags": container.hold_tags.iter().map(|tag| &tag.tag).collect::<Vec<_>>(),
            "allowProtectedAppendWritesAll": container.hold_appends_all
        }),
    ))
}

fn clear_hold(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tags = tags_of(arm)?;
    let etag = world.fresh_etag();
    let container = container_of(world, arm)?;
    container.hold_tags.retain(|known| !tags.contains(&known.tag));
    container.etag = etag;
    let left: Vec<&String> = container.hold_tags.iter().map(|tag| &tag.tag).collect();
    Ok(Answer::json(
        200,
        &json!({"hasLegalHold": !left.is_empty(), "tags": left}),
    ))
}
