//! The rights in vaults: by their names in role definitions, and by those in access policies.
//!
//! Source: Microsoft's OpenAPI document, KeyVault 2023-07-01, for access policies, read 2026-11-28; the built-in roles
//! Key Vault Secrets User, Key Vault Secrets Officer and Key Vault Crypto User for the others.

pub(crate) const READ_VAULT: &str = "Microsoft.KeyVault/vaults/read";
pub(crate) const GET_SECRET: &str =
    "Microsoft.KeyVault/vaults/secrets/getSecret/action (in access policies: secrets get)";
pub(crate) const SET_SECRET: &str =
    "Microsoft.KeyVault/vaults/secrets/setSecret/action (in access policies: secrets set)";
pub(crate) const LIST_SECRETS: &str =
    "Microsoft.KeyVault/vaults/secrets/readMetadata/action (in access policies: secrets list)";
pub(crate) const READ_KEY: &str = "Microsoft.KeyVault/vaults/keys/read (in access policies: keys get)";
pub(crate) const WRAP_KEY: &str =
    "Microsoft.KeyVault/vaults/keys/wrap/action (in access policies: keys wrapKey)";
pub(crate) const UNWRAP_KEY: &str =
    "Microsoft.KeyVault/vaults/keys/unwrap/action (in access policies: keys unwrapKey)";

/// The right's name in role definitions.
pub(crate) fn name_of(action: &'static str) -> &'static str {
    action.split(' ').next().unwrap_or(action)
}
