use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A managed disk.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Disk {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its subscription, when not the scenario's first.
    pub subscription: Option<String>,
    /// Its region.
    pub location: String,
    /// Its availability zones.
    pub zones: Vec<String>,
    /// What it holds.
    pub bytes: Bytes,
    /// `Premium_LRS`, `PremiumV2_LRS`, `UltraSSD_LRS` and so on.
    pub sku: String,
    /// `Windows` or `Linux`, for a disk with an operating system.
    pub os_type: Option<String>,
    /// 512 or 4096.
    pub logical_sector_size: u32,
    /// `EncryptionAtRestWithPlatformKey` and the like.
    pub encryption: String,
    /// The disk encryption set of keys of the customer, by its resource id.
    pub disk_encryption_set: Option<String>,
    /// `encryptionSettingsCollection`, answered as it stands.
    pub encryption_settings: Option<Value>,
    /// From where an export may be read.
    pub network: DiskNetworkAccess,
    /// `TrustedLaunch`, `ConfidentialVM_…`; empty for none.
    pub security_type: String,
    /// The guest-state (VMGS) blob, for a disk with a security type.
    pub guest_state: Option<Bytes>,
    /// Whether a grant on a snapshot of it gives its guest state too. Documents tell so of disks only.
    pub guest_state_of_snapshots: GuestStateOfSnapshots,
    /// How many machines may attach it at once; more than one makes it a shared disk.
    pub max_shares: u32,
    /// Whether a file in the format of 4096-byte sectors (VHDX) takes the place of the VHD in exports.
    pub vhdx: Option<Bytes>,
    /// Tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// What a request for the guest state of a snapshot brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum GuestStateOfSnapshots {
    /// Its address beside the disk's.
    #[default]
    Given,
    /// The disk's address alone.
    LeftOut,
    /// A refusal: 400.
    Refused,
}

/// Who may read an export, and from where. The members have the names and values that ARM gives them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DiskNetworkAccess {
    /// `AllowAll`, `AllowPrivate` or `DenyAll`.
    pub network_access_policy: String,
    /// `Enabled` or `Disabled`.
    pub public_network_access: String,
    /// The disk access resource, for `AllowPrivate`.
    pub disk_access_id: Option<String>,
    /// `None` or `AzureActiveDirectory`.
    pub data_access_auth_mode: String,
}

impl Default for DiskNetworkAccess {
    fn default() -> Self {
        Self {
            network_access_policy: "AllowAll".into(),
            public_network_access: "Enabled".into(),
            disk_access_id: None,
            data_access_auth_mode: "None".into(),
        }
    }
}

/// Bytes of a disk.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Bytes {
    /// The bytes of a file of the host; zeros in it are holes of the disk, in steps of 64 KiB.
    File(PathBuf),
    /// These bytes.
    Exactly(Vec<u8>),
    /// Reproducible bytes in the ranges (start, end), zeros elsewhere.
    #[serde(rename_all = "camelCase")]
    Pattern {
        /// Length of the whole.
        length: u64,
        /// Another seed, other bytes.
        seed: u64,
        /// What holds data.
        allocated: Vec<(u64, u64)>,
    },
}

impl Bytes {
    /// A wholly written disk.
    #[must_use]
    pub fn full(length: u64, seed: u64) -> Self {
        Self::Pattern {
            length,
            seed,
            allocated: vec![(0, length)],
        }
    }

    /// A disk written in the given ranges only.
    #[must_use]
    pub fn sparse(length: u64, seed: u64, allocated: &[(u64, u64)]) -> Self {
        Self::Pattern {
            length,
            seed,
            allocated: allocated.to_vec(),
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::full(4 << 20, 1)
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            name: "disk".into(),
            resource_group: "production".into(),
            subscription: None,
            location: "westeurope".into(),
            zones: Vec::new(),
            bytes: Bytes::default(),
            sku: "Premium_LRS".into(),
            os_type: None,
            logical_sector_size: 512,
            encryption: "EncryptionAtRestWithPlatformKey".into(),
            disk_encryption_set: None,
            encryption_settings: None,
            network: DiskNetworkAccess::default(),
            security_type: String::new(),
            guest_state: None,
            guest_state_of_snapshots: GuestStateOfSnapshots::Given,
            max_shares: 1,
            vhdx: None,
            tags: std::collections::BTreeMap::new(),
        }
    }
}

impl Disk {
    /// A data disk of the resource group `production`, in West Europe.
    #[must_use]
    pub fn new(name: &str, bytes: Bytes) -> Self {
        Self {
            name: name.into(),
            bytes,
            ..Self::default()
        }
    }

    /// Puts it in another resource group.
    #[must_use]
    pub fn in_resource_group(mut self, group: &str) -> Self {
        self.resource_group = group.into();
        self
    }

    /// Makes it of another kind.
    #[must_use]
    pub fn with_sku(mut self, sku: &str) -> Self {
        self.sku = sku.into();
        self
    }

    /// Gives it an operating system.
    #[must_use]
    pub fn with_os(mut self, os: &str) -> Self {
        self.os_type = Some(os.into());
        self
    }

    /// The ARM id, given the scenario's first subscription.
    #[must_use]
    pub fn id(&self, default_subscription: &str) -> String {
        let subscription = self.subscription.as_deref().unwrap_or(default_subscription);
        let group = &self.resource_group;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{}",
            self.name
        )
    }
}

/// A snapshot that someone else made before.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExistingSnapshot {
    /// Its name.
    pub name: String,
    /// Its resource group; the disk's when empty.
    pub resource_group: String,
    /// The name of the disk, in the scenario, that it is of.
    pub disk: String,
    /// Whether it is incremental.
    pub incremental: bool,
    /// Tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

impl ExistingSnapshot {
    /// A full snapshot of a disk.
    #[must_use]
    pub fn new(name: &str, disk: &str) -> Self {
        Self {
            name: name.into(),
            disk: disk.into(),
            ..Self::default()
        }
    }
}
