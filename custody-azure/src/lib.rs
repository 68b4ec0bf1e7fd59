//! Azure as a source of disks and a store of evidence: virtual machines, disk snapshots, immutable blobs.
//!
//! * [`Cloud`] says where services are and which hosts belong to them; [`Identity`] as whom they are asked.
//! * [`arm::Arm`] is a small typed client of Azure Resource Manager. A request that changes something is sent once; whoever
//!   sends it looks at the resource before sending it again.
//! * [`AzureSnapshotter`] and [`AzureSourceAccess`] are the source: machines, disks, disk snapshots, timed read access.
//! * [`BlobStore`] is the store: server-side copies and streams into a container, read back by checked ranges; logs in
//!   append blobs.
//! * [`AzureKeySource`] fetches the keys of encrypted disks from their owners' vaults; [`VaultKeyEscrow`],
//!   [`VaultKeyWrapper`] and [`VaultDigestRegister`] keep keys and digests in a vault of one's own.
//! * [`exhibit::AzureMachineRecords`] reads what the Resource Manager says of a machine, byte for byte.
//! * [`ports`](ports()) puts it together with the worker's own ports; `examples/capture_machine.rs` captures a machine
//!   from a program that watches it and can stop it.
//! * [`arm::RIGHTS`] is every right that this takes, and where; those in vaults are [`VAULT_RIGHTS`].
//!
//! This crate speaks Microsoft's REST contract and decides nothing about evidence. Its futures need tokio: the HTTP
//! client below and the waits between repeated calls rest on it.
#![forbid(unsafe_code)]

pub mod arm;
mod azure_ports;
mod blob;
pub mod cloud;
pub mod exhibit;
mod export_family;
mod export_form;
mod http;
mod identity;
mod key_vault;
mod rights;
mod service_clock;
mod signed_in;
mod snapshotter;
mod source_access;
mod token_source;

/// Who asks for tokens: what [`Identity::credential`] gives, and what any other identity must be to be used here.
pub use azure_core::credentials::TokenCredential;
pub use azure_ports::{AzurePorts, AzurePortsOptions, WorkerPorts, ports};
pub use blob::{BlobStore, Probe, StoreLocation};
pub use cloud::{Cloud, CloudEndpoints, HostKind};
pub use http::{CleanTransport, Patience, ServiceRefusal};
pub use identity::{Identity, ManagedIdentity};
pub use key_vault::{
    AzureKeySource, VAULT_RIGHTS, VaultDigestRegister, VaultKeyEscrow, VaultKeyWrapper, VaultLocation,
    VaultPlace, VaultPurpose, VaultRight, VaultRights,
};
pub use rights::AzureRights;
pub use service_clock::host_clock_ahead_by;
pub use signed_in::{PrincipalKind, SignedIn};
pub use snapshotter::{AzureSnapshotter, Consistency, GuestState, SnapshotNetwork, SnapshotPlace};
pub use source_access::{AzureSourceAccess, MAX_GRANT};
