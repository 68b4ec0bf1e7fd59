use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::operation::{self, Start};
use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::address::Service;
use crate::azure_sim::content::Content;
use crate::azure_sim::export::Export;
use crate::azure_sim::http::Answer;
use crate::azure_sim::scenario::{DiskNetworkAccess, GuestStateOfSnapshots};
use crate::azure_sim::vhd_footer::fixed_vhd_footer;
use crate::azure_sim::world::World;

/// Longest life of an access, in seconds: 60 days. Source: "disks-sas-change", from 2025-02-15 on.
const MAX_ACCESS_SECONDS: i64 = 5_184_000;
/// Snapshots of one incremental family that may be exported at a time. Source: "Create an incremental snapshot".
const MAX_EXPORTS_OF_FAMILY: usize = 5;

/// What can be exported: a disk, a snapshot, a disk's restore point.
#[derive(Clone, Debug)]
pub(crate) struct Exportable {
    pub(crate) name: String,
    pub(crate) location: String,
    content: Content,
    guest_state: Option<Content>,
    guest_state_answer: GuestStateOfSnapshots,
    vhdx: Option<Content>,
    network: DiskNetworkAccess,
    family: Option<String>,
    completion_percent: u32,
    sector: u32,
    in_use: bool,
}

/// The resource of that key, if its bytes can be exported.
pub(crate) fn exportable(world: &World, key: &str) -> Option<Exportable> {
    if let Some(snapshot) = world.snapshots.get(key) {
        return Some(Exportable {
            name: snapshot.name.clone(),
            location: snapshot.location.clone(),
            content: snapshot.content.clone(),
            guest_state: snapshot.guest_state.clone(),
            guest_state_answer: snapshot.disk.guest_state_of_snapshots,
            vhdx: snapshot.vhdx.clone(),
            network: snapshot.network.clone(),
            family: snapshot.incremental.then(|| snapshot.family()),
            completion_percent: snapshot.completion_percent,
            sector: snapshot.disk.logical_sector_size,
            in_use: false,
        });
    }
    let (disk, name, in_use) = match world.disks.get(key) {
        Some(disk) => (
            disk.clone(),
            disk.disk.name.clone(),
            disk.attached_to.as_ref().is_some_and(|(_, on)| *on),
        ),
        None => {
            let (point, name) = super::restore_point::disk_of(world, key)?;
            (point, name, false)
        }
    };
    Some(Exportable {
        name,
        location: disk.disk.location.clone(),
        content: disk.content.clone(),
        guest_state: disk.guest_state.clone(),
        guest_state_answer: GuestStateOfSnapshots::Given,
        vhdx: disk.vhdx.clone(),
        network: disk.disk.network.clone(),
        family: None,
        completion_percent: 100,
        sector: disk.disk.logical_sector_size,
        in_use,
    })
}

pub(crate) fn begin(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let source = exportable(world, &key).ok_or_else(|| super::disk::missing(arm))?;
    let seconds = duration(&arm.body)?;
    refuse_unready(world, &key, &source, arm.call.at)?;
    let guest_state = arm.body["getSecureVMGuestStateSAS"].as_bool().unwrap_or(false);
    let refused = source.guest_state.is_none() || source.guest_state_answer == GuestStateOfSnapshots::Refused;
    if guest_state && refused {
        return Err(Refusal::parameter(
            "getSecureVMGuestStateSAS",
            "The resource has no guest state.",
        ));
    }
    let guest_state = guest_state && source.guest_state_answer == GuestStateOfSnapshots::Given;
    if world.answered_next.remove(&key) {
        let access = grant(world, arm, &key, &source, seconds, guest_state);
        return Ok(Answer::json(200, &access));
    }
    let result = grant(world, arm, &key, &source, seconds, guest_state);
    Ok(operation::start(
        world,
        arm,
        Start {
            location: source.location,
            status: 202,
            body: Value::Null,
            result,
            effect: None,
            counter: "HighCostDiskHydrate",
        },
    ))
}

fn duration(body: &Value) -> Result<i64, Refusal> {
    if body["access"].as_str() != Some("Read") {
        return Err(Refusal::parameter(
            "access",
            "Required parameter 'access' must be 'Read'.",
        ));
    }
    match body["durationInSeconds"].as_i64() {
        Some(seconds @ 1..=MAX_ACCESS_SECONDS) => Ok(seconds),
        _ => {
            let message = format!("'durationInSeconds' must be between 1 and {MAX_ACCESS_SECONDS}.");
            Err(Refusal::parameter("durationInSeconds", message))
        }
    }
}

fn refuse_unready(world: &World, key: &str, source: &Exportable, now: Timestamp) -> Result<(), Refusal> {
    let name = &source.name;
    if source
        .network
        .network_access_policy
        .eq_ignore_ascii_case("DenyAll")
    {
        return Err(Refusal::not_allowed(format!(
            "'{name}' has networkAccessPolicy DenyAll and cannot be exported."
        )));
    }
    if source.in_use {
        return Err(Refusal::not_allowed(format!(
            "Disk {name} is attached to a running machine."
        )));
    }
    if source.completion_percent < 100 {
        let percent = source.completion_percent;
        return Err(Refusal::not_allowed(format!(
            "Snapshot {name} is not ready: its copy is at {percent} percent."
        )));
    }
    if let Some(family) = &source.family {
        let live = world.snapshots.iter().filter(|(other, snapshot)| {
            other.as_str() != key
                && snapshot.incremental
                && snapshot.family() == *family
                && world.has_access(other, now)
        });
        if live.count() >= MAX_EXPORTS_OF_FAMILY {
            let message =
                format!("More than {MAX_EXPORTS_OF_FAMILY} snapshots of the family have active access.");
            return Err(Refusal::not_allowed(message));
        }
    }
    Ok(())
}

/// Makes an export, or finds the one that is live, and answers its address.
fn grant(
    world: &mut World,
    arm: &ArmCall<'_>,
    key: &str,
    source: &Exportable,
    seconds: i64,
    guest_state: bool,
) -> Value {
    let expires = arm.call.at + SignedDuration::from_secs(seconds);
    let live = |export: &Export| export.source == key && export.is_live(arm.call.at);
    let label = world
        .exports
        .iter()
        .find(|(_, export)| live(export))
        .map(|(label, _)| label.clone());
    let label = label.unwrap_or_else(|| make(world, arm.call.at, key, source));
    let export = world.exports.get_mut(&label).expect("found or made above");
    export.expires = export.expires.max(expires);
    let (token, secret) = (export.token.clone(), export.secret.clone());
    let base = world.addresses.base(arm.call.way, &Service::Export(label));
    let address = |path: &str| {
        let sas = Export::signature(&secret, path, arm.call.at, expires);
        format!("{base}{path}?{sas}")
    };
    let mut access = json!({"accessSAS": address(&format!("/{token}/abcd"))});
    if guest_state {
        access["securityDataAccessSAS"] = json!(address(&format!("/{token}/abcd_vmgs")));
    }
    access
}

fn make(world: &mut World, now: Timestamp, key: &str, source: &Exportable) -> String {
    let name = world.fresh_guid("export");
    let label = format!(
        "md-{}.z{}",
        &name[..12].replace('-', "0"),
        1 + world.exports.len() % 9
    );
    let stamp = if world.scenario.timing.renew_footer {
        u32::try_from(world.names).unwrap_or(u32::MAX)
    } else {
        0
    };
    let whole = match (&source.vhdx, source.sector) {
        (Some(vhdx), 4096) => vhdx.clone(),
        _ => {
            let footer = fixed_vhd_footer(source.content.length(), stamp);
            Content::Joined(std::sync::Arc::new(vec![
                source.content.clone(),
                Content::of_bytes(footer.to_vec()),
            ]))
        }
    };
    let export = Export {
        source: key.to_string(),
        token: world.fresh_guid("path").replace('-', ""),
        secret: world.fresh_guid("key"),
        content: whole,
        guest_state: source.guest_state.clone(),
        expires: now,
        revoked: None,
        created: now,
        etag: world.fresh_etag(),
        needs_token: source
            .network
            .data_access_auth_mode
            .eq_ignore_ascii_case("AzureActiveDirectory"),
        private: !source
            .network
            .network_access_policy
            .eq_ignore_ascii_case("AllowAll")
            || source
                .network
                .public_network_access
                .eq_ignore_ascii_case("Disabled"),
        disk_access: source.network.disk_access_id.clone(),
    };
    world.exports.insert(label.clone(), export);
    label
}

pub(crate) fn end(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let key = arm.path.key();
    let source = exportable(world, &key).ok_or_else(|| super::disk::missing(arm))?;
    world.answered_next.remove(&key);
    for export in world
        .exports
        .values_mut()
        .filter(|export| export.source == key && export.revoked.is_none())
    {
        export.revoked = Some(arm.call.at);
    }
    world.settle(arm.call.at);
    Ok(operation::start(
        world,
        arm,
        Start {
            location: source.location,
            status: 202,
            body: Value::Null,
            result: Value::Null,
            effect: None,
            counter: "HighCostDiskHydrate",
        },
    ))
}

impl World {
    /// Whether someone may read an export of the resource now.
    pub(crate) fn has_access(&self, key: &str, now: Timestamp) -> bool {
        self.exports
            .values()
            .any(|export| export.source == key && export.is_live(now))
    }
}
