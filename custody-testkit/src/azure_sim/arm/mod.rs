//! Azure Resource Manager: who may, which resource, and what its provider answers.

mod access;
mod activity;
mod authorization;
mod boot_diagnostics;
mod container;
mod disk;
mod endpoints;
mod immutability;
mod machine;
mod operation;
mod path;
mod refusal;
mod resource;
mod restore_point;
mod snapshot;
mod storage_account;
mod vault;

use serde_json::Value;

pub(crate) use self::activity::ActivityEvent;
pub(crate) use self::boot_diagnostics::console_answer;
pub(crate) use self::disk::DiskState;
pub(crate) use self::operation::Operation;
use self::path::ArmPath;
use self::refusal::Refusal;
pub(crate) use self::restore_point::RestorePoint;
pub(crate) use self::snapshot::SnapshotState;
use super::entra::{Principal, TokenFault, principal_of};
use super::fault::FaultAction;
use super::http::{Answer, Call};
use super::world::World;

/// A call to ARM whose caller is known.
pub(crate) struct ArmCall<'a> {
    pub(crate) call: &'a Call,
    pub(crate) path: ArmPath,
    pub(crate) principal: Principal,
    pub(crate) api_version: String,
    pub(crate) correlation: String,
    /// The body as JSON; null when there is none.
    pub(crate) body: Value,
    /// Faults that bend what the call starts.
    pub(crate) bends: &'a [FaultAction],
}

type Outcome = Result<Answer, Refusal>;

/// Answers a call to ARM.
pub(crate) fn answer(world: &mut World, call: &Call, bends: &[FaultAction]) -> Answer {
    let correlation = match call.header("x-ms-correlation-request-id") {
        Some(given) => given.to_string(),
        None => world.fresh_guid("correlation"),
    };
    let answer = decide(world, call, bends, &correlation).unwrap_or_else(|refusal| refusal.answer());
    let remaining = match call.method.as_str() {
        "GET" => ("x-ms-ratelimit-remaining-subscription-reads", "11999"),
        "DELETE" => ("x-ms-ratelimit-remaining-subscription-deletes", "14999"),
        _ => ("x-ms-ratelimit-remaining-subscription-writes", "1199"),
    };
    answer
        .with_header("x-ms-correlation-request-id", correlation)
        .with_header("cache-control", "no-cache")
        .with_header("pragma", "no-cache")
        .with_header("expires", "-1")
        .with_header("strict-transport-security", "max-age=31536000; includeSubDomains")
        .with_header("x-content-type-options", "nosniff")
        .with_header(remaining.0, remaining.1)
}

fn decide(world: &mut World, call: &Call, bends: &[FaultAction], correlation: &str) -> Outcome {
    if call.method == "GET" && call.path.eq_ignore_ascii_case("/metadata/endpoints") {
        return Ok(endpoints::answer(world, call));
    }
    let audiences = [
        world.scenario.cloud.management_audience(),
        "https://management.core.windows.net".into(),
        world.addresses.base(call.way, &super::address::Service::Arm),
    ];
    let principal =
        principal_of(world, call.header("authorization"), &audiences, call.at).map_err(unauthenticated)?;
    let path = ArmPath::parse(&call.path);
    let api_version = call.query.value("api-version").unwrap_or_default().to_string();
    if api_version.is_empty() {
        return Err(Refusal::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    let date = api_version.get(..10).unwrap_or_default();
    if date.parse::<jiff::civil::Date>().is_err() {
        return Err(Refusal::new(
            400,
            "InvalidApiVersionParameter",
            format!("The api-version '{api_version}' is invalid."),
        ));
    }
    if let Some(subscription) = &path.subscription
        && !world
            .scenario
            .subscriptions
            .iter()
            .any(|known| known.eq_ignore_ascii_case(subscription))
    {
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(Refusal::new(404, "SubscriptionNotFound", message));
    }
    if let Some(action) = path.action(&call.method)
        && !world.may(&principal, &action, &path.resource_id())
    {
        return Err(Refusal::unauthorized(&principal, &action, &path.resource_id()));
    }
    if let Some(group) = &path.group
        && !world
            .scenario
            .resource_groups
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(group))
    {
        return Err(Refusal::new(
            404,
            "ResourceGroupNotFound",
            format!("Resource group '{group}' could not be found."),
        )
        .by_gateway());
    }
    let body = call.json().ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized.",
        )
    })?;
    let arm = ArmCall {
        call,
        path,
        principal,
        api_version,
        correlation: correlation.to_string(),
        body,
        bends,
    };
    let answer = route(world, &arm)?;
    if call.method != "GET" {
        activity::record(world, &arm, answer.status);
    }
    Ok(answer)
}

fn unauthenticated(fault: TokenFault) -> Refusal {
    let (code, message) = match fault {
        TokenFault::Missing => (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ),
        TokenFault::Invalid => ("InvalidAuthenticationToken", "The access token is invalid."),
        TokenFault::WrongAudience => (
            "InvalidAuthenticationTokenAudience",
            "The access token is for another audience.",
        ),
        TokenFault::Expired => ("ExpiredAuthenticationToken", "The access token expired."),
    };
    Refusal::new(401, code, message)
}

fn route(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let tail = arm.path.tail.as_deref().map(str::to_lowercase);
    match (arm.call.method.as_str(), arm.path.kind.as_str(), tail.as_deref()) {
        ("GET", "microsoft.compute/virtualmachines", None) => machine::read(world, arm),
        ("GET", "microsoft.compute/virtualmachines", Some("instanceview")) => {
            machine::instance_view(world, arm)
        }
        ("POST", "microsoft.compute/virtualmachines", Some("retrievebootdiagnosticsdata")) => {
            boot_diagnostics::retrieve(world, arm)
        }
        ("GET", "microsoft.compute", Some("virtualmachines")) => machine::list(world, arm),
        ("GET", "microsoft.compute/disks", None) => disk::read(world, arm),
        ("GET", "microsoft.compute", Some("disks")) => disk::list(world, arm),
        ("PUT", "microsoft.compute/snapshots", None) => snapshot::create(world, arm),
        ("GET", "microsoft.compute/snapshots", None) => snapshot::read(world, arm),
        ("DELETE", "microsoft.compute/snapshots", None) => snapshot::delete(world, arm),
        ("GET", "microsoft.compute", Some("snapshots")) => snapshot::list(world, arm),
        (
            "POST",
            "microsoft.compute/disks"
            | "microsoft.compute/snapshots"
            | "microsoft.compute/restorepointcollections/restorepoints/diskrestorepoints",
            Some(act @ ("begingetaccess" | "endgetaccess")),
        ) => match act {
            "begingetaccess" => access::begin(world, arm),
            _ => access::end(world, arm),
        },
        ("GET", "microsoft.compute/locations/diskoperations", None) => operation::poll(world, arm),
        (_, kind, _) if kind.starts_with("microsoft.compute/restorepointcollections") => {
            restore_point::route(world, arm)
        }
        ("GET", "microsoft.compute", Some("restorepointcollections")) => resource::list(world, arm),
        ("GET", "microsoft.storage/storageaccounts", None) => storage_account::read(world, arm),
        ("GET", "microsoft.storage", Some("storageaccounts")) => storage_account::list(world, arm),
        ("POST", "microsoft.storage/storageaccounts", Some("revokeuserdelegationkeys")) => {
            storage_account::revoke_delegation_keys(world, arm)
        }
        ("GET", "microsoft.storage/storageaccounts/blobservices", None) => {
            storage_account::blob_service(world, arm)
        }
        ("GET", "microsoft.storage/storageaccounts/blobservices", Some("containers")) => {
            container::list(world, arm)
        }
        (_, "microsoft.storage/storageaccounts/blobservices/containers", _) => container::route(world, arm),
        (_, "microsoft.storage/storageaccounts/blobservices/containers/immutabilitypolicies", _) => {
            immutability::route(world, arm)
        }
        ("GET", "microsoft.keyvault/vaults", None) => vault::read(world, arm),
        ("GET", "microsoft.keyvault", Some("vaults")) => vault::list(world, arm),
        ("GET", "microsoft.insights/eventtypes", Some("values")) => activity::list(world, arm),
        ("GET", "microsoft.authorization", Some("permissions")) => Ok(authorization::permissions(world, arm)),
        ("GET", "microsoft.authorization", Some("roleassignments")) => {
            Ok(authorization::role_assignments(world, arm))
        }
        ("GET", "", _) => resource::read_group_level(world, arm),
        ("GET", _, None) => resource::read(world, arm),
        ("GET", _, Some(_)) => resource::list(world, arm),
        _ => Err(Refusal::new(
            405,
            "HttpMethodNotSupported",
            format!("{} is not supported for '{}'.", arm.call.method, arm.path.kind),
        )),
    }
}
