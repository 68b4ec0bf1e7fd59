//! Resources without behaviour: answered as the scenario has them.

use serde_json::{Value, json};

use super::disk::missing;
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let resource = world.resources.get(&arm.path.key()).ok_or_else(|| missing(arm))?;
    Ok(Answer::json(200, resource))
}

/// All resources of a kind, directly at the scope or anywhere below it.
pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tail = arm.path.tail.as_deref().unwrap_or_default();
    let kind = format!("{}/{tail}", arm.path.kind);
    let below = format!("{}/", arm.path.resource_id().to_lowercase());
    let of_kind = |resource: &Value| {
        resource["type"]
            .as_str()
            .is_some_and(|own| own.eq_ignore_ascii_case(&kind))
    };
    let value: Vec<&Value> = world
        .resources
        .iter()
        .filter(|(key, one)| key.starts_with(&below) && of_kind(one))
        .map(|(_, one)| one)
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

/// Subscriptions and resource groups themselves.
pub(crate) fn read_group_level(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tenant = world.scenario.tenant();
    let describe = |subscription: &str| {
        json!({
            "id": format!("/subscriptions/{subscription}"), "subscriptionId": subscription, "tenantId": tenant,
            "displayName": "simulated", "state": "Enabled", "authorizationSource": "RoleBased",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"
            }
        })
    };
    let group_of = |subscription: &str, name: &str, location: &str| {
        json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/{name}"), "name": name, "location": location,
            "type": "Microsoft.Resources/resourceGroups", "properties": {"provisioningState": "Succeeded"}
        })
    };
    let path = arm.call.path.trim_matches('/').to_lowercase();
    let body = match (path.split('/').count(), &arm.path.subscription, &arm.path.group) {
        (1, None, None) if path == "subscriptions" => {
            let all: Vec<Value> = world
                .scenario
                .subscriptions
                .iter()
                .map(|one| describe(one))
                .collect();
            json!({"value": all})
        }
        (2, Some(subscription), None) => describe(subscription),
        (3, Some(subscription), None) if path.ends_with("/resourcegroups") => {
            let groups = world.scenario.resource_groups.iter();
            let all: Vec<Value> = groups
                .map(|(name, location)| group_of(subscription, name, location))
                .collect();
            json!({"value": all})
        }
        (4, Some(subscription), Some(group)) => {
            let known = world
                .scenario
                .resource_groups
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(group));
            let (name, location) = known.ok_or_else(|| missing(arm))?;
            group_of(subscription, name, location)
        }
        _ => {
            return Err(Refusal::new(
                404,
                "InvalidResourceType",
                "The resource type could not be found.",
            )
            .by_gateway());
        }
    };
    Ok(Answer::json(200, &body))
}
