use jiff::Timestamp;
use serde_json::{Value, json};

use crate::azure_sim::fault::FaultMatcher;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::Identity;
use crate::azure_sim::world::World;

/// Who calls, as the token says.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) client_id: String,
    pub(crate) object_id: String,
    pub(crate) tenant: String,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Missing,
    Invalid,
    WrongAudience,
    Expired,
}

/// Makes a token: a JWT that is signed with the simulator's own secret.
pub(crate) fn issue(world: &mut World, identity: &Identity, audience: &str, now: Timestamp) -> String {
    let tenant = identity
        .tenant
        .clone()
        .unwrap_or_else(|| world.scenario.tenant().to_string());
    let life = i64::try_from(world.scenario.timing.token_seconds).unwrap_or(3599);
    let mut claims = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{tenant}/"), "tid": tenant,
        "appid": identity.client_id, "azp": identity.client_id, "oid": identity.object_id, "sub": identity.object_id,
        "iat": now.as_second(), "nbf": now.as_second(), "exp": now.as_second() + life,
        "uti": world.fresh_guid("token"), "ver": "1.0", "idtyp": "app"
    });
    if identity.managed.is_some() {
        claims["xms_mirid"] = json!(format!("/managed/{}", identity.object_id));
    }
    let header = keyed::base64url(br#"{"typ":"JWT","alg":"HS256"}"#);
    let signed = format!("{header}.{}", keyed::base64url(claims.to_string().as_bytes()));
    let signature = keyed::base64url(&keyed::mac(&world.secret, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a token that was made here, whoever it is for.
fn claims(world: &World, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    if keyed::base64url(&keyed::mac(&world.secret, signed.as_bytes())) != signature {
        return None;
    }
    unverified_claims(token)
}

/// The claims of any JWT.
pub(crate) fn unverified_claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&keyed::from_base64url(payload)?).ok()
}

/// Who presents the value of an Authorization header, if the token is good for one of the audiences now.
pub(crate) fn principal_of(
    world: &World,
    authorization: Option<&str>,
    audiences: &[String],
    now: Timestamp,
) -> Result<Principal, TokenFault> {
    let token = authorization
        .ok_or(TokenFault::Missing)?
        .strip_prefix("Bearer ")
        .ok_or(TokenFault::Missing)?;
    let claims = claims(world, token).ok_or(TokenFault::Invalid)?;
    let audience = claims["aud"].as_str().unwrap_or_default().trim_end_matches('/');
    if !audiences
        .iter()
        .any(|candidate| candidate.trim_end_matches('/') == audience)
    {
        return Err(TokenFault::WrongAudience);
    }
    if claims["exp"]
        .as_i64()
        .is_none_or(|expires| expires <= now.as_second())
    {
        return Err(TokenFault::Expired);
    }
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_string();
    Ok(Principal {
        client_id: text("appid"),
        object_id: text("oid"),
        tenant: text("tid"),
    })
}

impl World {
    fn identity(&self, principal: &Principal) -> Option<&Identity> {
        self.scenario
            .identities
            .iter()
            .find(|identity| identity.object_id == principal.object_id)
    }

    /// Whether the caller may do an action of the control plane at a scope.
    pub(crate) fn may(&self, principal: &Principal, action: &str, scope: &str) -> bool {
        self.granted(principal, action, scope, |role| &role.actions)
    }

    /// Whether the caller may do an action on data at a scope.
    pub(crate) fn may_on_data(&self, principal: &Principal, action: &str, scope: &str) -> bool {
        self.granted(principal, action, scope, |role| &role.data_actions)
    }

    fn granted(
        &self,
        principal: &Principal,
        action: &str,
        scope: &str,
        list: impl Fn(&crate::azure_sim::scenario::RoleGrant) -> &Vec<String>,
    ) -> bool {
        let fits = |pattern: &String| {
            let matcher = FaultMatcher {
                path: pattern.clone(),
                ..FaultMatcher::default()
            };
            matcher.matches("", "", action, "")
        };
        let scope = scope.to_lowercase();
        self.identity(principal).is_some_and(|identity| {
            identity.roles.iter().any(|role| {
                let at = role.scope.to_lowercase();
                let below = scope.strip_prefix(at.trim_end_matches('/'));
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    && list(role).iter().any(fits)
                    && !role.not_actions.iter().any(fits)
            })
        })
    }
}
