use jiff::Timestamp;
use serde_json::{Value, json};

use super::disk::{DiskState, missing};
use super::operation::{self, Effect};
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::{DiskPlacement, Machine};
use crate::azure_sim::world::World;

/// A restore point of a machine: its disks at one instant.
#[derive(Clone, Debug)]
pub(crate) struct RestorePoint {
    pub(crate) id: String,
    name: String,
    machine: String,
    mode: String,
    created: Timestamp,
    pub(crate) provisioning: &'static str,
    /// Name of the disk's restore point, and the disk as it was.
    disks: Vec<(String, DiskState)>,
}

/// Restore points of a machine and mode in an hour. Source: "Create VM restore points", limits.
const MAX_POINTS_AN_HOUR: usize = 3;

pub(crate) fn route(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let depth = arm.path.names.len();
    let tail = arm.path.tail.as_deref().map(str::to_lowercase);
    match (arm.call.method.as_str(), depth, tail.as_deref()) {
        ("PUT", 1, None) => create_collection(world, arm),
        ("GET", 1, None) => read_collection(world, arm),
        ("DELETE", 1, None) => delete_collection(world, arm),
        ("PUT", 2, None) => create(world, arm),
        ("GET", 2, None) => read(world, arm),
        ("DELETE", 2, None) => delete(world, arm),
        ("GET", 2, Some("diskrestorepoints")) => list_disks(world, arm),
        ("GET", 3, None) => read_disk(world, arm),
        _ => Err(Refusal::new(
            405,
            "HttpMethodNotSupported",
            "Not supported for restore points.",
        )),
    }
}

fn create_collection(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let status = if world.resources.contains_key(&key) {
        200
    } else {
        201
    };
    let source = arm.body["properties"]["source"]["id"]
        .as_str()
        .unwrap_or_default();
    let machine = machine_of(world, source).ok_or_else(|| {
        Refusal::parameter(
            "properties.source.id",
            "The source of the collection is not a virtual machine.",
        )
    })?;
    let tags = if arm.body["tags"].is_object() {
        arm.body["tags"].clone()
    } else {
        json!({})
    };
    let body = json!({
        "id": arm.path.resource_id(), "name": arm.path.name(), "type": "Microsoft.Compute/restorePointCollections",
        "location": arm.body["location"], "tags": tags,
        "properties": {
            "source": {"id": source, "location": machine.location}, "provisioningState": "Succeeded",
            "restorePointCollectionId": keyed::guid(&key)
        }
    });
    world.resources.insert(key, body.clone());
    Ok(Answer::json(status, &body))
}

fn read_collection(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let mut body = world.resources.get(&key).ok_or_else(|| missing(arm))?.clone();
    if arm.call.query.is("$expand", "restorePoints") {
        let source = body["properties"]["source"]["id"].as_str().unwrap_or_default();
        let machine = machine_of(world, source).ok_or_else(|| missing(arm))?;
        let below = format!("{key}/restorepoints/");
        let held: Vec<Value> = world
            .restore_points
            .iter()
            .filter(|(point, _)| point.starts_with(&below))
            .map(|(_, point)| point.render(&machine, false))
            .collect();
        body["properties"]["restorePoints"] = json!(held);
    }
    Ok(Answer::json(200, &body))
}

/// With all that it holds. Source: Microsoft's OpenAPI document, ComputeRP 2024-03-01, `RestorePointCollections_Delete`.
fn delete_collection(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    if world.resources.remove(&key).is_none() {
        return Ok(Answer::empty(204));
    }
    let below = format!("{key}/");
    world.restore_points.retain(|point, _| !point.starts_with(&below));
    let location = "westeurope".to_string();
    Ok(operation::start(
        world,
        arm,
        start(location, 202, Value::Null, Value::Null, None),
    ))
}

fn start(
    location: String,
    status: u16,
    body: Value,
    result: Value,
    effect: Option<Effect>,
) -> operation::Start {
    operation::Start {
        location,
        status,
        body,
        result,
        effect,
        counter: "RestorePointOperations",
    }
}

fn machine_of(world: &World, id: &str) -> Option<Machine> {
    let subscription = |machine: &Machine| {
        world
            .scenario
            .subscription(machine.subscription.as_deref())
            .to_string()
    };
    let found = world
        .scenario
        .machines
        .iter()
        .find(|machine| machine.id(&subscription(machine)).eq_ignore_ascii_case(id));
    found.cloned()
}

fn create(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let collection_key = key
        .rsplit_once("/restorepoints/")
        .map_or("", |(before, _)| before)
        .to_string();
    let collection = world.resources.get(&collection_key).ok_or_else(|| {
        Refusal::new(
            404,
            "ParentResourceNotFound",
            "The restore point collection was not found.",
        )
        .by_gateway()
    })?;
    let id = collection["properties"]["source"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_string();
    let machine = machine_of(world, &id).ok_or_else(|| missing(arm))?;
    if world.restore_points.contains_key(&key) {
        return Err(Refusal::new(
            409,
            "Conflict",
            "A restore point cannot be changed.",
        ));
    }
    let mode = arm.body["properties"]["consistencyMode"]
        .as_str()
        .unwrap_or("ApplicationConsistent")
        .to_string();
    let recent = world.restore_points.values().filter(|point| {
        point.machine == id
            && point.mode == mode
            && arm.call.at.duration_since(point.created).as_secs() < 3600
    });
    if recent.count() >= MAX_POINTS_AN_HOUR {
        return Err(Refusal::new(
            429,
            "TooManyRequests",
            "Too many restore points of the machine in the last hour.",
        ));
    }
    let excluded: Vec<String> = arm.body["properties"]["excludeDisks"]
        .as_array()
        .map(|disks| {
            disks
                .iter()
                .filter_map(|disk| disk["id"].as_str().map(str::to_lowercase))
                .collect()
        })
        .unwrap_or_default();
    let disks = take(world, &machine, &mode, &excluded, &key)?;
    let point = RestorePoint {
        id: arm.path.resource_id(),
        name: arm.path.name().to_string(),
        machine: id,
        mode,
        created: arm.call.at,
        provisioning: "Creating",
        disks,
    };
    let first = point.render(&machine, false);
    let result = RestorePoint {
        provisioning: "Succeeded",
        ..point.clone()
    }
    .render(&machine, false);
    world.restore_points.insert(key.clone(), point);
    let effect = Some(Effect::RestorePointReady(key));
    Ok(operation::start(
        world,
        arm,
        start(machine.location, 201, first, result, effect),
    ))
}

/// The machine's disks, as they are now; or why they cannot be taken together.
///
/// Source: "Overview of VM restore points" and "Troubleshoot restore point failures".
fn take(
    world: &World,
    machine: &Machine,
    mode: &str,
    excluded: &[String],
    key: &str,
) -> Result<Vec<(String, DiskState)>, Refusal> {
    let refuse = |message: String| Err(Refusal::new(409, "VMRestorePointClientError", message));
    if machine.security_type == "ConfidentialVM" {
        return Err(Refusal::not_allowed(
            "Restore points are not supported for confidential machines.",
        ));
    }
    let mut taken = Vec::new();
    for attached in std::iter::once(&machine.os_disk).chain(&machine.data_disks) {
        let name = &attached.name;
        match attached.placement {
            DiskPlacement::Unmanaged(_) => return refuse(format!("Disk '{name}' is not managed.")),
            DiskPlacement::Ephemeral => return refuse(format!("Disk '{name}' is ephemeral.")),
            DiskPlacement::Managed => {}
        }
        let Some(state) = world.disks.values().find(|state| state.disk.name == *name) else {
            continue;
        };
        if excluded.contains(&state.id.to_lowercase()) {
            continue;
        }
        let sku = state.disk.sku.as_str();
        let crash = mode.eq_ignore_ascii_case("CrashConsistent");
        if crash && (matches!(sku, "PremiumV2_LRS" | "UltraSSD_LRS") || attached.write_accelerator) {
            return refuse(format!("Disk '{name}' does not support crash consistency."));
        }
        if state.disk.max_shares > 1 {
            return refuse(format!("Disk '{name}' is shared."));
        }
        taken.push((
            format!("{name}_{}", keyed::guid(&format!("{key} {name}"))),
            state.clone(),
        ));
    }
    Ok(taken)
}

impl RestorePoint {
    fn render(&self, machine: &Machine, with_view: bool) -> Value {
        let disk_point = |name: &str| {
            let found = self.disks.iter().find(|(_, state)| state.disk.name == name);
            found.map(|(point, state)| (format!("{}/diskRestorePoints/{point}", self.id), state))
        };
        let one = |attached: &crate::azure_sim::scenario::AttachedDisk| {
            let (id, state) = disk_point(&attached.name)?;
            let body = json!({
                "name": attached.name, "caching": attached.caching,
                "diskSizeGB": super::disk::size_in_gb(state.content.length()),
                "managedDisk": {"id": state.id, "storageAccountType": state.disk.sku},
                "diskRestorePoint": {"id": id}
            });
            Some(body)
        };
        let mut os_disk = one(&machine.os_disk).unwrap_or_else(|| json!({}));
        os_disk["osType"] = json!(machine.os_type);
        let data_disks: Vec<Value> = machine
            .data_disks
            .iter()
            .enumerate()
            .filter_map(|(lun, attached)| {
                let mut body = one(attached)?;
                body["lun"] = json!(lun);
                Some(body)
            })
            .collect();
        let mut body = json!({
            "id": self.id, "name": self.name,
            "properties": {
                "provisioningState": self.provisioning, "consistencyMode": self.mode,
                "timeCreated": long_date(self.created),
                "sourceMetadata": {
                    "vmId": keyed::guid(&self.machine), "location": machine.location,
                    "hardwareProfile": {"vmSize": machine.size},
                    "storageProfile": {"osDisk": os_disk, "dataDisks": data_disks}
                }
            }
        });
        if with_view {
            let copies: Vec<Value> = self
                .disks
                .iter()
                .map(|(point, _)| {
                    json!({
                        "id": format!("{}/diskRestorePoints/{point}", self.id),
                        "replicationStatus": {"completionPercent": 100}
                    })
                })
                .collect();
            body["properties"]["instanceView"] = json!({"diskRestorePoints": copies});
        }
        body
    }
}

fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    operation::look_at_resource(world, &key);
    let point = world.restore_points.get(&key).ok_or_else(|| missing(arm))?;
    let machine = machine_of(world, &point.machine).ok_or_else(|| missing(arm))?;
    Ok(Answer::json(
        200,
        &point.render(&machine, arm.call.query.is("$expand", "instanceView")),
    ))
}

fn delete(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let Some(point) = world.restore_points.get(&key) else {
        return Ok(Answer::empty(204));
    };
    let exported = |name: &str| {
        world.has_access(
            &format!("{key}/diskrestorepoints/{}", name.to_lowercase()),
            arm.call.at,
        )
    };
    if point.disks.iter().any(|(name, _)| exported(name)) {
        return Err(Refusal::new(
            409,
            "DiskRestorePointUsedByCustomer",
            "There is an active shared access signature outstanding for a disk restore point. Call EndGetAccess before \
             deleting the restore point.",
        ));
    }
    let location = "westeurope".to_string();
    let effect = Some(Effect::Removed(key));
    Ok(operation::start(
        world,
        arm,
        start(location, 202, Value::Null, Value::Null, effect),
    ))
}

fn list_disks(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let point = world
        .restore_points
        .get(&arm.path.key())
        .ok_or_else(|| missing(arm))?;
    let value: Vec<Value> = point
        .disks
        .iter()
        .map(|(name, state)| render_disk(point, name, state))
        .collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

fn read_disk(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let (point, name) = split(world, &key).ok_or_else(|| missing(arm))?;
    let (name, state) = point
        .disks
        .iter()
        .find(|(own, _)| own.to_lowercase() == name)
        .ok_or_else(|| missing(arm))?;
    Ok(Answer::json(200, &render_disk(point, name, state)))
}

fn render_disk(point: &RestorePoint, name: &str, state: &DiskState) -> Value {
    let mut body = json!({
        "id": format!("{}/diskRestorePoints/{name}", point.id), "name": name,
        "properties": {
            "timeCreated": long_date(point.created), "sourceResourceId": state.id,
            "sourceUniqueId": state.unique_id, "familyId": keyed::guid(&format!("family {}", state.unique_id)),
            "encryption": {"type": state.disk.encryption}, "replicationState": "Succeeded", "completionPercent": 100,
            "networkAccessPolicy": state.disk.network.network_access_policy,
            "publicNetworkAccess": state.disk.network.public_network_access
        }
    });
    if let Some(os) = &state.disk.os_type {
        body["properties"]["osType"] = json!(os);
        body["properties"]["hyperVGeneration"] = json!("V2");
    }
    body
}

fn split<'a>(world: &'a World, key: &str) -> Option<(&'a RestorePoint, String)> {
    let (point, name) = key.split_once("/diskrestorepoints/")?;
    Some((world.restore_points.get(point)?, name.to_string()))
}

/// The disk that a disk restore point keeps, as it was; and that point's name.
pub(crate) fn disk_of(world: &World, key: &str) -> Option<(DiskState, String)> {
    let (point, name) = split(world, key)?;
    let (own, state) = point.disks.iter().find(|(own, _)| own.to_lowercase() == name)?;
    Some((state.clone(), own.clone()))
}
