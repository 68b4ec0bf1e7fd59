use std::io::{IsTerminal as _, stdin};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_azure::SignedIn;
use custody_azure::arm::{ResourceGroup, ResourceId};
use custody_core::Error;
use custody_core::port::ProtectionKind;

use super::setup::file_or_default;
use super::setup_report::{Report, WhatHappened, roles_answer};
use super::setup_vault_arguments::VaultArguments;
use crate::answer::Answer;
use crate::azure::{
    AzureSettings, ConsistencyChoice, DEFAULT_PROTECTION, NamedCloud, NetworkChoice, Protection,
};
use crate::console::Console;
use crate::failure::Failure;
use crate::local_ports::absolute;
use crate::printable;
use crate::setup::{
    Check, CheckState, ContainerChecks, IdentityKind, IdentityWish, MachineRecordRights, Making, Questions,
    RoleScopes, SettingsDocument, SignInExportRights, Wishes, WrappingRights, account, ahead, commands,
    patience, place, right_checks, sign_in, signer, snapshot_group, state_folder, store, vault_check,
    vault_right_checks,
};
use crate::state_place::StatePlace;

const EXAMPLES: &str = "\
Examples:
  custody setup azure
      asks, writes ./custody.toml, makes the signing key, checks what holds
  custody setup azure --config custody.toml --identity managed-identity \\
      --account /subscriptions/…/storageAccounts/socevidence \\
      --container immutable --json \\
      --source-group /subscriptions/…/resourceGroups/production
      the same in a pipeline: nothing is asked
  custody setup azure --check-only --source-group /subscriptions/…
      checks against the settings file; writes and makes nothing
  custody setup azure --print-roles --container immutable \\
      --account /subscriptions/…/storageAccounts/socevidence \\
      --source-group /subscriptions/…/resourceGroups/production | jq
      the role definitions, for az role definition create; account and
      container may also stand in the settings file

Nothing in Azure is changed, unless --probe writes two small objects. What is
missing there is printed as commands for whoever may run them.
Exit: 0 all is as it must be; 3 something is missing, wrong or could not be
checked; 2 something was not said.";

/// Prepare a capture of virtual machines in Azure
///
/// Writes the settings file, makes the signing key, and checks sign-in, each right, the container and its protection,
/// the log's anchor, the clock and the state folder. It needs no machine to be captured. Asks when it runs on a
/// terminal; never for a secret, only for the file that holds one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AzureSetup {
    /// The settings file [default: custody.toml]
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG", help_heading = "Settings")]
    config: Option<PathBuf>,

    /// The cloud; another one's endpoints are written into the file by hand
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Settings")]
    cloud: Option<NamedCloud>,

    /// As whom custody asks
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Settings")]
    identity: Option<IdentityKind>,

    /// The tenant of the identity
    #[arg(long, value_name = "ID", help_heading = "Settings")]
    tenant: Option<String>,

    /// The client id of the application, or of a user-assigned managed identity
    #[arg(long, value_name = "ID", help_heading = "Settings")]
    client: Option<String>,

    /// The file with the identity's secret, token or assertion; only its path is written down
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    identity_file: Option<PathBuf>,

    /// The storage account that keeps the evidence, by resource id
    #[arg(long, value_name = "ID", value_parser = account, help_heading = "Settings")]
    account: Option<ResourceId>,

    /// Its container
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    container: Option<String>,

    /// The least protection that the container must give
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Settings")]
    require_protection: Option<Protection>,

    /// Subscription in which disk snapshots are made [default: the machine's]
    #[arg(long, value_name = "ID", help_heading = "Settings")]
    snapshot_subscription: Option<String>,

    /// Resource group in which disk snapshots are made [default: the machine's]
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    snapshot_group: Option<String>,

    /// From where disk snapshots can be exported: as-the-disk, allow-all, or the id of a disk access resource
    #[arg(long, value_name = "WHERE", value_parser = network, help_heading = "Settings")]
    snapshot_network: Option<NetworkChoice>,

    /// How disks are taken: the first is written down, rights are asked for all that are named
    /// [default: disk-snapshots]
    #[arg(long, num_args = 1.., value_enum, value_name = "KIND", help_heading = "Settings")]
    consistency: Vec<ConsistencyChoice>,

    #[command(flatten)]
    vaults: VaultArguments,

    /// Resource groups of the machines and disks that may have to be captured, by id: for roles and checks, not stored
    #[arg(long, num_args = 1.., value_name = "ID", help_heading = "Rights")]
    source_group: Vec<ResourceGroup>,

    /// Leave out the rights that only what is known of the machine needs, its disks aside
    #[arg(long, help_heading = "Rights")]
    disks_only: bool,

    /// Ask for the right to read exports of disks whose data access demands a sign-in as well
    #[arg(long, help_heading = "Rights")]
    sign_in_exports: bool,

    /// Days of the retention policy, where the commands make one
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = clap::value_parser!(u32).range(1..=146_000), help_heading = "Rights")]
    retention_days: u32,

    /// Only print the role definitions, as JSON; asks nothing of Azure
    #[arg(long, conflicts_with_all = ["check_only", "probe", "ask", "force"], help_heading = "How far")]
    print_roles: bool,

    /// Only check, against the settings file as it is; write and make nothing
    #[arg(long, conflicts_with_all = ["ask", "force", "probe"], help_heading = "How far")]
    check_only: bool,

    /// Write two small objects into the container to see that it can be done; a retention policy keeps them
    #[arg(long, help_heading = "How far")]
    probe: bool,

    /// Change a settings file that is there without asking
    #[arg(long, help_heading = "How far")]
    force: bool,

    /// Ask for what is not given although this is no terminal: answers are lines of standard input
    #[arg(long, conflicts_with = "json", help_heading = "How far")]
    ask: bool,

    /// Which of this host's keys signs; made where it is missing
    #[arg(long, value_name = "NAME", help_heading = "This host")]
    key: Option<String>,

    #[command(flatten)]
    state: StatePlace,
}

impl AzureSetup {
    pub(super) async fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let file = absolute(&file_or_default(self.config.as_ref()))?;
        let mut document = SettingsDocument::open(&file)?;
        let mut wishes = self.wishes();
        let mut groups = self.source_group.clone();
        let mut owner_vaults = self.vaults.of_owners();
        if self.check_only {
            self.must_only_check(&document)?;
        } else if self.asks(console) {
            console.err(&format!("custody: settings file {}\n", printable::path(&file)));
            let standing = document.standing()?;
            Questions::of_stdin(console).complete(&mut wishes, &mut groups, &mut owner_vaults, &standing)?;
        }
        wishes.apply(&mut document)?;
        self.must_be_complete(&document, &wishes, console)?;
        let settings = document.settings()?;
        let scopes = self.scopes(&settings, &groups, owner_vaults)?;
        if self.print_roles {
            return roles_answer(&scopes);
        }
        let happened = self.write(&document, console)?;
        self.check(console, &document, &settings, &scopes, happened).await
    }

    /// Whether a person is asked.
    fn asks(&self, console: &Console) -> bool {
        let terminal = stdin().is_terminal() && console.err_is_terminal();
        !console.is_json() && !self.print_roles && (self.ask || terminal)
    }

    fn wishes(&self) -> Wishes {
        Wishes {
            cloud: self.cloud,
            identity: IdentityWish {
                kind: self.identity,
                tenant: self.tenant.clone(),
                client: self.client.clone(),
                file: self.identity_file.clone(),
            },
            account: self.account.clone(),
            container: self.container.clone(),
            protection: self.require_protection,
            snapshot_subscription: self.snapshot_subscription.clone(),
            snapshot_group: self.snapshot_group.clone(),
            network: self.snapshot_network.clone(),
            consistency: self.consistency.first().copied(),
            vault: self.vaults.wish(),
        }
    }

    fn must_only_check(&self, document: &SettingsDocument) -> Result<(), Failure> {
        if document.exists() {
            return Ok(());
        }
        let missing = Error::NotFound {
            object: format!("settings file {}", printable::path(document.path())),
        };
        Err(Failure::from(missing)
            .with_next("name it with --config FILE, or let `custody setup azure` make it"))
    }

    /// Refuses settings with which nothing could be captured, naming the flag that completes them. Roles are the same
    /// for whoever will have them.
    fn must_be_complete(
        &self,
        document: &SettingsDocument,
        wishes: &Wishes,
        console: &Console,
    ) -> Result<(), Failure> {
        let standing = document.standing()?;
        let missing = |what: &str, flag: &str| {
            let next = if self.print_roles || self.check_only {
                format!("give {flag}, or name a settings file that has it: --config FILE")
            } else if console.is_json() {
                format!("give {flag}; with --json nothing is asked")
            } else {
                format!("give {flag}, or run this on a terminal and be asked")
            };
            Failure::usage(format!("{what} is not named")).with_next(next)
        };
        if !self.print_roles && standing.identity.is_none() && wishes.identity.is_silent() {
            return Err(missing("the identity", "--identity KIND"));
        }
        if standing.store.account.is_none() && wishes.account.is_none() {
            return Err(missing("the storage account", "--account ID"));
        }
        if standing.store.container.is_none() && wishes.container.is_none() {
            return Err(missing("the container", "--container NAME"));
        }
        Ok(())
    }

    fn scopes(
        &self,
        settings: &AzureSettings,
        groups: &[ResourceGroup],
        owner_vaults: Vec<ResourceId>,
    ) -> Result<RoleScopes, Failure> {
        let (account, container) = store(settings)?;
        let (subscription, group) = snapshot_group(settings, groups, &account);
        let apart = settings.snapshots.resource_group.is_some() || settings.snapshots.subscription.is_some();
        let snapshots = apart
            .then(|| ResourceGroup::new(&subscription, &group))
            .transpose()?;
        let standing = settings.snapshots.consistency.unwrap_or_default();
        let vault = settings.vault.as_ref();
        let wraps = vault.is_some_and(|vault| vault.wrapping_key.is_some());
        Ok(RoleScopes {
            owner_vaults,
            vault: vault.and_then(|vault| vault.id.clone()),
            wrapping: if wraps {
                WrappingRights::Wanted
            } else {
                WrappingRights::LeftOut
            },
            sources: groups.to_vec(),
            snapshots,
            account,
            container,
            consistencies: match self.consistency.as_slice() {
                [] => vec![standing],
                named => named.to_vec(),
            },
            sign_in_exports: if self.sign_in_exports {
                SignInExportRights::Wanted
            } else {
                SignInExportRights::LeftOut
            },
            records: if self.disks_only {
                MachineRecordRights::LeftOut
            } else {
                MachineRecordRights::Wanted
            },
        })
    }

    /// Stores the settings, when there is something to store and it may be.
    fn write(&self, document: &SettingsDocument, console: &Console) -> Result<WhatHappened, Failure> {
        if document.changes().is_empty() {
            return Ok(WhatHappened::Unchanged);
        }
        let changes: Vec<String> = document.changes().iter().map(ToString::to_string).collect();
        if self.check_only {
            let failure =
                Failure::usage("--check-only looks at the settings file as it is, and this would change it");
            let failure = changes.into_iter().fold(failure, Failure::with_cause);
            return Err(failure.with_next("leave one or the other out"));
        }
        if document.exists() && !self.force {
            let shown = printable::path(document.path());
            let may = self.asks(console) && {
                let lines: String = changes.iter().map(|change| format!("  {change}\n")).collect();
                let question =
                    format!("{shown} is there. This changes:\n{lines}Everything else in it stays. Write it?");
                Questions::of_stdin(console).confirm(&question)?
            };
            if !may {
                let failure = Failure::usage(format!(
                    "{shown} is there, and says otherwise; nothing was written"
                ));
                let failure = changes.into_iter().fold(failure, Failure::with_cause);
                return Err(failure.with_next("--force changes these and keeps everything else in it"));
            }
        }
        document.write()?;
        Ok(if document.exists() {
            WhatHappened::Changed
        } else {
            WhatHappened::Made
        })
    }

    async fn check(
        &self,
        console: &Arc<Console>,
        document: &SettingsDocument,
        settings: &AzureSettings,
        scopes: &RoleScopes,
        happened: WhatHappened,
    ) -> Result<Answer, Failure> {
        let making = if self.check_only {
            Making::Nothing
        } else {
            Making::WhatIsMissing
        };
        let (state, folder) = state_folder(&self.state, making);
        let key = signer(folder.as_ref(), &self.state, self.key.as_deref(), making, console).await;
        let floor = settings.store.protection.unwrap_or(DEFAULT_PROTECTION);
        let azure = self.check_azure(console, settings, scopes, floor).await?;
        let mut checks = azure.checks;
        checks.push(azure.clock);
        checks.push(state);
        checks.push(key.check);
        let report = Report {
            document,
            happened,
            key: key.key,
            checks,
            commands: azure.commands,
            roles: scopes.roles(),
            state: &self.state,
        };
        Ok(report.answer())
    }

    async fn check_azure(
        &self,
        console: &Console,
        settings: &AzureSettings,
        scopes: &RoleScopes,
        floor: ProtectionKind,
    ) -> Result<AzureFound, Failure> {
        let place = place(settings, &scopes.sources)?;
        let transport = crate::azure::transport();
        let identity = settings.identity.as_ref().ok_or_else(crate::azure::no_identity)?;
        let signed = sign_in(&place.cloud, identity, &transport).await;
        let ports = match &signed.credential {
            Some(credential) => Some(place.to_check(credential, transport, patience())?),
            None => None,
        };
        let mut checks = signed.checks;
        let arm = ports.as_ref().map(|ports| ports.arm());
        let (rights, mut not_held) = right_checks(arm, scopes).await;
        checks.extend(rights);
        let (rights, not_held_in_vaults) = vault_right_checks(arm, scopes, settings.vault.as_ref()).await;
        checks.extend(rights);
        not_held.extend(not_held_in_vaults);
        let mut container = match &ports {
            Some(ports) => ContainerChecks::look(ports.arm(), ports.store(), floor).await,
            None => ContainerChecks::unknown(),
        };
        match &ports {
            Some(ports) if self.probe => {
                console.err(&format!(
                    "custody: writing two small objects below probe/ in {}: they stay as long as its policy or hold says\n",
                    ports.store().location()
                ));
                container.probe(ports.store()).await;
            }
            _ => container.checks.push(Check::new(
                "writing into the container",
                CheckState::LeftOut,
                "not probed: --probe writes two small objects, which a retention policy keeps",
            )),
        }
        checks.extend(container.checks);
        checks.push(vault_check(ports.as_ref()).await);
        let who: &SignedIn = &signed.who;
        Ok(AzureFound {
            checks,
            clock: ahead(container.ahead),
            commands: commands(
                scopes,
                &not_held,
                container.wants,
                floor,
                self.retention_days,
                who,
            ),
        })
    }
}

struct AzureFound {
    checks: Vec<Check>,
    clock: Check,
    commands: Vec<crate::setup::Command>,
}

fn network(text: &str) -> Result<NetworkChoice, Error> {
    match text {
        "as-the-disk" => Ok(NetworkChoice::AsTheDisk),
        "allow-all" => Ok(NetworkChoice::AllowAll),
        id => {
            let id: ResourceId = id.parse()?;
            if id.kind() == "microsoft.compute/diskaccesses" {
                return Ok(NetworkChoice::Private(id));
            }
            Err(Error::malformed(
                id.to_string(),
                "is neither as-the-disk, nor allow-all, nor the id of a disk access resource",
            ))
        }
    }
}
