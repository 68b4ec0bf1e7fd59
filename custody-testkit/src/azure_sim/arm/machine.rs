use serde_json::{Value, json};

use super::disk::{missing, size_in_gb};
use super::{ArmCall, Outcome};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::{AttachedDisk, DiskPlacement, Machine};
use crate::azure_sim::world::World;

impl Machine {
    /// The ARM id, given the subscription.
    pub(crate) fn id(&self, subscription: &str) -> String {
        let group = &self.resource_group;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{}",
            self.name
        )
    }
}

fn found<'a>(world: &'a World, key: &str) -> Option<&'a Machine> {
    world.scenario.machines.iter().find(|machine| {
        let subscription = world.scenario.subscription(machine.subscription.as_deref());
        machine.id(subscription).to_lowercase() == key
    })
}

pub(crate) fn read(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let machine = found(world, &arm.path.key()).ok_or_else(|| missing(arm))?;
    let mut body = render(world, machine);
    if arm.call.query.is("$expand", "instanceView") {
        body["properties"]["instanceView"] = view(world, machine, arm);
    }
    Ok(Answer::json(200, &body))
}

pub(crate) fn instance_view(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let machine = found(world, &arm.path.key()).ok_or_else(|| missing(arm))?;
    Ok(Answer::json(200, &view(world, machine, arm)))
}

pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let below = format!("{}/", arm.path.scope.to_lowercase());
    let subscription = |machine: &Machine| {
        world
            .scenario
            .subscription(machine.subscription.as_deref())
            .to_string()
    };
    let found = world.scenario.machines.iter().filter(|machine| {
        machine
            .id(&subscription(machine))
            .to_lowercase()
            .starts_with(&below)
    });
    let value: Vec<Value> = found.map(|machine| render(world, machine)).collect();
    Ok(Answer::json(200, &json!({"value": value})))
}

fn render(world: &World, machine: &Machine) -> Value {
    let id = machine.id(world.scenario.subscription(machine.subscription.as_deref()));
    let mut os_disk = attached(world, &machine.os_disk, "FromImage");
    os_disk["osType"] = json!(machine.os_type);
    let data_disks: Vec<Value> = machine
        .data_disks
        .iter()
        .enumerate()
        .map(|(lun, disk)| {
            let mut body = attached(world, disk, "Attach");
            body["lun"] = json!(lun);
            body["toBeDetached"] = json!(false);
            body
        })
        .collect();
    let mut body = json!({
        "name": machine.name, "id": id, "type": "Microsoft.Compute/virtualMachines", "location": machine.location,
        "tags": machine.tags,
        "properties": {
            "vmId": keyed::guid(&id), "provisioningState": "Succeeded", "timeCreated": "2026-01-05T08:00:00+00:00",
            "hardwareProfile": {"vmSize": machine.size},
            "storageProfile": {"osDisk": os_disk, "dataDisks": data_disks, "diskControllerType": "SCSI"},
            "osProfile": {"computerName": machine.name, "adminUsername": "operator", "allowExtensionOperations": true},
            "networkProfile": {
                "networkInterfaces": machine.network_interfaces.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": machine.boot_diagnostics}}
        }
    });
    if !machine.zones.is_empty() {
        body["zones"] = json!(machine.zones);
    }
    let mut security = json!({"encryptionAtHost": machine.encryption_at_host});
    if !machine.security_type.is_empty() {
        security["securityType"] = json!(machine.security_type);
        security["uefiSettings"] = json!({"secureBootEnabled": true, "vTpmEnabled": true});
    }
    body["properties"]["securityProfile"] = security;
    body
}

fn attached(world: &World, disk: &AttachedDisk, option: &str) -> Value {
    let mut body = json!({
        "name": disk.name, "createOption": option, "caching": disk.caching,
        "writeAcceleratorEnabled": disk.write_accelerator, "deleteOption": "Detach"
    });
    let state = world.disks.values().find(|state| state.disk.name == disk.name);
    let managed = |body: &mut Value| {
        let sku = state.map_or("Standard_LRS", |state| state.disk.sku.as_str());
        let fallback = format!("/missing/{}", disk.name);
        let id = state.map_or(fallback.as_str(), |state| state.id.as_str());
        body["managedDisk"] = json!({"id": id, "storageAccountType": sku});
    };
    match &disk.placement {
        DiskPlacement::Managed => managed(&mut body),
        DiskPlacement::Ephemeral => {
            managed(&mut body);
            body["diffDiskSettings"] = json!({"option": "Local", "placement": "CacheDisk"});
        }
        DiskPlacement::Unmanaged(uri) => body["vhd"] = json!({"uri": uri}),
    }
    if let Some(settings) = &disk.encryption_settings {
        body["encryptionSettings"] = settings.clone();
    }
    if let Some(state) = state {
        body["diskSizeGB"] = json!(size_in_gb(state.content.length()));
    }
    body
}

fn view(world: &World, machine: &Machine, arm: &ArmCall<'_>) -> Value {
    let now = long_date(arm.call.at);
    let ready = json!({"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": now});
    let names = std::iter::once(&machine.os_disk).chain(&machine.data_disks);
    let disks: Vec<Value> = names
        .map(|disk| json!({"name": disk.name, "statuses": [ready]}))
        .collect();
    let word = machine.power_state.rsplit('/').next().unwrap_or_default();
    let mut view = json!({
        "computerName": machine.name, "osName": machine.os_type, "osVersion": "1.0", "hyperVGeneration": "V2",
        "disks": disks,
        "statuses": [ready, {"code": machine.power_state, "level": "Info", "displayStatus": format!("VM {word}")}]
    });
    if machine.boot_diagnostics {
        let base = super::boot_diagnostics::base(world, arm.call.way);
        view["bootDiagnostics"] = json!({
            "consoleScreenshotBlobUri": format!("{base}/{}/screenshot.bmp", machine.name),
            "serialConsoleLogBlobUri": format!("{base}/{}/serialconsole.log", machine.name),
        });
    }
    view
}
