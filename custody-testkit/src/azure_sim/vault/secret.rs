use serde_json::{Value, json};

use super::attributes::{self, Attributes, Recovery};
use super::authorization::authorize;
use super::object::Deleted;
use super::state::SecretVersion;
use super::{Outcome, Refusal, VaultCall, VaultState, backup, fresh_version, need, page};
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

/// The longest value: 25 KB. Source: "About Azure Key Vault secrets", read 2026-11-21.
const MAX_VALUE_BYTES: usize = 25 * 1024;
const MAX_CONTENT_TYPE_CHARACTERS: usize = 255;

pub(super) fn route(
    world: &mut World,
    vault: &mut VaultState,
    call: &VaultCall<'_>,
    path: &[&str],
) -> Outcome<Answer> {
    let permission = match (call.call.method.as_str(), path) {
        ("GET", ["secrets" | "deletedsecrets"] | ["secrets", _, "versions"] | ["deletedsecrets", _]) => {
            "list"
        }
        ("POST", ["secrets", "restore"]) => "restore",
        ("POST", ["secrets", _, "backup"]) => "backup",
        ("POST", ["deletedsecrets", _, "recover"]) => "recover",
        ("DELETE", ["deletedsecrets", _]) => "purge",
        ("PUT", ["secrets", _]) => "set",
        ("GET", ["secrets", _] | ["secrets", _, _]) => "get",
        ("PATCH", ["secrets", _] | ["secrets", _, _]) => "update",
        ("DELETE", ["secrets", _]) => "delete",
        _ => "unknown",
    };
    let name = path
        .get(1)
        .copied()
        .filter(|name| *name != "restore")
        .unwrap_or_default();
    authorize(world, call.call, vault, need("secrets", permission), name)?;
    call.check_version()?;
    if !name.is_empty() {
        attributes::check_name(name)?;
    }
    let recovery = vault.recovery();
    let now = call.call.at;
    match (permission, path) {
        ("list", ["secrets"]) => {
            let entries = vault.secrets.list().map(|(name, (_, secret))| {
                (
                    name.clone(),
                    item(&format!("{}/secrets/{name}", call.base), secret, recovery),
                )
            });
            page::answer(call, "secrets", entries.collect())
        }
        ("list", ["secrets", name, "versions"]) => {
            let versions = vault.secrets.find(name)?.0.iter().map(|(version, secret)| {
                (
                    version.clone(),
                    item(&call.id("secrets", name, version), secret, recovery),
                )
            });
            let mut entries: Vec<(String, Value)> = versions.collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            page::answer(call, &format!("secrets/{name}/versions"), entries)
        }
        ("list", ["deletedsecrets"]) => {
            let entries = vault.secrets.deleted().map(|(name, deleted)| {
                let (_, secret) = deleted.versions.latest();
                let mut body = item(&format!("{}/secrets/{name}", call.base), secret, recovery);
                mark_deleted(&mut body, call, "deletedsecrets", name, deleted);
                (name.clone(), body)
            });
            page::answer(call, "deletedsecrets", entries.collect())
        }
        ("list", ["deletedsecrets", name]) => deleted_answer(vault, call, name),
        ("set", ["secrets", name]) => {
            let version = fresh_version(world);
            vault.secrets.add(name, version.clone(), secret_of(call)?)?;
            bundle_answer(vault, call, name, Some(&version))
        }
        ("get", ["secrets", name]) => read(vault, call, name, None),
        ("get", ["secrets", name, version]) => read(vault, call, name, Some(version)),
        ("update", ["secrets", name, rest @ ..]) => {
            let version = rest.first().copied();
            let (_, secret) = vault.secrets.version_mut(name, version)?;
            secret.attributes.change(&call.body, now)?;
            if let Some(content_type) = call.body["contentType"].as_str() {
                secret.content_type = Some(content_type.into());
            }
            if let Some(tags) = attributes::tags(&call.body)? {
                secret.tags = Some(tags);
            }
            let (id, secret) = vault.secrets.version(name, version)?;
            Ok(Answer::json(
                200,
                &item(&call.id("secrets", name, id), secret, recovery),
            ))
        }
        ("delete", ["secrets", name]) => {
            vault.secrets.delete(name, recovery, now)?;
            deleted_answer(vault, call, name)
        }
        ("recover", ["deletedsecrets", name, _]) => {
            vault.secrets.recover(name)?;
            let (id, secret) = vault.secrets.find(name)?.latest();
            Ok(Answer::json(
                200,
                &item(&call.id("secrets", name, id), secret, recovery),
            ))
        }
        ("purge", ["deletedsecrets", name]) => {
            vault.secrets.purge(name, recovery)?;
            Ok(Answer::empty(204))
        }
        ("backup", ["secrets", name, _]) => backup::secret(world, vault, name),
        ("restore", _) => {
            let name = backup::restore_secret(world, vault, &call.body)?;
            let (id, secret) = vault.secrets.find(&name)?.latest();
            Ok(Answer::json(
                200,
                &item(&call.id("secrets", &name, id), secret, recovery),
            ))
        }
        _ => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The method is not allowed here.",
        )),
    }
}

fn secret_of(call: &VaultCall<'_>) -> Outcome<SecretVersion> {
    let body = &call.body;
    let value = body["value"]
        .as_str()
        .ok_or_else(|| Refusal::parameter("Property value is missing."))?;
    if value.len() > MAX_VALUE_BYTES {
        return Err(Refusal::parameter(format!(
            "The value is longer than {MAX_VALUE_BYTES} bytes."
        )));
    }
    let content_type = body["contentType"].as_str().map(str::to_string);
    let characters = content_type.as_ref().map_or(0, |text| text.chars().count());
    if characters > MAX_CONTENT_TYPE_CHARACTERS {
        return Err(Refusal::parameter("Property contentType is too long."));
    }
    Ok(SecretVersion {
        value: value.into(),
        content_type,
        tags: attributes::tags(body)?,
        attributes: Attributes::of_request(body, call.call.at)?,
    })
}

fn read(vault: &VaultState, call: &VaultCall<'_>, name: &str, version: Option<&str>) -> Outcome<Answer> {
    let (_, secret) = vault.secrets.version(name, version)?;
    // What is out of its time can be read all the same, so that it can be recovered.
    if !secret.attributes.enabled {
        return Err(Refusal::forbidden(
            "SecretDisabled",
            "Operation get is not allowed on a disabled secret.",
        ));
    }
    bundle_answer(vault, call, name, version)
}

/// A secret without its value.
fn item(id: &str, secret: &SecretVersion, recovery: Recovery) -> Value {
    let mut body = json!({"id": id, "attributes": secret.attributes.render(&recovery)});
    if let Some(content_type) = &secret.content_type {
        body["contentType"] = json!(content_type);
    }
    if let Some(tags) = &secret.tags {
        body["tags"] = tags.clone();
    }
    body
}

fn bundle_answer(
    vault: &VaultState,
    call: &VaultCall<'_>,
    name: &str,
    version: Option<&str>,
) -> Outcome<Answer> {
    let (id, secret) = vault.secrets.version(name, version)?;
    let mut body = item(&call.id("secrets", name, id), secret, vault.recovery());
    body["value"] = json!(secret.value);
    Ok(Answer::json(200, &body))
}

fn deleted_answer(vault: &VaultState, call: &VaultCall<'_>, name: &str) -> Outcome<Answer> {
    let deleted = vault.secrets.find_deleted(name)?;
    let (id, secret) = deleted.versions.latest();
    let mut body = item(&call.id("secrets", name, id), secret, vault.recovery());
    mark_deleted(&mut body, call, "deletedsecrets", name, deleted);
    Ok(Answer::json(200, &body))
}

/// Adds when it was deleted, and when it goes for good.
pub(super) fn mark_deleted<V>(
    body: &mut Value,
    call: &VaultCall<'_>,
    kind: &str,
    name: &str,
    deleted: &Deleted<V>,
) {
    body["recoveryId"] = json!(format!("{}/{kind}/{name}", call.base));
    body["deletedDate"] = json!(deleted.at);
    body["scheduledPurgeDate"] = json!(deleted.purged_at);
}
