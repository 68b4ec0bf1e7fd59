use custody_core::ids::MachineRef;
use custody_core::port::{DiskDescription, Machine, NotAcquired};
use custody_core::{Result, visible};
use futures::future::join_all;

use super::guest_state::{self, Beside};
use super::{disk_description, encryption, unread_disk};
use crate::arm::{
    Arm, DiskResource, MachineDisk, ResourceId, SecurityProfile, VirtualMachine, id_of, region,
};
use crate::http::is_gone;

/// The role of the disk that a machine starts from.
const OPERATING_SYSTEM: &str = "operating system";

/// Describes a virtual machine and every disk that it names, wherever the disk's resource group is.
pub(super) async fn read(
    arm: &Arm,
    machine: &MachineRef,
    id: &ResourceId,
    guest_state: Option<&'static str>,
) -> Result<(VirtualMachine, Machine)> {
    let found: VirtualMachine = arm.machine(id).await?.value;
    let profile = &found.properties.storage_profile;
    let named: Vec<(String, &MachineDisk)> = profile
        .os_disk
        .iter()
        .map(|disk| (OPERATING_SYSTEM.to_owned(), disk))
        .chain(profile.data_disks.iter().map(|disk| {
            let lun = disk.lun.map_or_else(|| "not told".into(), |lun| lun.to_string());
            (format!("data, LUN {lun}"), disk)
        }))
        .collect();
    let security = &found.properties.security_profile;
    // A disk that cannot be read must not keep the others waiting for longer than it has to.
    let hasty = arm.hasty();
    let looked = named
        .iter()
        .map(|(role, disk)| look(&hasty, role, disk, security));
    let mut disks = Vec::new();
    let mut not_acquired = what_disks_do_not_hold();
    for outcome in join_all(looked).await {
        match outcome? {
            Ok((description, id, security)) => {
                let beside = guest_state::beside(&description, &id, security.as_deref(), guest_state)?;
                disks.push(description);
                match beside {
                    Beside::Nothing => {}
                    Beside::Item(item) => disks.push(item),
                    Beside::LeftOut(left_out) => not_acquired.push(left_out),
                }
            }
            Err(left_out) => not_acquired.push(left_out),
        }
    }
    let cautions = disks.iter().filter_map(unread_disk::caution).collect();
    let mut described = Machine::new(machine.clone(), "azure", disks, not_acquired);
    described.cautions = cautions;
    described.region = region(&found.location);
    for (name, value) in attributes(&found) {
        described = described.with_attribute(name, value);
    }
    Ok((found, described))
}

/// A disk as it was found: its description, its id, and the security type that tells of a guest state beside it.
type Found = (DiskDescription, ResourceId, Option<String>);

/// A disk of the machine, or why it cannot be captured. One that cannot be read is planned all the same.
async fn look(
    arm: &Arm,
    role: &str,
    disk: &MachineDisk,
    machine_security: &SecurityProfile,
) -> Result<std::result::Result<Found, NotAcquired>> {
    let name = visible::escape(disk.name.as_deref().unwrap_or("(no name)"));
    let left_out = |reason: &str| Ok(Err(NotAcquired::new(format!("disk {name} ({role})"), reason)));
    let local = disk
        .diff_disk_settings
        .as_ref()
        .and_then(|settings| settings.option.as_deref());
    if local.is_some_and(|option| option.eq_ignore_ascii_case("Local")) {
        return left_out(
            "it is ephemeral: it lies on the host, and no disk snapshot of it can be taken. Acquire it from inside the guest, and do not deallocate, redeploy or resize the machine, which loses it",
        );
    }
    let Some(id) = id_of(disk.managed_disk.as_ref().and_then(|managed| managed.id.as_ref())) else {
        return left_out(if disk.vhd.is_some() {
            "it is unmanaged: a page blob in a storage account. Take a blob snapshot of it and copy that, or convert the disk first"
        } else {
            "the machine names neither a managed disk nor a blob for it: look at it in the portal"
        });
    };
    let read = match arm.disk(&id).await {
        Ok(found) => disk_description::describe(&id, &found.value, None).map(|told| (found.value, told)),
        Err(error) if is_gone(&error) => {
            return left_out(
                "the machine names it, and it is not there: it was detached or deleted meanwhile. Look for it, and capture it by its own id",
            );
        }
        Err(error) => Err(error),
    };
    let (found, description) = match read {
        Ok(read) => read,
        Err(error) => (DiskResource::default(), unread_disk::describe(&id, disk, &error)?),
    };
    let mut description = description.with_attribute("role", role.to_owned());
    if let Some(lun) = disk.lun.filter(|_| role != OPERATING_SYSTEM) {
        description = description.with_attribute(DiskDescription::LUN, lun.to_string());
    }
    if let Some(caching) = &disk.caching {
        description = description.with_attribute("caching", visible::escape(caching));
    }
    if disk.write_accelerator_enabled == Some(true) {
        description = description.with_attribute("writeAccelerator", "enabled");
    }
    let settings = disk.encryption_settings.as_ref();
    if let Some(told) = settings.and_then(crate::key_vault::told) {
        description = description.with_attribute(crate::key_vault::MACHINE_SETTINGS, told);
    }
    // The machine can know of an encryption that the disk's own record does not show.
    let encrypted = disk
        .encryption_settings
        .as_ref()
        .and_then(|settings| settings.enabled);
    if encrypted == Some(true) && description.encryption == custody_core::port::DiskEncryption::NotStated {
        description = description.with_encryption(custody_core::port::DiskEncryption::Encrypted {
            statement: "Azure Disk Encryption, by the machine's own settings".into(),
        });
    }
    let description = encryption::with_key_to_read(description, &found, machine_security.encryption_at_host);
    let description = unread_disk::without_claim(description);
    // The machine's own word is of the disk that it starts from.
    let machine_security = (machine_security.security_type.as_deref()).filter(|_| role == OPERATING_SYSTEM);
    let security = guest_state::security_type(&found, machine_security).map(str::to_owned);
    Ok(Ok((description, id, security)))
}

/// What is never on managed disks.
fn what_disks_do_not_hold() -> Vec<NotAcquired> {
    vec![
        NotAcquired::new(
            "memory",
            "Azure offers no way to take a machine's memory from outside",
        ),
        NotAcquired::new(
            "temporary disk",
            "the resource disk lies on the host, is lost on deallocation, and no snapshot of it can be taken",
        ),
        NotAcquired::new(
            "local NVMe disks",
            "where the size has them, they lie on the host, and no snapshot of them can be taken",
        ),
    ]
}

fn attributes(found: &VirtualMachine) -> Vec<(String, String)> {
    let properties = &found.properties;
    let power = properties.instance_view.as_ref().and_then(|view| {
        let mut codes = view.statuses.iter().map(|status| status.code.as_str());
        codes
            .rfind(|code| code.starts_with("PowerState/"))
            .map(str::to_owned)
    });
    let at_host = properties
        .security_profile
        .encryption_at_host
        .map(|on| on.to_string());
    let interfaces: Vec<String> = properties
        .network_profile
        .network_interfaces
        .iter()
        .filter_map(|nic| nic.id.clone())
        .collect();
    let mut list: Vec<(String, String)> = [
        ("id", found.id.clone()),
        ("vmId", properties.vm_id.clone()),
        (
            "location",
            Some(found.location.clone()).filter(|text| !text.is_empty()),
        ),
        ("zones", (!found.zones.is_empty()).then(|| found.zones.join(","))),
        ("timeCreated", properties.time_created.clone()),
        ("provisioningState", properties.provisioning_state.clone()),
        ("powerState", power.or_else(|| Some("not told".into()))),
        ("vmSize", properties.hardware_profile.vm_size.clone()),
        ("securityType", properties.security_profile.security_type.clone()),
        ("encryptionAtHost", at_host),
        (
            "diskControllerType",
            properties.storage_profile.disk_controller_type.clone(),
        ),
        (
            "networkInterfaces",
            (!interfaces.is_empty()).then(|| interfaces.join(",")),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), visible::escape(&value?))))
    .collect();
    for (name, value) in &found.tags {
        list.push((
            format!("tag {}", visible::escape_ascii(name)),
            visible::escape(value),
        ));
    }
    list
}
