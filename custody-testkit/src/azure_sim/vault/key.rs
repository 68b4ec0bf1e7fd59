use serde_json::{Value, json};

use super::attributes::{self, Attributes, Recovery};
use super::authorization::authorize;
use super::key_material::KeyMaterial;
use super::secret::mark_deleted;
use super::state::KeyVersion;
use super::{Outcome, Refusal, VaultCall, VaultState, backup, fresh_version, key_use, need, page};
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

pub(super) fn route(
    world: &mut World,
    vault: &mut VaultState,
    call: &VaultCall<'_>,
    path: &[&str],
) -> Outcome<Answer> {
    let permission = match (call.call.method.as_str(), path) {
        ("GET", ["keys" | "deletedkeys"] | ["keys", _, "versions"]) => "list",
        ("GET", ["keys" | "deletedkeys", _] | ["keys", _, _]) => "get",
        ("POST", ["keys", "restore"]) => "restore",
        ("POST", ["keys", _, "create"]) => "create",
        ("POST", ["keys", _, "backup"]) => "backup",
        ("POST", ["deletedkeys", _, "recover"]) => "recover",
        ("DELETE", ["deletedkeys", _]) => "purge",
        ("PUT", ["keys", _]) => "import",
        ("PATCH", ["keys", _] | ["keys", _, _]) => "update",
        ("DELETE", ["keys", _]) => "delete",
        ("POST", ["keys", _, act] | ["keys", _, _, act]) => key_use::permission(act),
        _ => "unknown",
    };
    let name = path
        .get(1)
        .copied()
        .filter(|name| *name != "restore")
        .unwrap_or_default();
    authorize(world, call.call, vault, need("keys", permission), name)?;
    call.check_version()?;
    if !name.is_empty() {
        attributes::check_name(name)?;
    }
    let recovery = vault.recovery();
    let now = call.call.at;
    match (permission, path) {
        ("list", ["keys"]) => {
            let entries = vault.keys.list().map(|(name, (_, key))| {
                (
                    name.clone(),
                    item(&format!("{}/keys/{name}", call.base), key, recovery),
                )
            });
            page::answer(call, "keys", entries.collect())
        }
        ("list", ["keys", name, _]) => {
            let versions = vault.keys.find(name)?.0.iter();
            let versions = versions.map(|(version, key)| {
                (
                    version.clone(),
                    item(&call.id("keys", name, version), key, recovery),
                )
            });
            let mut entries: Vec<(String, Value)> = versions.collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            page::answer(call, &format!("keys/{name}/versions"), entries)
        }
        ("list", ["deletedkeys"]) => {
            let entries = vault.keys.deleted().map(|(name, deleted)| {
                let (_, key) = deleted.versions.latest();
                let mut body = item(&format!("{}/keys/{name}", call.base), key, recovery);
                mark_deleted(&mut body, call, "deletedkeys", name, deleted);
                (name.clone(), body)
            });
            page::answer(call, "deletedkeys", entries.collect())
        }
        ("get", ["deletedkeys", name]) => deleted_answer(vault, call, name),
        ("get", ["keys", name, rest @ ..]) => bundle_answer(vault, call, name, rest.first().copied()),
        ("create", ["keys", name, _]) => {
            let version = fresh_version(world);
            let kind = call.body["kty"].as_str().unwrap_or_default().to_string();
            let material = match kind.as_str() {
                "RSA" | "RSA-HSM" => KeyMaterial::rsa(call.body["key_size"].as_u64().unwrap_or(2048)),
                "EC" | "EC-HSM" if call.body["crv"].as_str().unwrap_or("P-256") == "P-256" => {
                    Some(KeyMaterial::p256(&version))
                }
                _ => None,
            };
            let material = material.ok_or_else(|| Refusal::parameter("The kind of key is not modelled."))?;
            let key = key_of(call, kind, material, &call.body)?;
            vault.keys.add(name, version, key)?;
            bundle_answer(vault, call, name, None)
        }
        ("import", ["keys", name]) => {
            let jwk = &call.body["key"];
            let kind = jwk["kty"].as_str().unwrap_or_default().to_string();
            let material =
                KeyMaterial::of_jwk(jwk).ok_or_else(|| Refusal::parameter("The key is not valid."))?;
            let key = key_of(call, kind, material, jwk)?;
            vault.keys.add(name, fresh_version(world), key)?;
            bundle_answer(vault, call, name, None)
        }
        ("update", ["keys", name, rest @ ..]) => {
            let version = rest.first().copied();
            let tags = attributes::tags(&call.body)?;
            let (_, key) = vault.keys.version_mut(name, version)?;
            key.attributes.change(&call.body, now)?;
            if let Some(tags) = tags {
                key.tags = Some(tags);
            }
            if let Some(operations) = operations(&call.body) {
                key.operations = operations;
            }
            bundle_answer(vault, call, name, version)
        }
        ("delete", ["keys", name]) => {
            vault.keys.delete(name, recovery, now)?;
            deleted_answer(vault, call, name)
        }
        ("recover", ["deletedkeys", name, _]) => {
            vault.keys.recover(name)?;
            bundle_answer(vault, call, name, None)
        }
        ("purge", ["deletedkeys", name]) => {
            vault.keys.purge(name, recovery)?;
            Ok(Answer::empty(204))
        }
        ("backup", ["keys", name, _]) => backup::key(world, vault, name),
        ("restore", _) => {
            let name = backup::restore_key(world, vault, &call.body)?;
            bundle_answer(vault, call, &name, None)
        }
        (_, ["keys", name, version, _]) => key_use::answer(vault, call, permission, name, Some(version)),
        (_, ["keys", name, _]) => key_use::answer(vault, call, permission, name, None),
        _ => Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "The method is not allowed here.",
        )),
    }
}

fn operations(body: &Value) -> Option<Vec<String>> {
    let list = body["key_ops"].as_array().filter(|list| !list.is_empty())?;
    Some(
        list.iter()
            .filter_map(|one| one.as_str().map(str::to_string))
            .collect(),
    )
}

fn key_of(
    call: &VaultCall<'_>,
    kind: String,
    material: KeyMaterial,
    described: &Value,
) -> Outcome<KeyVersion> {
    let can = material.all_operations();
    let operations = operations(described).unwrap_or_else(|| can.clone());
    if let Some(other) = operations.iter().find(|operation| !can.contains(operation)) {
        let message = format!("A key of kind {kind} cannot be used for {other}.");
        return Err(Refusal::parameter(message));
    }
    let exportable = call.body["attributes"]["exportable"]
        .as_bool()
        .unwrap_or_default();
    if exportable && !call.body["release_policy"].is_object() {
        return Err(Refusal::parameter(
            "A key that may be released has a release_policy.",
        ));
    }
    Ok(KeyVersion {
        kind,
        material,
        operations,
        exportable,
        tags: attributes::tags(&call.body)?,
        attributes: Attributes::of_request(&call.body, call.call.at)?,
    })
}

/// A key without what it is.
fn item(id: &str, key: &KeyVersion, recovery: Recovery) -> Value {
    let mut attributes = key.attributes.render(&recovery);
    attributes["exportable"] = json!(key.exportable);
    let mut body = json!({"kid": id, "attributes": attributes});
    if let Some(tags) = &key.tags {
        body["tags"] = tags.clone();
    }
    body
}

/// A key with its public part. Nothing gives the private one.
fn bundle(id: &str, key: &KeyVersion, recovery: Recovery) -> Value {
    let mut body = item(id, key, recovery);
    let mut jwk = key.material.public_jwk();
    jwk["kid"] = json!(id);
    jwk["kty"] = json!(key.kind);
    jwk["key_ops"] = json!(key.operations);
    if let Some(body) = body.as_object_mut() {
        body.remove("kid");
        body.insert("key".into(), jwk);
    }
    body
}

fn bundle_answer(
    vault: &VaultState,
    call: &VaultCall<'_>,
    name: &str,
    version: Option<&str>,
) -> Outcome<Answer> {
    let (id, key) = vault.keys.version(name, version)?;
    let body = bundle(&call.id("keys", name, id), key, vault.recovery());
    Ok(Answer::json(200, &body))
}

fn deleted_answer(vault: &VaultState, call: &VaultCall<'_>, name: &str) -> Outcome<Answer> {
    let deleted = vault.keys.find_deleted(name)?;
    let (id, key) = deleted.versions.latest();
    let mut body = bundle(&call.id("keys", name, id), key, vault.recovery());
    mark_deleted(&mut body, call, "deletedkeys", name, deleted);
    Ok(Answer::json(200, &body))
}
