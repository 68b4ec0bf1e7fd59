use clap::Args;
use custody_azure::arm::ResourceId;

use crate::setup::{VaultWish, vault};

/// The vaults of keys: the security team's, which is written down, and the owners'.
#[derive(Debug, Args)]
pub(super) struct VaultArguments {
    /// The security team's key vault, in which the keys of encrypted disks and the digests are kept, by its address:
    /// https://NAME.vault.azure.net
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    vault: Option<String>,

    /// Its resource id, by which rights are asked for
    #[arg(long, value_name = "ID", value_parser = vault, help_heading = "Settings")]
    vault_id: Option<ResourceId>,

    /// The RSA key of that vault which wraps the keys; without one they are kept as Microsoft's runbook keeps them
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    wrapping_key: Option<String>,

    /// Key vaults of the machines' owners, in which the keys of their disks lie, by id: for roles and checks, not stored
    #[arg(long, num_args = 1.., value_name = "ID", value_parser = vault, help_heading = "Rights")]
    owner_vault: Vec<ResourceId>,
}

impl VaultArguments {
    pub(super) fn wish(&self) -> VaultWish {
        VaultWish {
            address: self.vault.clone(),
            id: self.vault_id.clone(),
            wrapping_key: self.wrapping_key.clone(),
        }
    }

    pub(super) fn of_owners(&self) -> Vec<ResourceId> {
        self.owner_vault.clone()
    }
}
