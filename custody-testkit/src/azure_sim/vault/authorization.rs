use super::Outcome;
use super::refusal::Refusal;
use super::state::VaultState;
use crate::azure_sim::address::Service;
use crate::azure_sim::entra::{Principal, principal_of};
use crate::azure_sim::http::Call;
use crate::azure_sim::world::World;

/// A right in a vault: by the name of the data action, and by the one in access policies.
///
/// Source: the resource provider's API description 2023-07-01 for the second; the built-in roles of Key Vault for the
/// first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// `secrets` or `keys`.
    pub(super) kind: &'static str,
    pub(super) action: &'static str,
    pub(super) permission: &'static str,
}

/// Who calls, when the caller may do that.
pub(super) fn authorize(
    world: &World,
    call: &Call,
    vault: &VaultState,
    need: Need,
    name: &str,
) -> Outcome<()> {
    let principal = authenticate(world, call)?;
    admit(call, vault)?;
    let settings = &vault.settings;
    if settings.rbac {
        let (kind, action) = (need.kind, need.action);
        let action = format!("Microsoft.KeyVault/vaults/{kind}/{action}");
        let object = if name.is_empty() {
            String::new()
        } else {
            format!("/{kind}/{name}")
        };
        let scope = format!("{}{object}", vault.id);
        if world.may_on_data(&principal, &action, &scope) {
            return Ok(());
        }
        let message = format!(
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role \
             definitions were changed recently, please observe propagation time.\r\nCaller: \
             appid={};oid={}\r\nAction: '{action}'\r\nResource: '{}'\r\nAssignment: (not found)",
            principal.client_id,
            principal.object_id,
            scope.to_lowercase()
        );
        return Err(Refusal::forbidden("ForbiddenByRbac", message));
    }
    let policy = settings
        .access_policies
        .iter()
        .find(|policy| policy.object_id == principal.object_id);
    let permissions = policy.map(|policy| match need.kind {
        "secrets" => &policy.secrets,
        _ => &policy.keys,
    });
    let is_named = |permission: &String| {
        permission.eq_ignore_ascii_case(need.permission) || permission.eq_ignore_ascii_case("all")
    };
    if permissions.is_some_and(|list| list.iter().any(is_named)) {
        return Ok(());
    }
    let message = format!(
        "The user, group or application 'appid={};oid={};iss=https://sts.windows.net/{}/' does not have {} {} \
         permission on key vault '{};location={}'. For help resolving this issue, please see \
         https://go.microsoft.com/fwlink/?linkid=2125287",
        principal.client_id,
        principal.object_id,
        principal.tenant,
        need.kind,
        need.permission,
        settings.name,
        settings.location
    );
    Err(Refusal::forbidden("AccessDenied", message))
}

/// Who calls, by the token; a call without one is told where it is to be had.
fn authenticate(world: &World, call: &Call) -> Outcome<Principal> {
    let audience = format!("https://{}", world.scenario.cloud.vault_suffix);
    let token = principal_of(
        world,
        call.header("authorization"),
        std::slice::from_ref(&audience),
        call.at,
    );
    token.map_err(|fault| {
        let authority = world.addresses.base(call.way, &Service::Entra);
        let tenant = world.scenario.tenant();
        let header = format!("Bearer authorization=\"{authority}/{tenant}\", resource=\"{audience}\"");
        let message = match fault {
            crate::azure_sim::entra::TokenFault::Missing => {
                "AKV10000: Request is missing a Bearer or PoP token."
            }
            crate::azure_sim::entra::TokenFault::Expired => "AKV10046: The token is expired.",
            _ => "AKV10022: The token is not one for this service.",
        };
        Refusal::challenge(header, message)
    })
}

/// Whether network rules let the caller in.
fn admit(call: &Call, vault: &VaultState) -> Outcome<()> {
    let settings = &vault.settings;
    if !settings.public_network_access {
        return Err(Refusal::forbidden(
            "ForbiddenByConnection",
            "Public network access is disabled and request is not from a trusted service nor via an approved private \
             link.",
        ));
    }
    let from = call.from.to_string();
    let is_named = |rule: &String| rule.trim_end_matches("/32") == from;
    if settings.network_default_deny && !settings.network_allowed.iter().any(is_named) {
        let message = format!(
            "Client address is not authorized and caller is not a trusted service.\r\nClient address: {from}\r\nVault: \
             {};location={}",
            settings.name, settings.location
        );
        return Err(Refusal::forbidden("ForbiddenByFirewall", message));
    }
    Ok(())
}
