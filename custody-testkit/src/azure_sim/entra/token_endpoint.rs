use jiff::Timestamp;
use serde_json::json;

use super::token;
use crate::azure_sim::address::Service;
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::{Answer, Call, Query};
use crate::azure_sim::scenario::Identity;
use crate::azure_sim::world::World;

/// Answers a call to Entra.
pub(crate) fn answer(world: &mut World, call: &Call) -> Answer {
    let path = call.path.trim_matches('/').to_string();
    let segments: Vec<&str> = path.split('/').collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => discovery(world, call, tenant),
        ("GET", ["common", "discovery", "instance"]) => instance_discovery(world, call),
        ("GET", [_, "discovery", "v2.0", "keys"]) => Answer::json(200, &json!({"keys": []})),
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => match issue(world, call, tenant) {
            Ok(answer) => answer,
            Err(refusal) => refused(world, call.at, &refusal),
        },
        _ => Answer::json(
            404,
            &json!({"error": "invalid_request", "error_description": "AADSTS900144: no such path"}),
        ),
    }
}

/// Why no token is issued. Status, error and number are Microsoft's documented ones; the sentences are ours.
struct Refusal {
    status: u16,
    error: &'static str,
    number: u32,
    description: String,
}

fn refused(world: &mut World, now: Timestamp, refusal: &Refusal) -> Answer {
    let (trace, correlation) = (world.fresh_guid("trace"), world.fresh_guid("correlation"));
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace}",
        refusal.number, refusal.description
    );
    Answer::json(
        refusal.status,
        &json!({
            "error": refusal.error, "error_description": description, "error_codes": [refusal.number],
            "timestamp": long_date(now), "trace_id": trace, "correlation_id": correlation,
        }),
    )
}

fn issue(world: &mut World, call: &Call, tenant: &str) -> Result<Answer, Refusal> {
    let refuse = |status, error, number, description: &str| Refusal {
        status,
        error,
        number,
        description: description.into(),
    };
    if !world
        .scenario
        .tenants
        .iter()
        .any(|known| known.eq_ignore_ascii_case(tenant))
    {
        return Err(refuse(400, "invalid_request", 90002, "Tenant not found."));
    }
    let form = Query::parse(&String::from_utf8_lossy(&call.body).replace('+', "%20"));
    if !form.is("grant_type", "client_credentials") {
        return Err(refuse(
            400,
            "unsupported_grant_type",
            70003,
            "The grant type is not supported.",
        ));
    }
    let client = form.value("client_id").unwrap_or_default();
    let identity = world
        .scenario
        .identities
        .iter()
        .find(|identity| identity.client_id.eq_ignore_ascii_case(client))
        .filter(|identity| {
            identity
                .tenant
                .as_deref()
                .is_none_or(|own| own.eq_ignore_ascii_case(tenant))
        })
        .cloned()
        .ok_or_else(|| {
            refuse(
                400,
                "unauthorized_client",
                700_016,
                "Application not found in the directory.",
            )
        })?;
    if let Some(secret) = form.value("client_secret") {
        if identity.client_secret.as_deref() != Some(secret) {
            return Err(refuse(
                401,
                "invalid_client",
                7_000_215,
                "Invalid client secret provided.",
            ));
        }
    } else if !assertion_holds(world, &identity, &form, call.at) {
        return Err(refuse(
            401,
            "invalid_client",
            700_027,
            "The client assertion is not valid.",
        ));
    }
    let scope = form.value("scope").unwrap_or_default();
    let wanted = scope.split(' ').find_map(|part| part.strip_suffix("/.default"));
    let audience = wanted
        .map(|wanted| wanted.trim_end_matches('/'))
        .filter(|wanted| known_audience(world, wanted));
    let Some(audience) = audience else {
        return Err(refuse(
            400,
            "invalid_resource",
            500_011,
            "The resource principal was not found in the tenant.",
        ));
    };
    let life = world.scenario.timing.token_seconds;
    let token = token::issue(world, &identity, audience, call.at);
    Ok(Answer::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}),
    ))
}

/// A signed statement of who the client is: form, audience and life are checked, the signature is not.
fn assertion_holds(world: &World, identity: &Identity, form: &Query, now: Timestamp) -> bool {
    const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    if !identity.assertion || !form.is("client_assertion_type", KIND) {
        return false;
    }
    let Some(claims) = form.value("client_assertion").and_then(token::unverified_claims) else {
        return false;
    };
    let audience = claims["aud"].as_str().unwrap_or_default();
    let own = world
        .addresses
        .locate(audience)
        .is_some_and(|(service, _, _)| service == Service::Entra);
    let federated = audience == "api://AzureADTokenExchange";
    let subject = claims["sub"].as_str().unwrap_or_default();
    (federated || own && subject.eq_ignore_ascii_case(&identity.client_id))
        && claims["exp"]
            .as_i64()
            .is_some_and(|expires| expires > now.as_second())
}

/// Whether tokens can be asked for that audience: the cloud's own services only.
pub(super) fn known_audience(world: &World, audience: &str) -> bool {
    let cloud = &world.scenario.cloud;
    let host = audience.strip_prefix("https://").unwrap_or_default();
    // Clients that know nothing but loopback ask for tokens of where they go.
    audience == cloud.management_audience()
        || audience == cloud.storage_audience
        || audience == "https://management.core.windows.net"
        || host == cloud.vault_suffix
        || host == "disk.azure.com"
        || host.ends_with(&format!(".{}", cloud.blob_suffix))
        || world
            .addresses
            .locate(audience)
            .is_some_and(|(service, _, _)| service == Service::Arm)
}

fn discovery(world: &World, call: &Call, tenant: &str) -> Answer {
    if !world
        .scenario
        .tenants
        .iter()
        .any(|known| known.eq_ignore_ascii_case(tenant))
    {
        let body = json!({"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."});
        return Answer::json(400, &body);
    }
    let base = world.addresses.base(call.way, &Service::Entra);
    Answer::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid"],
            "issuer": format!("{base}/{tenant}/v2.0"),
            "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        }),
    )
}

fn instance_discovery(world: &World, call: &Call) -> Answer {
    let base = world.addresses.base(call.way, &Service::Entra);
    let host = world.scenario.cloud.login_host.clone();
    let tenant = world.scenario.tenant();
    Answer::json(
        200,
        &json!({
            "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}
