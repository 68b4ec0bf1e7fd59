use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A virtual machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Machine {
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
    /// Its size.
    pub size: String,
    /// `Windows` or `Linux`.
    pub os_type: String,
    /// `TrustedLaunch`, `ConfidentialVM`; empty for none.
    pub security_type: String,
    /// Whether encryption at host is on.
    pub encryption_at_host: bool,
    /// `PowerState/running`, `PowerState/deallocated` and so on.
    pub power_state: String,
    /// The disk that it starts from.
    pub os_disk: AttachedDisk,
    /// The other disks.
    pub data_disks: Vec<AttachedDisk>,
    /// Ids of its network interfaces; the resources themselves are in the scenario's `resources`.
    pub network_interfaces: Vec<String>,
    /// Whether boot diagnostics are on.
    pub boot_diagnostics: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A disk as a machine has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AttachedDisk {
    /// The disk's name in the scenario.
    pub name: String,
    /// Where it is kept.
    pub placement: DiskPlacement,
    /// `None`, `ReadOnly` or `ReadWrite`.
    pub caching: String,
    /// Whether write acceleration is on.
    pub write_accelerator: bool,
    /// `encryptionSettings` of the machine's own model, answered as it stands: the older scheme of disk encryption.
    pub encryption_settings: Option<serde_json::Value>,
}

/// Where an attached disk is kept.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum DiskPlacement {
    /// A managed disk of the scenario.
    #[default]
    Managed,
    /// On the host itself: the disk resource answers 404.
    Ephemeral,
    /// A page blob, by its address.
    Unmanaged(String),
}

impl Default for AttachedDisk {
    fn default() -> Self {
        Self {
            name: "disk".into(),
            placement: DiskPlacement::Managed,
            caching: "None".into(),
            write_accelerator: false,
            encryption_settings: None,
        }
    }
}

impl AttachedDisk {
    /// A managed disk.
    #[must_use]
    pub fn managed(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// An ephemeral disk.
    #[must_use]
    pub fn ephemeral(name: &str) -> Self {
        Self {
            name: name.into(),
            placement: DiskPlacement::Ephemeral,
            ..Self::default()
        }
    }

    /// A page blob.
    #[must_use]
    pub fn unmanaged(name: &str, uri: &str) -> Self {
        Self {
            name: name.into(),
            placement: DiskPlacement::Unmanaged(uri.into()),
            ..Self::default()
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            name: "vm".into(),
            resource_group: "production".into(),
            subscription: None,
            location: "westeurope".into(),
            zones: Vec::new(),
            size: "Standard_D4s_v3".into(),
            os_type: "Linux".into(),
            security_type: String::new(),
            encryption_at_host: false,
            power_state: "PowerState/running".into(),
            os_disk: AttachedDisk::default(),
            data_disks: Vec::new(),
            network_interfaces: Vec::new(),
            boot_diagnostics: true,
            tags: BTreeMap::new(),
        }
    }
}

impl Machine {
    /// A running Linux machine of the resource group `production`, in West Europe.
    #[must_use]
    pub fn new(name: &str, os_disk: AttachedDisk, data_disks: Vec<AttachedDisk>) -> Self {
        Self {
            name: name.into(),
            os_disk,
            data_disks,
            ..Self::default()
        }
    }
}
