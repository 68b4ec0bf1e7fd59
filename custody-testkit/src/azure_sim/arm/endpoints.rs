use serde_json::json;

use crate::azure_sim::address::Service;
use crate::azure_sim::http::{Answer, Call};
use crate::azure_sim::world::World;

/// The cloud's own description of itself, which needs no token. From 2022-09-01 on it is one object.
pub(super) fn answer(world: &World, call: &Call) -> Answer {
    let cloud = &world.scenario.cloud;
    let base = |service| world.addresses.base(call.way, &service);
    let management = base(Service::Arm);
    let body = json!({
        "name": cloud.name,
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": base(Service::Entra), "audiences": [cloud.management_audience()],
            "tenant": "common", "identityProvider": "AAD"
        },
        "resourceManager": management,
        "graphAudience": "https://graph.microsoft.com/",
        "suffixes": {
            "storage": cloud.blob_suffix.strip_prefix("blob.").unwrap_or(&cloud.blob_suffix),
            "keyVaultDns": cloud.vault_suffix
        }
    });
    if call
        .query
        .value("api-version")
        .is_some_and(|version| version < "2022-09-01")
    {
        return Answer::json(200, &json!([body]));
    }
    Answer::json(200, &body)
}
