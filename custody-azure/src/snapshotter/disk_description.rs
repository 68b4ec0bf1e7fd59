use custody_core::digest::DiskData;
use custody_core::ids::{DiskId, SnapshotName, Timestamp};
use custody_core::port::{DiskDescription, DiskSnapshot, SnapshotKind};
use custody_core::{Error, Result, visible};

use super::disk_size::DiskSize;
use super::encryption;
use super::part::Part;
use crate::arm::{DiskResource, ExportKind, ResourceId};
use crate::export_form::{VHD_FIXED, VHDX, vhdx_data};
use crate::key_vault;

/// The footer behind the disk's bytes in an exported fixed VHD.
///
/// Source: `CreationData.uploadSizeBytes` in Microsoft's OpenAPI document, DiskRP 2023-10-02 ("includes the VHD
/// footer" of 512 bytes), read 2026-11-21. A stored export of another length is refused when it is opened.
pub(crate) const VHD_FOOTER_BYTES: u64 = 512;

/// The attribute in which a disk snapshot whose length only opening tells carries its disk's size.
pub(crate) const DISK_BYTES: &str = "diskSizeBytes";

/// The attribute in which a disk snapshot carries its resource's id.
const RESOURCE: &str = "resourceId";

/// The attribute in which one carries it in whole GiB, where nothing else is told.
pub(crate) const DISK_GIB: &str = "diskSizeGB";

/// A disk as it would be captured. `size` is its size where the resource itself does not tell it.
pub(super) fn describe(
    id: &ResourceId,
    found: &DiskResource,
    size: Option<DiskSize>,
) -> Result<DiskDescription> {
    let size = DiskSize::of(id, found, size)?;
    let told = id_in_answer(id, found);
    let disk = Part::Disk.id_of(told.as_str())?;
    let sector = sector_bytes(found);
    let name = visible::escape(told.name());
    let mut description = match (export_kind(found), size) {
        (ExportKind::Vhdx, size) => DiskDescription::new(disk, format!("{name}.vhdx"), 0)
            .with_length_at_opening(Some(size.reckoned()))
            .with_format(VHDX, vhdx_data()),
        (_, DiskSize::Bytes(bytes)) => DiskDescription::new(
            disk,
            format!("{name}.vhd"),
            bytes.saturating_add(VHD_FOOTER_BYTES),
        )
        .with_format(VHD_FIXED, DiskData::Prefix { length: bytes.into() }),
        (_, DiskSize::Gib(_)) => DiskDescription::new(disk, format!("{name}.vhd"), 0)
            .with_length_at_opening(Some(size.reckoned()))
            .with_format(
                VHD_FIXED,
                DiskData::NotComputed {
                    reason: "its size was told in whole GiB; its bytes are told when it is opened".into(),
                },
            ),
    };
    description = description
        .with_sector_bytes(sector)
        .with_encryption(encryption::of_export(found))
        .with_snapshot(if id.kind() == "microsoft.compute/disks" {
            SnapshotKind::Made
        } else {
            SnapshotKind::Existing
        });
    for (name, value) in attributes(found) {
        description = description.with_attribute(name, value);
    }
    description = encryption::with_key_to_read(description, found, None);
    if let Some(shares) = found.properties.max_shares.filter(|shares| *shares > 1) {
        let note = format!(
            "it can be attached to {shares} machines at once: any of them may write to it until the instant it is taken, and what they hold unwritten is not on it"
        );
        description = description.with_attribute("shared", note);
    }
    Ok(description)
}

/// The record of a disk snapshot as the service tells of it. The same each time it is read.
pub(crate) fn snapshot_of(
    name: SnapshotName,
    disk: DiskId,
    kind: SnapshotKind,
    id: &ResourceId,
    found: &DiskResource,
    size: Option<DiskSize>,
) -> Result<DiskSnapshot> {
    let properties = &found.properties;
    let size = DiskSize::of(id, found, size)?;
    let part = Part::of(&disk);
    let length = size.reckoned().saturating_add(VHD_FOOTER_BYTES);
    let mut snapshot = DiskSnapshot::new(name, disk, kind, length).with_attribute(RESOURCE, id.to_string());
    let at_opening = part == Part::GuestState || export_kind(found) == ExportKind::Vhdx;
    match size {
        DiskSize::Gib(gib) => {
            snapshot = snapshot
                .with_length_at_opening()
                .with_attribute(DISK_GIB, gib.to_string());
        }
        DiskSize::Bytes(bytes) if at_opening => {
            snapshot = snapshot
                .with_length_at_opening()
                .with_attribute(DISK_BYTES, bytes.to_string());
        }
        DiskSize::Bytes(_) => {}
    }
    // The service writes seven digits of a second and an offset; what does not parse is kept as text only.
    if let Some(at) = properties
        .time_created
        .as_deref()
        .and_then(|text| text.parse::<Timestamp>().ok())
    {
        snapshot = snapshot.with_taken_at(at);
    }
    let creation = &properties.creation_data;
    let sector = creation.logical_sector_size.map(|bytes| bytes.to_string());
    let incremental = properties.incremental.map(|incremental| incremental.to_string());
    for (name, value) in [
        ("uniqueId", properties.unique_id.as_deref()),
        (
            "sourceUniqueId",
            creation
                .source_unique_id
                .as_deref()
                .or(properties.source_unique_id.as_deref()),
        ),
        (
            "sourceResourceId",
            creation
                .source_resource_id
                .as_deref()
                .or(properties.source_resource_id.as_deref()),
        ),
        ("timeCreated", properties.time_created.as_deref()),
        ("sku", found.sku.name.as_deref()),
        (
            "location",
            Some(found.location.as_str()).filter(|text| !text.is_empty()),
        ),
        ("incremental", incremental.as_deref()),
        ("logicalSectorSize", sector.as_deref()),
        ("networkAccessPolicy", properties.network_access_policy.as_deref()),
        ("publicNetworkAccess", properties.public_network_access.as_deref()),
        ("dataAccessAuthMode", properties.data_access_auth_mode.as_deref()),
    ] {
        if let Some(value) = value {
            snapshot = snapshot.with_attribute(name, visible::escape(value));
        }
    }
    Ok(snapshot)
}

/// The resource behind a disk snapshot's record.
pub(crate) fn resource_of(snapshot: &DiskSnapshot) -> Result<ResourceId> {
    match snapshot.attributes.get(RESOURCE) {
        Some(id) => id.parse(),
        None => Err(Error::misuse(format!(
            "disk snapshot {} does not name its Azure resource",
            snapshot.name
        ))),
    }
}

/// In which form a disk's snapshots are kept and exported: with 4096-byte sectors as VHDX, else as VHD.
///
/// Source: MicrosoftDocs/azure-compute-docs, disks-incremental-snapshots, read 2026-11-21.
pub(crate) fn export_kind(found: &DiskResource) -> ExportKind {
    if sector_bytes(found) == 512 {
        ExportKind::Vhd
    } else {
        ExportKind::Vhdx
    }
}

fn sector_bytes(found: &DiskResource) -> u32 {
    found.properties.creation_data.logical_sector_size.unwrap_or(512)
}

fn id_in_answer(id: &ResourceId, found: &DiskResource) -> ResourceId {
    let told = found.id.as_deref().and_then(|told| told.parse().ok());
    told.filter(|told: &ResourceId| told == id)
        .unwrap_or_else(|| id.clone())
}

fn attributes(found: &DiskResource) -> Vec<(String, String)> {
    let properties = &found.properties;
    let security = properties
        .security_profile
        .as_ref()
        .and_then(|profile| profile.security_type.clone());
    let zones = (!found.zones.is_empty()).then(|| found.zones.join(","));
    let shared = (!found.managed_by_extended.is_empty()).then(|| found.managed_by_extended.join(","));
    let shares = properties
        .max_shares
        .filter(|shares| *shares > 1)
        .map(|shares| shares.to_string());
    let mut list: Vec<(String, String)> = [
        (DiskDescription::UNIQUE_ID, properties.unique_id.clone()),
        ("timeCreated", properties.time_created.clone()),
        ("sku", found.sku.name.clone()),
        (
            "location",
            Some(found.location.clone()).filter(|text| !text.is_empty()),
        ),
        ("zones", zones),
        ("osType", properties.os_type.clone()),
        ("hyperVGeneration", properties.hyper_v_generation.clone()),
        ("managedBy", found.managed_by.clone()),
        ("managedByExtended", shared),
        ("maxShares", shares),
        ("diskState", properties.disk_state.clone()),
        ("encryption type", properties.encryption.kind.clone()),
        (
            "diskEncryptionSetId",
            properties.encryption.disk_encryption_set_id.clone(),
        ),
        ("networkAccessPolicy", properties.network_access_policy.clone()),
        ("publicNetworkAccess", properties.public_network_access.clone()),
        ("dataAccessAuthMode", properties.data_access_auth_mode.clone()),
        ("securityType", security),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), visible::escape(&value?))))
    .collect();
    // Already escaped: it is read back from there.
    let settings = properties.encryption_settings_collection.as_ref();
    if let Some(told) = settings.and_then(key_vault::told) {
        list.push((key_vault::SETTINGS.to_owned(), told));
    }
    for (name, value) in &found.tags {
        list.push((
            format!("tag {}", visible::escape_ascii(name)),
            visible::escape(value),
        ));
    }
    list
}
