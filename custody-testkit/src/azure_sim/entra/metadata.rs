use serde_json::json;

use super::token;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::scenario::{Identity, ManagedIdentity};
use crate::azure_sim::world::World;

/// Answers a call to the instance metadata service.
pub(crate) fn answer(world: &mut World, call: &Call) -> Answer {
    let error = |status, error: &str, description: &str| {
        Answer::json(status, &json!({"error": error, "error_description": description}))
    };
    if !call.header_is("metadata", "true") || call.header("x-forwarded-for").is_some() {
        return error(400, "bad_request_102", "Required metadata header not specified");
    }
    if call.method != "GET" || call.path != "/metadata/identity/oauth2/token" {
        return error(404, "not_found", "no such path");
    }
    if world.metadata_misses_left > 0 {
        world.metadata_misses_left -= 1;
        return error(404, "not_found", "the identity endpoint is not ready");
    }
    if !call.query.has("api-version") {
        return error(400, "bad_request", "api-version is missing");
    }
    let Some(resource) = call
        .query
        .value("resource")
        .map(|text| text.trim_end_matches('/').to_string())
    else {
        return error(400, "invalid_request", "resource is missing");
    };
    if !super::token_endpoint::known_audience(world, &resource) {
        return error(400, "invalid_resource", "the resource is not known");
    }
    let Some(identity) = chosen(world, call) else {
        return error(400, "invalid_request", "Identity not found");
    };
    let life = world.scenario.timing.token_seconds;
    let token = token::issue(world, &identity, &resource, call.at);
    let now = call.at.as_second();
    let expires = now + i64::try_from(life).unwrap_or(3599);
    Answer::json(
        200,
        &json!({
            "access_token": token, "client_id": identity.client_id, "expires_in": life.to_string(),
            "expires_on": expires.to_string(), "ext_expires_in": life.to_string(),
            "not_before": now.to_string(), "resource": resource, "token_type": "Bearer"
        }),
    )
}

/// The identity that the caller names, or the machine's own.
fn chosen(world: &World, call: &Call) -> Option<Identity> {
    let mut managed = world
        .scenario
        .identities
        .iter()
        .filter(|identity| identity.managed.is_some());
    let named = |name: &str| call.query.value(name).map(str::to_lowercase);
    let resource_id = named("msi_res_id").or_else(|| named("mi_res_id"));
    let found = match (named("client_id"), named("object_id"), resource_id) {
        (Some(id), None, None) => managed.find(|identity| identity.client_id.to_lowercase() == id),
        (None, Some(id), None) => managed.find(|identity| identity.object_id.to_lowercase() == id),
        (None, None, Some(id)) => managed.find(|identity| {
            matches!(&identity.managed, Some(ManagedIdentity::UserAssigned(own)) if own.to_lowercase() == id)
        }),
        (None, None, None) => managed.find(|identity| identity.managed == Some(ManagedIdentity::System)),
        _ => None,
    };
    found.cloned()
}
