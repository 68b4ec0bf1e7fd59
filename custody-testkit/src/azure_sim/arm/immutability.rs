use serde_json::{Value, json};

use super::container::missing_container;
use super::storage_account::account_of;
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::blob::{Container, Policy};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

/// Source: "Overview of immutable storage": the retention interval.
const MAX_DAYS: u64 = 146_000;
/// Source: the same page: how often a locked policy can be extended.
const MAX_EXTENSIONS: u32 = 5;

pub(crate) fn route(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tail = arm.path.tail.as_deref().map(str::to_lowercase);
    let etag = world.fresh_etag();
    let id = arm.path.resource_id();
    let name = arm.path.names.get(2).cloned().unwrap_or_default();
    let account = account_of(world, arm).ok_or_else(|| super::disk::missing(arm))?;
    let container = account.containers.get_mut(&name).ok_or_else(missing_container)?;
    match (arm.call.method.as_str(), tail.as_deref()) {
        ("GET", None) => {}
        ("PUT", None) => put(container, arm, etag)?,
        ("DELETE", None) => remove(container, arm)?,
        ("POST", Some("lock")) => lock(container, arm, etag)?,
        ("POST", Some("extend")) => extend(container, arm, etag)?,
        _ => {
            return Err(Refusal::new(
                405,
                "HttpMethodNotSupported",
                "Not supported for immutability policies.",
            ));
        }
    }
    let body = render(container, &id);
    let answer = Answer::json(200, &body);
    Ok(match body["etag"].as_str().filter(|etag| !etag.is_empty()) {
        Some(etag) => answer.with_header("etag", etag),
        None => answer,
    })
}

fn render(container: &Container, id: &str) -> Value {
    let body = |etag: &str, properties: Value| {
        json!({
            "id": id, "name": "default", "etag": etag, "properties": properties,
            "type": "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies"
        })
    };
    match &container.policy {
        Some(policy) => body(
            &policy.etag,
            json!({
                "immutabilityPeriodSinceCreationInDays": policy.days, "state": policy.state(),
                "allowProtectedAppendWrites": policy.appends, "allowProtectedAppendWritesAll": policy.appends_all
            }),
        ),
        None => body(
            "",
            json!({"immutabilityPeriodSinceCreationInDays": 0, "state": "Unlocked"}),
        ),
    }
}

/// The policy, if the request states its ETag.
fn named<'a>(container: &'a mut Container, arm: &ArmCall<'_>) -> Result<&'a mut Policy, Refusal> {
    let missing = || {
        Refusal::new(
            404,
            "ImmutabilityPolicyNotFound",
            "The container has no immutability policy.",
        )
    };
    let policy = container.policy.as_mut().ok_or_else(missing)?;
    match arm.call.header("if-match") {
        None => {
            Err(Refusal::new(400, "MissingRequiredHeader", "The header If-Match is required.").at("If-Match"))
        }
        Some(etag) if etag == policy.etag || etag == "*" => Ok(policy),
        Some(_) => Err(Refusal::new(
            412,
            "PreconditionFailed",
            "The ETag is not that of the policy.",
        )),
    }
}

fn days_of(arm: &ArmCall<'_>) -> Result<u32, Refusal> {
    let days = arm.body["properties"]["immutabilityPeriodSinceCreationInDays"].as_u64();
    match days {
        Some(days @ 1..=MAX_DAYS) => Ok(u32::try_from(days).unwrap_or(u32::MAX)),
        _ => Err(Refusal::parameter(
            "immutabilityPeriodSinceCreationInDays",
            format!("1 to {MAX_DAYS} days."),
        )),
    }
}

fn put(container: &mut Container, arm: &ArmCall<'_>, etag: String) -> Result<(), Refusal> {
    let days = days_of(arm)?;
    let flag = |name: &str| arm.body["properties"][name].as_bool().unwrap_or(false);
    let (appends, appends_all) = (
        flag("allowProtectedAppendWrites"),
        flag("allowProtectedAppendWritesAll"),
    );
    if appends && appends_all {
        return Err(Refusal::parameter(
            "allowProtectedAppendWrites",
            "Only one of the two can be set.",
        ));
    }
    if container.policy.is_some() && arm.call.header("if-match").is_some() {
        named(container, arm)?;
    }
    if container.policy.as_ref().is_some_and(|policy| policy.locked) {
        return Err(Refusal::new(
            409,
            "ImmutabilityPolicyLocked",
            "A locked policy can only be extended.",
        ));
    }
    let mut policy = Policy {
        etag,
        days,
        locked: false,
        appends,
        appends_all,
        extensions: 0,
        history: Vec::new(),
    };
    policy.history.push(update("put", days, arm));
    container.policy = Some(policy);
    Ok(())
}

fn remove(container: &mut Container, arm: &ArmCall<'_>) -> Result<(), Refusal> {
    if named(container, arm)?.locked {
        return Err(Refusal::new(
            409,
            "ImmutabilityPolicyLocked",
            "A locked policy cannot be deleted.",
        ));
    }
    container.policy = None;
    Ok(())
}

fn lock(container: &mut Container, arm: &ArmCall<'_>, etag: String) -> Result<(), Refusal> {
    let policy = named(container, arm)?;
    policy.locked = true;
    policy.etag = etag;
    policy.history.push(update("lock", policy.days, arm));
    Ok(())
}

fn extend(container: &mut Container, arm: &ArmCall<'_>, etag: String) -> Result<(), Refusal> {
    let days = days_of(arm)?;
    let policy = named(container, arm)?;
    if !policy.locked || days < policy.days {
        return Err(Refusal::new(
            409,
            "OperationNotAllowed",
            "Only a locked policy is extended, and only to more days.",
        ));
    }
    if policy.extensions >= MAX_EXTENSIONS {
        return Err(Refusal::new(
            409,
            "OperationNotAllowed",
            format!("The policy was extended {MAX_EXTENSIONS} times."),
        ));
    }
    policy.extensions += 1;
    policy.days = days;
    policy.etag = etag;
    policy.history.push(update("extend", days, arm));
    Ok(())
}

fn update(kind: &str, days: u32, arm: &ArmCall<'_>) -> Value {
    json!({
        "update": kind, "immutabilityPeriodSinceCreationInDays": days, "timestamp": long_date(arm.call.at),
        "objectIdentifier": arm.principal.object_id, "tenantId": arm.principal.tenant
    })
}
