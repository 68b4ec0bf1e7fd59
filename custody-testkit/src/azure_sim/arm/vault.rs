use serde_json::{Value, json};

use super::disk::missing;
use super::{ArmCall, Outcome};
use crate::azure_sim::address::Service;
use crate::azure_sim::http::Answer;
use crate::azure_sim::vault::VaultState;
use crate::azure_sim::world::World;

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let found = world.vaults.values().find(|vault| vault.id.to_lowercase() == key);
    let vault = found.ok_or_else(|| missing(arm))?;
    Ok(Answer::json(200, &render(world, vault, arm)))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let below = format!("{}/", arm.path.scope.to_lowercase());
    let found = world
        .vaults
        .values()
        .filter(|vault| vault.id.to_lowercase().starts_with(&below));
    let value: Vec<Value> = found.map(|vault| render(world, vault, arm)).collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

fn render(world: &World, vault: &VaultState, arm: &ArmCall<'_>) -> Value {
    let settings = &vault.settings;
    let tenant = world.scenario.tenant();
    let policies: Vec<Value> = settings
        .access_policies
        .iter()
        .map(|policy| {
            json!({
                "tenantId": tenant, "objectId": policy.object_id,
                "permissions": {"secrets": policy.secrets, "keys": policy.keys, "certificates": [], "storage": []}
            })
        })
        .collect();
    let rules: Vec<Value> = settings
        .network_allowed
        .iter()
        .map(|address| json!({"value": address}))
        .collect();
    let action = if settings.network_default_deny {
        "Deny"
    } else {
        "Allow"
    };
    let access = if settings.public_network_access {
        "Enabled"
    } else {
        "Disabled"
    };
    let address = world
        .addresses
        .base(arm.call.way, &Service::Vault(settings.name.clone()));
    let mut properties = json!({
        "tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "accessPolicies": policies,
        "vaultUri": format!("{address}/"), "provisioningState": "Succeeded",
        "enabledForDeployment": false, "enabledForDiskEncryption": true, "enabledForTemplateDeployment": false,
        "enableSoftDelete": true, "softDeleteRetentionInDays": settings.soft_delete_days,
        "enableRbacAuthorization": settings.rbac, "publicNetworkAccess": access,
        "networkAcls": {"bypass": "AzureServices", "defaultAction": action, "ipRules": rules, "virtualNetworkRules": []}
    });
    if settings.purge_protection {
        properties["enablePurgeProtection"] = json!(true);
    }
    json!({
        "id": vault.id, "name": settings.name, "type": "Microsoft.KeyVault/vaults", "location": settings.location,
        "tags": {}, "properties": properties
    })
}
