use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use custody_azure::arm::ResourceId;
use custody_core::Error;
use custody_core::custody_log::Regions;
use custody_core::ids::MachineRef;
use custody_core::port::ProtectionKind;

use super::place::{AzurePlace, GuestStateChoice, no_identity};
use super::settings_file::{
    AzureSettings, CloudChoice, ConsistencyChoice, IdentityChoice, NetworkChoice, SettingsFile, VaultPlace,
};
use crate::failure::Failure;

/// As `custody_azure::MAX_GRANT`.
const MAX_GRANT_DAYS: i64 = 60;

/// The least protection that a store must give unless the settings say otherwise: none that its keeper can lift.
pub(crate) const DEFAULT_PROTECTION: ProtectionKind = ProtectionKind::LegalHold;

/// What is captured, and where Azure's side of it is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("source").required(true).args(["vm", "snapshot", "restore_point", "disk"])))]
pub(crate) struct AzureArguments {
    /// The subscription of the machine
    #[arg(long, value_name = "ID", env = "CUSTODY_SUBSCRIPTION", help_heading = "What")]
    subscription: Option<String>,

    /// The resource group of the machine
    #[arg(long, value_name = "NAME", help_heading = "What")]
    resource_group: Option<String>,

    /// The virtual machine: its name, or its full resource id
    #[arg(long, value_name = "NAME", help_heading = "What")]
    vm: Option<String>,

    /// Disk snapshots that are there already, by resource id; they are read and never deleted
    #[arg(long, num_args = 1.., value_name = "ID", help_heading = "What")]
    snapshot: Vec<ResourceId>,

    /// A restore point that is there already, by resource id; it is read and never deleted
    #[arg(long, value_name = "ID", help_heading = "What")]
    restore_point: Option<ResourceId>,

    /// Disks that no machine holds, by resource id
    #[arg(long, num_args = 1.., value_name = "ID", help_heading = "What")]
    disk: Vec<ResourceId>,

    /// Settings file; flags and the environment go before it
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG", help_heading = "Azure")]
    config: Option<PathBuf>,

    /// As whom custody asks; the settings file has more kinds
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        env = "CUSTODY_IDENTITY",
        help_heading = "Azure"
    )]
    identity: Option<SimpleIdentity>,

    /// The storage account that keeps the evidence, by resource id
    #[arg(
        long,
        value_name = "ID",
        env = "CUSTODY_STORE_ACCOUNT",
        help_heading = "Azure"
    )]
    account: Option<ResourceId>,

    /// Its container
    #[arg(
        long,
        value_name = "NAME",
        env = "CUSTODY_STORE_CONTAINER",
        help_heading = "Azure"
    )]
    container: Option<String>,

    /// The security team's key vault, in which the keys of encrypted disks and the digests are kept, by its address:
    /// https://NAME.vault.azure.net
    #[arg(long, value_name = "URL", env = "CUSTODY_VAULT", help_heading = "Azure")]
    vault: Option<String>,

    /// The RSA key of that vault which wraps the keys; without one they are kept as Microsoft's runbook keeps them
    #[arg(
        long,
        value_name = "NAME",
        env = "CUSTODY_WRAPPING_KEY",
        help_heading = "Azure"
    )]
    wrapping_key: Option<String>,

    /// The least protection that the container must give; less is refused, once the disk snapshots are taken
    /// [default: legal-hold]
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Azure")]
    require_protection: Option<Protection>,

    /// Store the evidence although the container lies in another region than the machine; the record shows it
    #[arg(long, help_heading = "Azure")]
    allow_other_region: bool,

    /// How the instants of the machine's disks lie to each other [default: disk-snapshots]
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        env = "CUSTODY_CONSISTENCY",
        help_heading = "Azure"
    )]
    consistency: Option<ConsistencyChoice>,

    /// Resource group in which disk snapshots are made [default: the machine's]
    #[arg(
        long,
        value_name = "NAME",
        env = "CUSTODY_SNAPSHOT_GROUP",
        help_heading = "Azure"
    )]
    snapshot_group: Option<String>,

    /// Let the disk snapshots be exported from everywhere, although the disks may not be; the record shows it
    #[arg(long, help_heading = "Azure")]
    open_snapshots: bool,

    /// The longest that access to a disk snapshot is asked for, in days, at most Azure's 60 [default: 7]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=MAX_GRANT_DAYS), help_heading = "Azure")]
    grant_days: Option<u32>,

    /// Leave out the guest state (VMGS: firmware variables, virtual TPM) of Trusted Launch and Confidential machines;
    /// the record says that it was not acquired
    #[arg(long, help_heading = "Azure")]
    without_guest_state: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SimpleIdentity {
    /// The managed identity of the machine that custody runs on
    ManagedIdentity,
    /// Whoever is signed in to the Azure CLI
    AzureCli,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protection {
    /// Nothing: whatever the container gives is taken, and the record says what it is
    None,
    /// A legal hold, or a locked retention policy
    LegalHold,
    /// A locked retention policy
    LockedRetention,
}

impl Protection {
    /// As a store's protection is graded.
    pub(crate) const fn kind(self) -> ProtectionKind {
        match self {
            Self::None => ProtectionKind::None,
            Self::LegalHold => ProtectionKind::LegalHold,
            Self::LockedRetention => ProtectionKind::LockedRetention,
        }
    }
}

impl AzureArguments {
    /// The settings file, if one is named.
    pub(crate) fn settings(&self) -> Result<AzureSettings, Failure> {
        match &self.config {
            Some(path) => Ok(SettingsFile::read(path)?.azure),
            None => Ok(AzureSettings::default()),
        }
    }

    /// What is captured.
    pub(crate) fn machine(&self) -> Result<MachineRef, Failure> {
        let ids: Vec<ResourceId> = match (&self.vm, &self.restore_point) {
            (Some(vm), _) => vec![self.machine_id(vm)?],
            (_, Some(point)) => vec![point.clone()],
            (None, None) => self.snapshot.iter().chain(&self.disk).cloned().collect(),
        };
        let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Ok(words.join(",").parse()?)
    }

    fn machine_id(&self, vm: &str) -> Result<ResourceId, Failure> {
        if vm.starts_with('/') {
            return Ok(vm.parse()?);
        }
        let missing = |what: &str| {
            Failure::usage(format!("--vm {vm} is a name: {what} of the machine is missing"))
                .with_next("give --subscription and --resource-group, or the machine's full resource id")
        };
        let subscription = self
            .subscription
            .as_deref()
            .ok_or_else(|| missing("the subscription"))?;
        let group = self
            .resource_group
            .as_deref()
            .ok_or_else(|| missing("the resource group"))?;
        Ok(ResourceId::new(
            subscription,
            group,
            "Microsoft.Compute/virtualMachines",
            vm,
        )?)
    }

    /// The least protection that the store must give; `None` takes what there is.
    pub(crate) fn protection_floor(&self, settings: &AzureSettings) -> Option<ProtectionKind> {
        let asked = self.require_protection.map(Protection::kind);
        let floor = asked.or(settings.store.protection).unwrap_or(DEFAULT_PROTECTION);
        (floor != ProtectionKind::None).then_some(floor)
    }

    /// In which regions evidence may be stored.
    pub(crate) fn regions(&self, settings: &AzureSettings) -> Regions {
        if self.allow_other_region || settings.store.allow_other_region {
            Regions::Any
        } else {
            Regions::Same
        }
    }

    /// The longest that access to a disk snapshot is asked for, where somebody says it.
    pub(crate) fn grant_days(&self, settings: &AzureSettings) -> Result<Option<NonZeroU32>, Failure> {
        let Some(days) = self.grant_days.or(settings.snapshots.grant_days) else {
            return Ok(None);
        };
        match NonZeroU32::new(days) {
            Some(whole) if i64::from(days) <= MAX_GRANT_DAYS => Ok(Some(whole)),
            _ => Err(Failure::usage(format!(
                "azure.snapshots.grant-days is {days}; Azure grants access for 1 to {MAX_GRANT_DAYS} days"
            ))),
        }
    }

    /// The Azure side of the capture.
    pub(crate) fn place(
        &self,
        settings: &AzureSettings,
        machine: &MachineRef,
    ) -> Result<AzurePlace, Failure> {
        let missing = |what: &str, flag: &str, member: &str| {
            Failure::usage(format!("{what} is not named")).with_next(format!(
                "give {flag}, or {member} in the settings file (--config)"
            ))
        };
        let first: ResourceId = machine
            .as_str()
            .split(',')
            .next()
            .unwrap_or_default()
            .parse::<ResourceId>()
            .map_err(|error: Error| Failure::from(error))?;
        let asked = self.identity.map(|identity| match identity {
            SimpleIdentity::ManagedIdentity => IdentityChoice::ManagedIdentity { client: None },
            SimpleIdentity::AzureCli => IdentityChoice::AzureCli { tenant: None },
        });
        let account = self.account.clone().or_else(|| settings.store.account.clone());
        let container = self
            .container
            .clone()
            .or_else(|| settings.store.container.clone());
        let group = self.snapshot_group.clone();
        let vault = self.vault(settings)?;
        let network = if self.open_snapshots {
            NetworkChoice::AllowAll
        } else {
            settings.snapshots.network.clone().unwrap_or_default()
        };
        Ok(AzurePlace {
            cloud: settings.cloud.clone().unwrap_or(CloudChoice::PUBLIC),
            identity: asked
                .or_else(|| settings.identity.clone())
                .ok_or_else(no_identity)?,
            account: account
                .ok_or_else(|| missing("the storage account", "--account ID", "azure.store.account"))?,
            container: container
                .ok_or_else(|| missing("the container", "--container NAME", "azure.store.container"))?,
            snapshot_subscription: settings
                .snapshots
                .subscription
                .clone()
                .unwrap_or_else(|| first.subscription().to_owned()),
            snapshot_group: group
                .or_else(|| settings.snapshots.resource_group.clone())
                .unwrap_or_else(|| first.group().to_owned()),
            network,
            consistency: self
                .consistency
                .or(settings.snapshots.consistency)
                .unwrap_or_default(),
            guest_state: if self.without_guest_state {
                GuestStateChoice::Omit
            } else {
                GuestStateChoice::Take
            },
            vault,
        })
    }

    /// Where keys and digests are kept: the vault and the key that flags or environment name go before the file's.
    fn vault(&self, settings: &AzureSettings) -> Result<Option<VaultPlace>, Failure> {
        let mut vault = match (&self.vault, &settings.vault) {
            (None, of_file) => of_file.clone(),
            (Some(address), Some(of_file)) if of_file.address == *address => settings.vault.clone(),
            (Some(address), _) => Some(VaultPlace {
                address: address.clone(),
                id: None,
                wrapping_key: None,
            }),
        };
        match (&mut vault, &self.wrapping_key) {
            (Some(vault), Some(key)) => vault.wrapping_key = Some(key.clone()),
            (None, Some(_)) => {
                return Err(
                    Failure::usage("a wrapping key is named, and no vault that has it").with_next(
                        "give --vault URL, or azure.vault.address in the settings file (--config)",
                    ),
                );
            }
            _ => {}
        }
        Ok(vault)
    }
}
