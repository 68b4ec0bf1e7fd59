//! Key vaults: where the keys of disks lie, and where the security operations center keeps its own.
//!
//! * [`AzureKeySource`] tells which keys a disk snapshot needs, and fetches exactly those versions.
//! * [`VaultKeyEscrow`] keeps them in a vault, under the names and in the form that Microsoft's runbook uses where they
//!   are kept in plain form; [`VaultKeyWrapper`] wraps them with a key of that vault first.
//! * [`VaultDigestRegister`] keeps digests there.
//!
//! What core names after a disk snapshot's file lies in a vault under the name that the disk snapshot has in Azure.
//!
//! A vault has no "put if absent": setting a secret adds a version. So what counts here is the first version of a name,
//! whoever adds others; and a name is looked at before it is set, and again after.

mod action;
mod address;
mod audience;
mod client;
mod encryption_settings;
mod escrow;
mod escrow_form;
mod jwe;
mod key_text;
mod location;
mod name_turns;
mod once;
mod refusal;
mod register;
mod requirement;
mod rights;
mod secret;
mod secret_body;
mod source;
mod unwrapping;
mod vault_name;
mod wrapper;

pub(crate) use encryption_settings::{MACHINE_SETTINGS, SETTINGS, statement, told};
pub use escrow::VaultKeyEscrow;
pub use location::VaultLocation;
pub use register::VaultDigestRegister;
pub use rights::{VAULT_RIGHTS, VaultPlace, VaultPurpose, VaultRight, VaultRights};
pub use source::AzureKeySource;
pub use wrapper::VaultKeyWrapper;
