//! Azure as a source of disks and a store of evidence: what was asked for, and the ports that come of it.

mod arguments;
mod place;
mod settings_file;

pub(crate) use arguments::{AzureArguments, DEFAULT_PROTECTION, Protection};
pub(crate) use place::{AZURE, AzurePlace, GuestStateChoice, is_store_address, no_identity, transport};
pub(crate) use settings_file::{
    AzureSettings, CloudChoice, ConsistencyChoice, IdentityChoice, NamedCloud, NetworkChoice, SettingsFile,
    VaultPlace,
};
