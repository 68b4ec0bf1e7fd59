//! Key vaults: secrets and keys, their versions, what was deleted, and who may.

mod attributes;
mod authorization;
mod backup;
mod key;
mod key_material;
mod key_use;
mod object;
mod page;
mod refusal;
mod secret;
mod state;

pub(crate) use self::backup::Backup;
pub(crate) use self::key_material::KeyMaterial;
use self::refusal::Refusal;
pub(crate) use self::refusal::fault_body;
pub(crate) use self::state::VaultState;
use self::{authorization::Need, state::version_of};
use super::address::Service;
use super::http::{Answer, Call, decode};
use super::world::World;
use serde_json::Value;

type Outcome<T> = Result<T, Refusal>;

/// A call to a vault.
pub(super) struct VaultCall<'a> {
    call: &'a Call,
    /// What stands before the paths of this vault's objects, in answers.
    base: String,
    /// The body as JSON; null when there is none.
    body: Value,
}

/// Answers a call to a vault.
pub(crate) fn answer(world: &mut World, call: &Call, name: &str) -> Answer {
    // Taken out while it is worked on: who may is the world's business.
    let Some(mut vault) = world.vaults.remove(name) else {
        return Refusal::new(404, "VaultNotFound", "There is no such vault.").answer();
    };
    vault.settle(call.at);
    let answer = decide(world, call, &mut vault).unwrap_or_else(|refusal| refusal.answer());
    world.vaults.insert(name.to_string(), vault);
    answer
        .with_header("cache-control", "no-cache")
        .with_header("pragma", "no-cache")
        .with_header("expires", "-1")
        .with_header("x-ms-keyvault-region", "westeurope")
        .with_header("x-ms-keyvault-service-version", "1.9.0.1")
        .with_header("strict-transport-security", "max-age=31536000;includeSubDomains")
        .with_header("x-content-type-options", "nosniff")
}

fn decide(world: &mut World, call: &Call, vault: &mut VaultState) -> Outcome<Answer> {
    let path: Vec<String> = call.path.trim_start_matches('/').split('/').map(decode).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    // A path without a version may end with the slash before it.
    let path = match path.as_slice() {
        [rest @ .., ""] => rest,
        whole => whole,
    };
    let body = call.json().unwrap_or(Value::Null);
    let vault_call = VaultCall {
        base: world
            .addresses
            .base(call.way, &Service::Vault(vault.settings.name.clone())),
        call,
        body,
    };
    match path {
        ["secrets" | "deletedsecrets", ..] => secret::route(world, vault, &vault_call, path),
        ["keys" | "deletedkeys", ..] => key::route(world, vault, &vault_call, path),
        _ => {
            authorization::authorize(world, call, vault, need("secrets", "get"), "")?;
            Err(Refusal::new(404, "NotFound", "The request URI has no operation."))
        }
    }
}

impl VaultCall<'_> {
    fn check_version(&self) -> Outcome<()> {
        if self
            .call
            .query
            .value("api-version")
            .unwrap_or_default()
            .is_empty()
        {
            return Err(Refusal::parameter("api-version must be specified"));
        }
        if !self.call.body.is_empty() && self.body.is_null() {
            return Err(Refusal::parameter("The request body is no JSON."));
        }
        Ok(())
    }

    fn id(&self, kind: &str, name: &str, version: &str) -> String {
        format!("{}/{kind}/{name}/{version}", self.base)
    }
}

/// The right that an operation needs, by its name in access policies.
fn need(kind: &'static str, permission: &'static str) -> Need {
    let action = match (kind, permission) {
        ("secrets", "get") => "getSecret/action",
        ("secrets", "set") => "setSecret/action",
        ("secrets", "list") => "readMetadata/action",
        ("keys", "get" | "list") => "read",
        ("keys", "wrapKey") => "wrap/action",
        ("keys", "unwrapKey") => "unwrap/action",
        (_, "delete") => "delete",
        (_, "backup") => "backup/action",
        (_, "restore") => "restore/action",
        (_, "recover") => "recover/action",
        (_, "purge") => "purge/action",
        (_, "update") => "update/action",
        (_, "create") => "create/action",
        (_, "import") => "import/action",
        (_, "encrypt") => "encrypt/action",
        (_, "decrypt") => "decrypt/action",
        (_, "sign") => "sign/action",
        (_, "verify") => "verify/action",
        _ => "unknown",
    };
    Need {
        kind,
        action,
        permission,
    }
}

fn fresh_version(world: &mut World) -> String {
    version_of(&world.fresh_guid("version"))
}
