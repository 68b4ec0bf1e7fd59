//! Azure on loopback, for tests: Entra and the metadata service, Resource Manager, the blob data plane, key vaults, the hosts of
//! disk exports and the Activity Log, with state that behaves as Azure's documentation says.
//!
//! A [`Scenario`] says what the cloud holds; a [`Simulator`] runs it. Our own clients reach it through
//! [`Simulator::transport`], which sits below their policies: addresses stay production's, and checks of scheme, host
//! and audience stay on. Other clients reach it over plain HTTP or TLS on loopback, after [`Simulator::start`].
//!
//! Facts are from the documentation and the API descriptions that each item names. What is not modelled, and what no
//! source confirms, is listed in `docs/simulator.md`.
//!
//! ```
//! use custody_testkit::azure_sim::{Fault, FaultAction, Scenario, Simulator};
//!
//! let simulator = Simulator::new(Scenario::lab()).unwrap();
//! simulator.inject(Fault::on("DELETE", "*/snapshots/*", FaultAction::status(429, "TooManyRequests").retry_after(1)));
//! assert!(simulator.journal().is_empty());
//! assert!(simulator.refused_hosts().is_empty());
//! ```

mod address;
mod arm;
mod blob;
mod clock;
mod cloud;
mod content;
mod entra;
mod export;
mod fault;
mod host_file;
mod http;
mod inspection;
mod journal;
mod keyed;
mod listener;
mod scenario;
mod simulator;
mod tls;
mod transport;
mod vault;
mod vhd_footer;
mod world;

pub use self::fault::{Fault, FaultAction, FaultMatcher};
pub use self::inspection::{StoredBlob, StoredSecret, StoredSnapshot};
pub use self::journal::JournalEntry;
pub use self::listener::{Endpoints, ServiceUrls};
pub use self::scenario::{
    AttachedDisk, Bandwidth, Bytes, Cloud, Container, Disk, DiskNetworkAccess, DiskPlacement,
    ExistingSnapshot, GuestStateOfSnapshots, Identity, ImmutabilityPolicy, LongRunning, LroStyle, Machine,
    ManagedIdentity, RoleGrant, Scenario, StorageAccount, Timing, Vault, VaultAccessPolicy, VaultKey,
    VaultSecret,
};
pub use self::simulator::Simulator;
