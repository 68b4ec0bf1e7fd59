use serde_json::{Value, json};

use super::ArmCall;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::RoleGrant;
use crate::azure_sim::world::World;

/// Whether a grant at one scope counts at another.
fn reaches(role: &RoleGrant, scope: &str) -> bool {
    let at = role.scope.to_lowercase();
    let below = scope.strip_prefix(at.trim_end_matches('/'));
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the caller may do at a scope.
pub(crate) fn permissions(world: &World, arm: &ArmCall<'_>) -> Answer {
    let scope = arm.path.scope.to_lowercase();
    let own = world
        .scenario
        .identities
        .iter()
        .filter(|identity| identity.object_id == arm.principal.object_id);
    let value: Vec<Value> = own
        .flat_map(|identity| &identity.roles)
        .filter(|role| reaches(role, &scope))
        .map(|role| {
            json!({
                "actions": role.actions, "notActions": role.not_actions,
                "dataActions": role.data_actions, "notDataActions": role.not_actions
            })
        })
        .collect();
    Answer::json(200, &json!({"value": value}))
}

/// Who has which role at a scope.
pub(crate) fn role_assignments(world: &World, arm: &ArmCall<'_>) -> Answer {
    let scope = arm.path.scope.to_lowercase();
    let subscription = arm.path.subscription.as_deref().unwrap_or_default();
    let mut value = Vec::new();
    for identity in &world.scenario.identities {
        for (number, role) in identity
            .roles
            .iter()
            .enumerate()
            .filter(|(_, role)| reaches(role, &scope))
        {
            let name = keyed::guid(&format!("assignment {} {number}", identity.object_id));
            let definition = keyed::guid(&format!("definition {} {:?}", role.scope, role.actions));
            let at = role.scope.trim_end_matches('/');
            let provider = "providers/Microsoft.Authorization";
            value.push(json!({
                "id": format!("{at}/{provider}/roleAssignments/{name}"), "name": name,
                "type": "Microsoft.Authorization/roleAssignments",
                "properties": {
                    "roleDefinitionId": format!("/subscriptions/{subscription}/{provider}/roleDefinitions/{definition}"),
                    "principalId": identity.object_id, "principalType": "ServicePrincipal", "scope": role.scope,
                    "createdOn": "2026-01-05T08:00:00Z", "updatedOn": "2026-01-05T08:00:00Z"
                }
            }));
        }
    }
    let assigned = |one: &&Value| {
        let kind = one["type"].as_str().unwrap_or_default();
        let at = one["properties"]["scope"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        kind.eq_ignore_ascii_case("Microsoft.Authorization/roleAssignments") && scope.starts_with(&at)
    };
    value.extend(world.resources.values().filter(assigned).cloned());
    Answer::json(200, &json!({"value": value}))
}
