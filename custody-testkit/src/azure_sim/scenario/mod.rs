//! What a simulated cloud holds when it starts, as data: written in Rust by tests, as JSON for the program.

mod cloud;
mod disk;
mod identity;
mod lab;
mod machine;
mod storage;
mod timing;
mod vault;
mod vault_lab;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::cloud::Cloud;
pub use self::disk::{Bytes, Disk, DiskNetworkAccess, ExistingSnapshot, GuestStateOfSnapshots};
pub use self::identity::{Identity, ManagedIdentity, RoleGrant};
pub use self::machine::{AttachedDisk, DiskPlacement, Machine};
pub use self::storage::{Container, ImmutabilityPolicy, StorageAccount};
pub use self::timing::{Bandwidth, LongRunning, LroStyle, Timing};
pub use self::vault::{Vault, VaultAccessPolicy, VaultKey, VaultSecret};
use super::fault::Fault;

/// A cloud to simulate.
///
/// [`Scenario::lab`] is the one that most tests start from. As JSON every member has its Rust name in camel case, all
/// are optional, and unknown ones are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// Host names of the cloud's services.
    pub cloud: Cloud,
    /// The Entra tenants; the first is the subscriptions' own.
    pub tenants: Vec<String>,
    /// The subscriptions; the first is meant wherever a resource names none.
    pub subscriptions: Vec<String>,
    /// Resource groups as (name, region), in every subscription.
    pub resource_groups: Vec<(String, String)>,
    /// Who may ask for a token, and what each may do.
    pub identities: Vec<Identity>,
    /// Virtual machines.
    pub machines: Vec<Machine>,
    /// Managed disks.
    pub disks: Vec<Disk>,
    /// Snapshots that are there before anyone captures.
    pub snapshots: Vec<ExistingSnapshot>,
    /// Storage accounts.
    pub storage_accounts: Vec<StorageAccount>,
    /// Key vaults.
    pub vaults: Vec<Vault>,
    /// Other ARM resources, answered as they stand: each has an `id`. Network interfaces, security groups, role
    /// assignments, restore point collections and so on.
    pub resources: Vec<Value>,
    /// How long things take.
    pub timing: Timing,
    /// How fast answers are sent.
    pub bandwidth: Bandwidth,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// The address that callers through a transport come from, for network rules and `sip`.
    pub caller_address: String,
    /// The disk access resources whose private endpoints callers come through. A storage service that copies never
    /// does.
    pub private_endpoints: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            cloud: Cloud::default(),
            tenants: vec!["11111111-1111-4111-8111-111111111111".into()],
            subscriptions: vec!["22222222-2222-4222-8222-222222222222".into()],
            resource_groups: vec![
                ("production".into(), "westeurope".into()),
                ("soc".into(), "westeurope".into()),
            ],
            identities: Vec::new(),
            machines: Vec::new(),
            disks: Vec::new(),
            snapshots: Vec::new(),
            storage_accounts: Vec::new(),
            vaults: Vec::new(),
            resources: Vec::new(),
            timing: Timing::default(),
            bandwidth: Bandwidth::default(),
            faults: Vec::new(),
            caller_address: "127.0.0.1".into(),
            private_endpoints: Vec::new(),
        }
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// What serde says when it is not JSON, or has a member that no scenario has.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Adds a fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds a disk.
    #[must_use]
    pub fn with_disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Adds a machine.
    #[must_use]
    pub fn with_machine(mut self, machine: Machine) -> Self {
        self.machines.push(machine);
        self
    }

    /// Adds an identity.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Adds a storage account.
    #[must_use]
    pub fn with_storage_account(mut self, account: StorageAccount) -> Self {
        self.storage_accounts.push(account);
        self
    }

    /// Adds a key vault.
    #[must_use]
    pub fn with_vault(mut self, vault: Vault) -> Self {
        self.vaults.push(vault);
        self
    }

    /// Adds any other ARM resource, which must have an `id`.
    #[must_use]
    pub fn with_resource(mut self, resource: Value) -> Self {
        self.resources.push(resource);
        self
    }

    /// Replaces how long things take.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Replaces how fast answers are sent.
    #[must_use]
    pub fn with_bandwidth(mut self, bandwidth: Bandwidth) -> Self {
        self.bandwidth = bandwidth;
        self
    }

    /// The disk of that name, to change it.
    ///
    /// # Panics
    /// When the scenario has no such disk: the test is wrong.
    pub fn disk_mut(&mut self, name: &str) -> &mut Disk {
        self.disks
            .iter_mut()
            .find(|disk| disk.name == name)
            .expect("a disk of that name is in the scenario")
    }

    /// The container of that name in that account, to change it.
    ///
    /// # Panics
    /// When the scenario has no such container: the test is wrong.
    pub fn container_mut(&mut self, account: &str, container: &str) -> &mut Container {
        self.storage_accounts
            .iter_mut()
            .find(|candidate| candidate.name == account)
            .and_then(|account| {
                account
                    .containers
                    .iter_mut()
                    .find(|candidate| candidate.name == container)
            })
            .expect("a container of that name is in the scenario")
    }

    pub(crate) fn subscription<'a>(&'a self, named: Option<&'a str>) -> &'a str {
        named
            .or_else(|| self.subscriptions.first().map(String::as_str))
            .unwrap_or("00000000-0000-0000-0000-000000000000")
    }

    pub(crate) fn tenant(&self) -> &str {
        self.tenants
            .first()
            .map_or("00000000-0000-0000-0000-000000000000", String::as_str)
    }
}
