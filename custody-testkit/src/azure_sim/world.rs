use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use serde_json::Value;

use super::address::Addresses;
use super::arm::{ActivityEvent, DiskState, Operation, RestorePoint, SnapshotState};
use super::blob::{Account, BlobPlace};
use super::export::Export;
use super::keyed;
use super::scenario::Scenario;
use super::vault::{Backup, VaultState};

/// The state of the simulated cloud. Every call is one transition of it.
pub(crate) struct World {
    /// What does not change: identities, timing, names.
    pub(crate) scenario: Scenario,
    pub(crate) addresses: Addresses,
    /// What tokens and signatures are made with.
    pub(crate) secret: [u8; 32],
    /// How many names were made.
    pub(crate) names: u64,
    /// By ARM id in lower case, like everything that ARM holds.
    pub(crate) disks: BTreeMap<String, DiskState>,
    pub(crate) snapshots: BTreeMap<String, SnapshotState>,
    pub(crate) restore_points: BTreeMap<String, RestorePoint>,
    /// Other resources, answered as they stand.
    pub(crate) resources: BTreeMap<String, Value>,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// By name, in lower case.
    pub(crate) vaults: BTreeMap<String, VaultState>,
    /// Backups of what is in vaults, by what their blobs name.
    pub(crate) backups: BTreeMap<String, Backup>,
    /// By the label of their host.
    pub(crate) exports: BTreeMap<String, Export>,
    pub(crate) operations: BTreeMap<String, Operation>,
    /// Resources whose next request for access is answered at once.
    pub(crate) answered_next: BTreeSet<String>,
    pub(crate) activity: Vec<ActivityEvent>,
    /// Copies that are not finished.
    pub(crate) pending_copies: Vec<BlobPlace>,
    pub(crate) metadata_misses_left: u32,
}

impl World {
    pub(crate) fn new(scenario: Scenario, now: Timestamp) -> io::Result<Self> {
        let mut world = Self {
            addresses: Addresses::new(&scenario),
            secret: keyed::mac(b"custody simulator", scenario.tenant().as_bytes()),
            names: 0,
            disks: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            restore_points: BTreeMap::new(),
            resources: BTreeMap::new(),
            accounts: BTreeMap::new(),
            vaults: BTreeMap::new(),
            backups: BTreeMap::new(),
            exports: BTreeMap::new(),
            operations: BTreeMap::new(),
            answered_next: BTreeSet::new(),
            activity: Vec::new(),
            pending_copies: Vec::new(),
            metadata_misses_left: scenario.timing.metadata_misses,
            scenario,
        };
        for disk in world.scenario.disks.clone() {
            let state = DiskState::new(&world.scenario, disk, now)?;
            world.disks.insert(state.id.to_lowercase(), state);
        }
        for existing in world.scenario.snapshots.clone() {
            let disk = world.disks.values().find(|disk| disk.disk.name == existing.disk);
            let disk = disk.ok_or_else(|| missing("disk", &existing.disk))?;
            let snapshot = SnapshotState::existing(disk, &existing, now);
            world.snapshots.insert(snapshot.id.to_lowercase(), snapshot);
        }
        for resource in world.scenario.resources.clone() {
            let id = resource["id"]
                .as_str()
                .ok_or_else(|| missing("member", "id of a resource"))?;
            world.resources.insert(id.to_lowercase(), resource.clone());
        }
        for account in &world.scenario.storage_accounts {
            let id = account.id(world.scenario.subscription(account.subscription.as_deref()));
            world
                .accounts
                .insert(account.name.clone(), Account::new(account, id, now));
        }
        for vault in &world.scenario.vaults {
            let id = vault.id(world.scenario.subscription(None));
            let state = VaultState::new(vault, id, now);
            world.vaults.insert(vault.name.to_lowercase(), state);
        }
        Ok(world)
    }

    /// A GUID that no one got before.
    pub(crate) fn fresh_guid(&mut self, what: &str) -> String {
        self.names += 1;
        keyed::guid(&format!("{what} {}", self.names))
    }

    /// An ETag that no one got before.
    pub(crate) fn fresh_etag(&mut self) -> String {
        self.names += 1;
        format!(
            "\"0x8DE{:012X}\"",
            self.names.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF_FFFF
        )
    }

    /// Lets what goes on by itself go on: copies, operations of time.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        super::blob::advance_copies(self, now, None);
    }
}

fn missing(what: &str, name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the scenario has no {what} {name:?}"),
    )
}
