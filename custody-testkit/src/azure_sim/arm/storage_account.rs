use serde_json::{Value, json};

use super::disk::missing;
use super::{ArmCall, Outcome};
use crate::azure_sim::address::{Service, Way};
use crate::azure_sim::blob::Account;
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::world::World;

pub(crate) fn account_of<'a>(world: &'a mut World, arm: &ArmCall<'_>) -> Option<&'a mut Account> {
    let name = arm.path.names.first()?.to_lowercase();
    let id = arm.path.key();
    world
        .accounts
        .get_mut(&name)
        .filter(|account| id.starts_with(&account.id.to_lowercase()))
}

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let name = account_of(world, arm)
        .map(|account| account.name.clone())
        .ok_or_else(|| missing(arm))?;
    Ok(Answer::json(200, &render(world, &name, arm.call.way)))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let below = format!("{}/", arm.path.scope.to_lowercase());
    let of = world
        .accounts
        .values()
        .filter(|account| account.id.to_lowercase().starts_with(&below));
    let names: Vec<String> = of.map(|account| account.name.clone()).collect();
    let value: Vec<Value> = names
        .iter()
        .map(|name| render(world, name, arm.call.way))
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

fn render(world: &World, name: &str, way: Way) -> Value {
    let account = &world.accounts[name];
    let settings = &account.settings;
    let rules: Vec<Value> = settings
        .network_allowed
        .iter()
        .map(|address| json!({"value": address, "action": "Allow"}))
        .collect();
    let action = if settings.network_default_deny {
        "Deny"
    } else {
        "Allow"
    };
    let mut body = json!({
        "id": account.id, "name": account.name, "type": "Microsoft.Storage/storageAccounts",
        "location": settings.location, "tags": {}, "kind": "StorageV2", "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "provisioningState": "Succeeded", "creationTime": long_date(account.created),
            "primaryLocation": settings.location, "statusOfPrimary": "available", "accessTier": "Hot",
            "supportsHttpsTrafficOnly": settings.https_only, "minimumTlsVersion": settings.minimum_tls_version,
            "allowSharedKeyAccess": settings.shared_key, "allowBlobPublicAccess": false,
            "allowCrossTenantReplication": false, "publicNetworkAccess": "Enabled", "isHnsEnabled": settings.hierarchical_namespace,
            "networkAcls": {
                "bypass": "AzureServices", "defaultAction": action, "ipRules": rules, "virtualNetworkRules": [],
                "resourceAccessRules": []
            },
            "encryption": {
                "keySource": "Microsoft.Storage", "requireInfrastructureEncryption": false,
                "services": {"blob": {"enabled": true, "keyType": "Account"}}
            },
            "primaryEndpoints": {"blob": format!("{}/", world.addresses.base(way, &Service::Blob(name.to_string())))}
        }
    });
    if let Some(scope) = &settings.allowed_copy_scope {
        body["properties"]["allowedCopyScope"] = json!(scope);
    }
    body
}

pub(crate) fn blob_service(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let id = arm.path.resource_id();
    let account = account_of(world, arm).ok_or_else(|| missing(arm))?;
    Ok(Answer::json(
        200,
        &json!({
            "id": id, "name": "default", "type": "Microsoft.Storage/storageAccounts/blobServices",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {
                "cors": {"corsRules": []}, "deleteRetentionPolicy": {"enabled": false, "allowPermanentDelete": false},
                "containerDeleteRetentionPolicy": {"enabled": false}, "isVersioningEnabled": account.settings.versioning,
                "changeFeed": {"enabled": false}, "restorePolicy": {"enabled": false}
            }
        }),
    ))
}

/// Makes every user delegation key, and so every signature made with one, worthless.
pub(crate) fn revoke_delegation_keys(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let account = account_of(world, arm).ok_or_else(|| missing(arm))?;
    account.delegation_epoch += 1;
    Ok(Answer::empty(200))
}
