//! Preparing a capture from Azure: standing settings, the signing key, roles, and a check of what holds.

mod account_check;
mod check;
mod commands;
mod container_checks;
mod host_checks;
mod identity_checks;
mod questions;
mod right_checks;
mod roles;
mod settings_document;
mod standing_place;
mod vault_check;
mod vault_right_checks;
mod wishes;

pub(crate) use check::{Check, CheckState};
pub(crate) use commands::{Command, commands};
pub(crate) use container_checks::ContainerChecks;
pub(crate) use host_checks::{Making, ahead, signer, state_folder};
pub(crate) use identity_checks::sign_in;
pub(crate) use questions::{Questions, account, vault};
pub(crate) use right_checks::right_checks;
pub(crate) use roles::{MachineRecordRights, Role, RoleScopes, SignInExportRights, WrappingRights};
pub(crate) use settings_document::{Change, SettingsDocument};
pub(crate) use standing_place::{patience, place, snapshot_group, store};
pub(crate) use vault_check::vault_check;
pub(crate) use vault_right_checks::vault_right_checks;
pub(crate) use wishes::{IdentityKind, IdentityWish, VaultWish, Wishes};
