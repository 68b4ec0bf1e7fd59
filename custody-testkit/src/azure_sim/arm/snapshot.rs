use jiff::Timestamp;
use serde_json::{Value, json};

use super::disk::{DiskState, describe, missing, size_in_gb};
use super::operation::{self, Effect, Start};
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::content::Content;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::{Disk, DiskNetworkAccess, ExistingSnapshot};
use crate::azure_sim::world::World;

/// A snapshot of a disk. Its content is the disk's at the instant at which it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotState {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) source_id: String,
    pub(crate) source_unique_id: String,
    pub(crate) unique_id: String,
    /// What the disk was like, for all that its snapshots take over from it.
    pub(crate) disk: Disk,
    pub(crate) network: DiskNetworkAccess,
    pub(crate) content: Content,
    pub(crate) guest_state: Option<Content>,
    pub(crate) vhdx: Option<Content>,
    pub(crate) created: Timestamp,
    pub(crate) incremental: bool,
    pub(crate) sku: String,
    pub(crate) tags: Value,
    pub(crate) provisioning: &'static str,
    /// How much of a background copy is done.
    pub(crate) completion_percent: u32,
}

/// Longest name of a snapshot. Source: disk resource provider's API description, api-version 2023-10-02.
const MAX_NAME_CHARACTERS: usize = 80;
/// Source: "Create an incremental snapshot for managed disks", restrictions.
const MAX_PENDING_BACKGROUND_COPIES: usize = 3;

impl SnapshotState {
    fn of_disk(disk: &DiskState, id: &str, name: &str, now: Timestamp) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            location: disk.disk.location.clone(),
            source_id: disk.id.clone(),
            source_unique_id: disk.unique_id.clone(),
            unique_id: keyed::guid(&format!("{id} {now}")),
            disk: disk.disk.clone(),
            network: disk.disk.network.clone(),
            content: disk.content.clone(),
            guest_state: disk.guest_state.clone(),
            vhdx: disk.vhdx.clone(),
            created: now,
            incremental: false,
            sku: "Standard_LRS".into(),
            tags: json!({}),
            provisioning: "Updating",
            completion_percent: 100,
        }
    }

    pub(crate) fn existing(disk: &DiskState, existing: &ExistingSnapshot, now: Timestamp) -> Self {
        let group = Some(existing.resource_group.as_str()).filter(|group| !group.is_empty());
        let group = group.unwrap_or(&disk.disk.resource_group);
        let subscription = disk.id.split('/').nth(2).unwrap_or_default();
        let id = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/snapshots/{}",
            existing.name
        );
        Self {
            incremental: existing.incremental,
            tags: json!(existing.tags),
            provisioning: "Succeeded",
            ..Self::of_disk(disk, &id, &existing.name, now)
        }
    }

    pub(crate) fn render(&self, has_access: bool) -> Value {
        let bytes = self.content.length();
        let state = if has_access { "ActiveSAS" } else { "Unattached" };
        let mut body = json!({
            "name": self.name, "id": self.id, "type": "Microsoft.Compute/snapshots", "location": self.location,
            "tags": self.tags, "sku": {"name": self.sku, "tier": super::disk::tier(&self.sku)},
            "properties": {
                "creationData": {
                    "createOption": "Copy", "sourceResourceId": self.source_id, "sourceUniqueId": self.source_unique_id,
                    "logicalSectorSize": self.disk.logical_sector_size
                },
                "diskSizeGB": size_in_gb(bytes), "diskSizeBytes": bytes,
                "encryption": {"type": self.disk.encryption}, "incremental": self.incremental,
                "networkAccessPolicy": self.network.network_access_policy,
                "publicNetworkAccess": self.network.public_network_access,
                "dataAccessAuthMode": self.network.data_access_auth_mode,
                "timeCreated": long_date(self.created), "provisioningState": self.provisioning, "diskState": state,
                "uniqueId": self.unique_id, "completionPercent": self.completion_percent
            }
        });
        // The first answer of a recorded creation has no size; what one that failed answers is not known.
        if matches!(self.provisioning, "Updating" | "Failed")
            && let Some(properties) = body["properties"].as_object_mut()
        {
            properties.remove("diskSizeGB");
            properties.remove("diskSizeBytes");
        }
        if self.incremental {
            body["properties"]["incrementalSnapshotFamilyId"] = json!(self.family());
        }
        if let Some(id) = &self.network.disk_access_id {
            body["properties"]["diskAccessId"] = json!(id);
        }
        describe(&mut body["properties"], &self.disk);
        body
    }

    /// What the incremental snapshots of one disk have in common.
    pub(crate) fn family(&self) -> String {
        keyed::guid(&format!("family {}", self.source_unique_id))
    }
}

/// Whether disks of the kind can only be snapshotted incrementally, by a copy in the background.
fn background_only(sku: &str) -> bool {
    matches!(sku, "PremiumV2_LRS" | "UltraSSD_LRS")
}

pub(crate) fn create(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let (key, name) = (arm.path.key(), arm.path.name().to_string());
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    if name.chars().count() > MAX_NAME_CHARACTERS || !name.chars().all(legal) {
        return Err(Refusal::parameter(
            "snapshot.name",
            format!(
                "The entity name 'snapshot.name' is invalid: at most {MAX_NAME_CHARACTERS} letters, digits, '_' and '-'."
            ),
        ));
    }
    let properties = &arm.body["properties"];
    let creation = &properties["creationData"];
    let source = creation["sourceResourceId"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    if let Some(existing) = world.snapshots.get(&key) {
        if existing.source_id.to_lowercase() != source {
            return Err(Refusal::new(
                409,
                "PropertyChangeNotAllowed",
                "Changing property 'creationData.sourceResourceId' is not allowed.",
            ));
        }
        // Not a new point in time: the snapshot stays as it is.
        return Ok(Answer::json(
            200,
            &existing.render(world.has_access(&key, arm.call.at)),
        ));
    }
    if creation["createOption"].as_str() != Some("Copy") {
        return Err(Refusal::parameter(
            "creationData.createOption",
            "Only 'Copy' is modelled.",
        ));
    }
    let disk = world.disks.get(&source).ok_or_else(|| {
        Refusal::new(404, "NotFound", "The source of the snapshot was not found.")
            .at("creationData.sourceResourceId")
    })?;
    if !arm.body["location"]
        .as_str()
        .unwrap_or_default()
        .eq_ignore_ascii_case(&disk.disk.location)
    {
        return Err(Refusal::parameter(
            "location",
            "A snapshot must be in the region of its disk.",
        ));
    }
    let mut snapshot = SnapshotState::of_disk(disk, &arm.path.resource_id(), &name, arm.call.at);
    snapshot.incremental = properties["incremental"].as_bool().unwrap_or(false);
    if background_only(&disk.disk.sku) {
        if !snapshot.incremental {
            let message = format!(
                "Disks of type {} support incremental snapshots only.",
                disk.disk.sku
            );
            return Err(Refusal::not_allowed(message));
        }
        let pending = world.snapshots.values().filter(|other| {
            other.source_unique_id == snapshot.source_unique_id && other.completion_percent < 100
        });
        if pending.count() >= MAX_PENDING_BACKGROUND_COPIES {
            return Err(Refusal::not_allowed(
                "Too many snapshots of the disk are still being copied.",
            ));
        }
        snapshot.completion_percent = 0;
    }
    if let Some(sku) = arm.body["sku"]["name"].as_str() {
        snapshot.sku = sku.into();
    }
    if arm.body["tags"].is_object() {
        snapshot.tags = arm.body["tags"].clone();
    }
    apply_network(&mut snapshot.network, properties);
    let first = json!({
        "location": snapshot.location, "tags": snapshot.tags, "sku": {"name": snapshot.sku},
        "properties": {
            "creationData": {
                "createOption": "Copy", "sourceResourceId": snapshot.source_id,
                "sourceUniqueId": snapshot.source_unique_id
            },
            "incremental": snapshot.incremental,
            "networkAccessPolicy": snapshot.network.network_access_policy,
            "publicNetworkAccess": snapshot.network.public_network_access,
            "provisioningState": "Updating", "isArmResource": true
        }
    });
    let result = SnapshotState {
        provisioning: "Succeeded",
        ..snapshot.clone()
    }
    .render(false);
    let location = snapshot.location.clone();
    world.snapshots.insert(key.clone(), snapshot);
    Ok(operation::start(
        world,
        arm,
        Start {
            location,
            status: 202,
            body: first,
            result,
            effect: Some(Effect::SnapshotReady(key)),
            counter: "HighCostSnapshotCreateHydrate",
        },
    ))
}

/// What the request says about who may read the snapshot; what it leaves out is as on the disk.
fn apply_network(network: &mut DiskNetworkAccess, properties: &Value) {
    let text = |name: &str| properties[name].as_str().map(str::to_string);
    if let Some(policy) = text("networkAccessPolicy") {
        network.network_access_policy = policy;
    }
    if let Some(access) = text("publicNetworkAccess") {
        network.public_network_access = access;
    }
    if let Some(mode) = text("dataAccessAuthMode") {
        network.data_access_auth_mode = mode;
    }
    if let Some(id) = text("diskAccessId") {
        network.disk_access_id = Some(id);
    }
}

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    operation::look_at_resource(world, &key);
    let step = world.scenario.timing.completion_percent_per_poll;
    let has_access = world.has_access(&key, arm.call.at);
    let snapshot = world.snapshots.get_mut(&key).ok_or_else(|| missing(arm))?;
    let answer = Answer::json(200, &snapshot.render(has_access));
    snapshot.completion_percent = (snapshot.completion_percent + step).min(100);
    Ok(answer.with_header(
        "x-ms-ratelimit-remaining-resource",
        "Microsoft.Compute/LowCostGet3Min;14994,Microsoft.Compute/LowCostGet30Min;119978",
    ))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let below = format!("{}/", arm.path.scope.to_lowercase());
    let found = world.snapshots.iter().filter(|(key, _)| key.starts_with(&below));
    let value: Vec<Value> = found
        .map(|(key, one)| one.render(world.has_access(key, arm.call.at)))
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

pub(crate) fn delete(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let Some(snapshot) = world.snapshots.get_mut(&key) else {
        return Ok(Answer::empty(204));
    };
    let (name, location) = (snapshot.name.clone(), snapshot.location.clone());
    if world.has_access(&key, arm.call.at) {
        // The wording is recorded for disks; that snapshots have the same is not verified.
        return Err(Refusal::not_allowed(format!(
            "There is an active shared access signature outstanding for snapshot {name}. Call EndGetAccess before \
             attaching or deleting the snapshot. Learn more here: aka.ms/revokeaccessapi."
        )));
    }
    if let Some(snapshot) = world.snapshots.get_mut(&key) {
        snapshot.provisioning = "Deleting";
    }
    Ok(operation::start(
        world,
        arm,
        Start {
            location,
            status: 202,
            body: Value::Null,
            result: Value::Null,
            effect: Some(Effect::Removed(key)),
            counter: "DeleteSnapshot",
        },
    ))
}
