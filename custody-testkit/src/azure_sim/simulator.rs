use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use azure_core::http::HttpClient;
use bytes::Bytes;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::cloud::SimulatedCloud;
use super::fault::Fault;
use super::inspection::{self, StoredBlob, StoredSecret, StoredSnapshot};
use super::journal::JournalEntry;
use super::listener::{self, Endpoints};
use super::scenario::{RoleGrant, Scenario, Vault, VaultSecret};
use super::transport::{InProcess, OverLoopback};
use super::vault::VaultState;

/// A running simulated cloud.
///
/// Dropping it closes its ports and removes its certificate's file. What it hands out (transports) keeps working on
/// the same state.
pub struct Simulator {
    cloud: Arc<SimulatedCloud>,
    listening: Option<Listening>,
}

struct Listening {
    endpoints: Endpoints,
    tasks: Vec<JoinHandle<()>>,
    /// Holds the certificate's file.
    _folder: TempDir,
}

impl Simulator {
    /// A cloud without ports: reached through [`Self::transport`] only.
    ///
    /// # Errors
    /// When the scenario contradicts itself, or a disk's file cannot be read.
    pub fn new(scenario: Scenario) -> io::Result<Self> {
        Ok(Self {
            cloud: Arc::new(SimulatedCloud::new(scenario)?),
            listening: None,
        })
    }

    /// A cloud that listens on 127.0.0.1, at ports that the host chooses.
    ///
    /// # Errors
    /// As [`Self::new`], and when no port or certificate can be had.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        let mut simulator = Self::new(scenario)?;
        let folder = tempfile::Builder::new().prefix("custody-azure-sim-").tempdir()?;
        let (endpoints, tasks) = listener::listen(&simulator.cloud, folder.path()).await?;
        simulator.listening = Some(Listening {
            endpoints,
            tasks,
            _folder: folder,
        });
        Ok(simulator)
    }

    /// Where it listens; none when it was made by [`Self::new`].
    #[must_use]
    pub fn endpoints(&self) -> Option<&Endpoints> {
        self.listening.as_ref().map(|listening| &listening.endpoints)
    }

    /// A client that reaches this cloud, and nothing else, under production's addresses, within the process. Calls to
    /// hosts that the cloud does not have fail and are listed by [`Self::refused_hosts`].
    ///
    /// Needs a tokio runtime when answers are delayed or paced.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn HttpClient> {
        Arc::new(InProcess::new(Arc::clone(&self.cloud)))
    }

    /// The same over real sockets, for measurements: the built-in HTTP client, to the plain port that serves all hosts.
    ///
    /// # Panics
    /// When the simulator was not started.
    #[must_use]
    pub fn loopback_transport(&self) -> Arc<dyn HttpClient> {
        let endpoints = self.endpoints().expect("the simulator listens");
        Arc::new(OverLoopback::new(
            Arc::clone(&self.cloud),
            &endpoints.plain_router,
        ))
    }

    /// Adds a fault, from the next call on.
    pub fn inject(&self, fault: Fault) {
        self.cloud.faults.add(fault);
    }

    /// Removes all faults, those of the scenario too.
    pub fn clear_faults(&self) {
        self.cloud.faults.clear();
    }

    /// Gives every identity a role more, as who hands out rights would when a missing one was asked for.
    pub fn let_everyone(&self, role: &RoleGrant) {
        for identity in &mut self.cloud.world().scenario.identities {
            identity.roles.push(role.clone());
        }
    }

    /// Puts the cloud's clock ahead: signatures and tokens expire, copies and retention go on.
    pub fn advance(&self, by: Duration) {
        self.cloud.clock.advance(by);
    }

    /// All calls so far, in the order in which they were answered.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.cloud.journal.entries()
    }

    /// Hosts that a client asked for and that the cloud does not have.
    #[must_use]
    pub fn refused_hosts(&self) -> Vec<String> {
        self.cloud.refused_hosts()
    }

    /// A blob as it is stored; none when there is none of that name.
    #[must_use]
    pub fn blob(&self, account: &str, container: &str, name: &str) -> Option<StoredBlob> {
        self.settle();
        inspection::blob(&self.cloud.world(), account, container, name)
    }

    /// The names of all blobs of a container, in order.
    #[must_use]
    pub fn blob_names(&self, account: &str, container: &str) -> Vec<String> {
        inspection::blob_names(&self.cloud.world(), account, container)
    }

    /// All snapshots, by their id.
    #[must_use]
    pub fn snapshots(&self) -> Vec<StoredSnapshot> {
        inspection::snapshots(&self.cloud.world(), self.cloud.clock.now())
    }

    /// Ids, in lower case, of what can be read through an export now.
    #[must_use]
    pub fn live_exports(&self) -> Vec<String> {
        inspection::live_exports(&self.cloud.world(), self.cloud.clock.now())
    }

    /// The bytes of a disk of the scenario, as they are now.
    ///
    /// # Errors
    /// When the scenario has no such disk, or its file cannot be read.
    pub fn disk_bytes(&self, name: &str) -> io::Result<Bytes> {
        inspection::disk_bytes(&self.cloud.world(), name)
    }

    /// Writes to a disk, as its machine would. Snapshots that were taken before stay as they are.
    ///
    /// # Errors
    /// When the scenario has no such disk.
    pub fn write_disk(&self, name: &str, offset: u64, bytes: impl Into<Bytes>) -> io::Result<()> {
        inspection::write_disk(&mut self.cloud.world(), name, offset, bytes.into())
    }

    /// The ids of the restore points that are kept, and of their collections.
    #[must_use]
    pub fn restore_points(&self) -> Vec<String> {
        inspection::restore_points(&self.cloud.world())
    }

    /// Puts another disk, of the same bytes, under the id of one, as someone else would.
    pub fn replace_disk(&self, name: &str) {
        let mut world = self.cloud.world();
        let unique_id = world.fresh_guid("incarnation");
        for state in world.disks.values_mut().filter(|state| state.disk.name == name) {
            state.unique_id.clone_from(&unique_id);
        }
    }

    /// The latest version of a secret; none when there is none that is not deleted.
    #[must_use]
    pub fn secret(&self, vault: &str, name: &str) -> Option<StoredSecret> {
        self.cloud
            .world()
            .vaults
            .get(&vault.to_lowercase())?
            .stored_secret(name)
    }

    /// The names of all secrets of a vault, in order.
    #[must_use]
    pub fn secret_names(&self, vault: &str) -> Vec<String> {
        let world = self.cloud.world();
        let vault = world.vaults.get(&vault.to_lowercase());
        vault.map(VaultState::secret_names).unwrap_or_default()
    }

    /// Adds a version of a secret, as someone else would.
    pub fn put_secret(&self, vault: &str, secret: &VaultSecret) {
        let now = self.cloud.clock.now();
        let mut world = self.cloud.world();
        let made = world.fresh_guid("version");
        if let Some(vault) = world.vaults.get_mut(&vault.to_lowercase()) {
            vault.put_secret(secret, &made, now);
        }
    }

    /// Deletes a secret, as someone else would: it can be recovered.
    pub fn delete_secret(&self, vault: &str, name: &str) {
        let now = self.cloud.clock.now();
        if let Some(vault) = self.cloud.world().vaults.get_mut(&vault.to_lowercase()) {
            vault.delete_secret(name, now);
        }
    }

    /// Takes secrets and keys of that name away for good, whatever protects them.
    pub fn purge_from_vault(&self, vault: &str, name: &str) {
        if let Some(vault) = self.cloud.world().vaults.get_mut(&vault.to_lowercase()) {
            vault.forget(name);
        }
    }

    /// Takes a vault away for good, whatever protects it.
    pub fn purge_vault(&self, vault: &str) {
        self.cloud.world().vaults.remove(&vault.to_lowercase());
    }

    /// Changes what a vault lets whom do, and from where; its secrets and keys stay.
    pub fn change_vault(&self, vault: &str, change: impl FnOnce(&mut Vault)) {
        if let Some(vault) = self.cloud.world().vaults.get_mut(&vault.to_lowercase()) {
            change(&mut vault.settings);
        }
    }

    /// Disables every version of a secret or a key.
    pub fn disable_in_vault(&self, vault: &str, name: &str) {
        if let Some(vault) = self.cloud.world().vaults.get_mut(&vault.to_lowercase()) {
            vault.disable(name);
        }
    }

    /// Gives a disk other encryption settings, as a rotation of its key does. Snapshots that were taken before keep
    /// theirs.
    pub fn set_encryption_settings(&self, disk: &str, settings: &serde_json::Value) {
        let mut world = self.cloud.world();
        for state in world.disks.values_mut().filter(|state| state.disk.name == disk) {
            state.disk.encryption_settings = Some(settings.clone());
        }
    }

    /// Names the vaults by their ports on this host, wherever disks and tags name them by the cloud's hosts: for clients
    /// that resolve names for themselves. Nothing changes where the simulator does not listen.
    pub fn name_vaults_by_ports(&self) {
        let Some(endpoints) = self.endpoints() else {
            return;
        };
        let mut world = self.cloud.world();
        for (name, port) in &endpoints.tls.vault {
            let host = format!("https://{name}.{}/", world.scenario.cloud.vault_suffix);
            let port = format!("{}/", port.trim_end_matches('/'));
            let renamed = |json: &mut serde_json::Value| {
                let text = json.to_string().replace(&host, &port);
                if let Ok(changed) = serde_json::from_str(&text) {
                    *json = changed;
                }
            };
            for state in world.disks.values_mut() {
                if let Some(settings) = &mut state.disk.encryption_settings {
                    renamed(settings);
                }
            }
            for vault in world.vaults.values_mut() {
                vault.change_tags(renamed);
            }
        }
    }

    /// Clears the legal hold of a container, as someone else would.
    pub fn clear_legal_hold(&self, account: &str, container: &str) {
        let mut world = self.cloud.world();
        let account = world.accounts.get_mut(account);
        if let Some(container) = account.and_then(|account| account.containers.get_mut(container)) {
            container.hold_tags.clear();
        }
    }

    /// Detaches a data disk from every machine, as someone else would.
    pub fn detach_disk(&self, name: &str) {
        let mut world = self.cloud.world();
        for machine in &mut world.scenario.machines {
            machine.data_disks.retain(|attached| attached.name != name);
        }
        for state in world.disks.values_mut().filter(|state| state.disk.name == name) {
            state.attached_to = None;
        }
    }

    /// Removes a disk, as someone else would, and detaches it from its machine's answers.
    pub fn remove_disk(&self, name: &str) {
        self.cloud
            .world()
            .disks
            .retain(|_, state| state.disk.name != name);
    }

    fn settle(&self) {
        let now = self.cloud.clock.now();
        self.cloud.world().settle(now);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in self.listening.iter().flat_map(|listening| &listening.tasks) {
            task.abort();
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("endpoints", &self.endpoints())
            .finish_non_exhaustive()
    }
}
