//! The parts of the service's answers that are read. Everything may be missing: what is needed is asked for where it
//! is used. Unknown members are passed over.
//!
//! Source: Microsoft's OpenAPI documents, ComputeRP 2024-03-01 and DiskRP 2023-10-02, read 2026-11-21.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ResourceId;

/// Another resource, by its id.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct VirtualMachine {
    pub(crate) id: Option<String>,
    pub(crate) location: String,
    pub(crate) zones: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) properties: MachineProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MachineProperties {
    pub(crate) vm_id: Option<String>,
    pub(crate) time_created: Option<String>,
    pub(crate) provisioning_state: Option<String>,
    pub(crate) hardware_profile: HardwareProfile,
    pub(crate) storage_profile: StorageProfile,
    pub(crate) security_profile: SecurityProfile,
    pub(crate) network_profile: NetworkProfile,
    pub(crate) instance_view: Option<InstanceView>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HardwareProfile {
    pub(crate) vm_size: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct StorageProfile {
    pub(crate) os_disk: Option<MachineDisk>,
    pub(crate) data_disks: Vec<MachineDisk>,
    pub(crate) disk_controller_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MachineDisk {
    pub(crate) name: Option<String>,
    pub(crate) lun: Option<i64>,
    pub(crate) caching: Option<String>,
    pub(crate) managed_disk: Option<Reference>,
    pub(crate) vhd: Option<serde_json::Value>,
    pub(crate) diff_disk_settings: Option<DiffDiskSettings>,
    pub(crate) encryption_settings: Option<MachineEncryption>,
    pub(crate) write_accelerator_enabled: Option<bool>,
    #[serde(rename = "diskSizeGB")]
    pub(crate) disk_size_gb: Option<u64>,
    /// In a restore point's description of the machine: the copy of this disk.
    pub(crate) disk_restore_point: Option<Reference>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiffDiskSettings {
    pub(crate) option: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MachineEncryption {
    pub(crate) enabled: Option<bool>,
    pub(crate) disk_encryption_key: Option<serde_json::Value>,
    pub(crate) key_encryption_key: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SecurityProfile {
    pub(crate) security_type: Option<String>,
    pub(crate) encryption_at_host: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NetworkProfile {
    pub(crate) network_interfaces: Vec<Reference>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InstanceView {
    pub(crate) statuses: Vec<InstanceStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InstanceStatus {
    pub(crate) code: String,
}

/// A managed disk, a disk snapshot or a disk restore point: they share what is read of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiskResource {
    pub(crate) id: Option<String>,
    pub(crate) location: String,
    pub(crate) managed_by: Option<String>,
    pub(crate) managed_by_extended: Vec<String>,
    pub(crate) sku: Sku,
    pub(crate) zones: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) properties: DiskProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Sku {
    pub(crate) name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiskProperties {
    pub(crate) unique_id: Option<String>,
    pub(crate) time_created: Option<String>,
    pub(crate) os_type: Option<String>,
    #[serde(rename = "hyperVGeneration")]
    pub(crate) hyper_v_generation: Option<String>,
    pub(crate) disk_size_bytes: Option<u64>,
    pub(crate) disk_state: Option<String>,
    pub(crate) provisioning_state: Option<String>,
    pub(crate) completion_percent: Option<f64>,
    pub(crate) incremental: Option<bool>,
    pub(crate) incremental_snapshot_family_id: Option<String>,
    pub(crate) max_shares: Option<u64>,
    pub(crate) network_access_policy: Option<String>,
    pub(crate) public_network_access: Option<String>,
    pub(crate) disk_access_id: Option<String>,
    pub(crate) data_access_auth_mode: Option<String>,
    pub(crate) creation_data: CreationData,
    pub(crate) encryption: DiskEncryptionAtRest,
    pub(crate) encryption_settings_collection: Option<EncryptionSettings>,
    pub(crate) security_profile: Option<DiskSecurity>,
    /// Of a disk restore point: the disk, and the disk's unique id.
    pub(crate) source_resource_id: Option<String>,
    pub(crate) source_unique_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CreationData {
    pub(crate) source_resource_id: Option<String>,
    pub(crate) source_unique_id: Option<String>,
    pub(crate) logical_sector_size: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiskEncryptionAtRest {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) disk_encryption_set_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EncryptionSettings {
    pub(crate) enabled: bool,
    pub(crate) encryption_settings_version: Option<String>,
    pub(crate) encryption_settings: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DiskSecurity {
    pub(crate) security_type: Option<String>,
}

/// A restore point: one instant of all disks of a machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RestorePoint {
    pub(crate) id: Option<String>,
    pub(crate) properties: RestorePointProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RestorePointProperties {
    pub(crate) consistency_mode: Option<String>,
    pub(crate) time_created: Option<String>,
    pub(crate) provisioning_state: Option<String>,
    pub(crate) source_metadata: SourceMetadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SourceMetadata {
    pub(crate) vm_id: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) storage_profile: StorageProfile,
}

/// What holds the restore points of one machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RestorePointCollection {
    pub(crate) id: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) properties: CollectionProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CollectionProperties {
    pub(crate) source: Reference,
    /// Only where it was asked for.
    pub(crate) restore_points: Vec<RestorePoint>,
}

/// A page of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
pub(crate) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(crate) value: Vec<T>,
    #[serde(default)]
    pub(crate) next_link: Option<String>,
}

/// A text that is a resource id, if it is one.
pub(crate) fn id_of(text: Option<&String>) -> Option<ResourceId> {
    text.and_then(|text| text.parse().ok())
}
