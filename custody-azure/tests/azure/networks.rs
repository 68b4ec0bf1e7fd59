//! From where disk snapshots that custody makes can be read, and a disk of which nobody may read any.

use azure_core::http::Method;
use custody_azure::arm::ResourceId;
use custody_azure::{AzurePorts, SnapshotNetwork};
use custody_core::Error;
use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, ItemStatus, Reach};
use custody_core::ids::EvidenceItemId;
use custody_core::port::{GrantOptions, PlannedSnapshot, SnapshotPlan, Snapshotter as _, SourceAccess as _};

use crate::support::lab::Lab;
use crate::support::worker::circumstances;
use crate::support::{hour, refusal, run};

const DISK: &str = "web-01-data-0";

fn access_resource(name: &str) -> String {
    format!(
        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/production/providers/Microsoft.Compute/diskAccesses/{name}"
    )
}

/// The lab, one of whose disks has these settings.
fn lab(policy: &str, disk_access: Option<String>) -> Lab {
    let mut scenario = refusal::small();
    let network = &mut scenario.disk_mut(DISK).network;
    network.network_access_policy = policy.into();
    network.disk_access_id = disk_access;
    Lab::of(scenario)
}

/// What the service says of the network of a snapshot that is made so: policy, public access, disk access.
fn made(lab: &Lab, network: SnapshotNetwork) -> [Option<String>; 3] {
    let disk = format!(
        "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute/disks/{DISK}",
        lab.subscription()
    );
    let planned = PlannedSnapshot::new(
        EvidenceItemId::new(1),
        disk.parse().unwrap(),
        "made".parse().unwrap(),
    );
    let plan = SnapshotPlan::new(
        "20261121T203015Z-0123abcd".parse().unwrap(),
        lab.machine(),
        vec![planned],
    );
    let snapshotter = lab.snapshotter().with_network(network);
    let mut outcomes = run(async { snapshotter.take(&plan).await });
    outcomes.remove(0).result.unwrap();
    let id = lab.simulator.snapshots().remove(0).id;
    let (status, body) = lab.others(Method::Get, &id, &serde_json::Value::Null);
    assert_eq!(status, 200, "{body}");
    ["networkAccessPolicy", "publicNetworkAccess", "diskAccessId"]
        .map(|name| body["properties"][name].as_str().map(str::to_owned))
}

#[test]
fn a_snapshot_can_be_read_from_where_its_disk_can_unless_the_custodian_says_otherwise() {
    let (own, other) = (access_resource("own"), access_resource("other"));
    let text = |value: &str| Some(value.to_owned());
    let private = || lab("AllowPrivate", Some(own.clone()));
    let [policy, _, access] = made(&private(), SnapshotNetwork::AsTheDisk);
    assert_eq!((policy, access), (text("AllowPrivate"), Some(own.clone())));
    let [policy, public, _] = made(&private(), SnapshotNetwork::AllowAll);
    assert_eq!((policy, public), (text("AllowAll"), text("Enabled")));
    let disk_access: ResourceId = other.parse().unwrap();
    let [policy, _, access] = made(&private(), SnapshotNetwork::Private { disk_access });
    assert_eq!(policy, text("AllowPrivate"));
    assert!(access.unwrap().eq_ignore_ascii_case(&other));
    let [policy, ..] = made(&lab("DenyAll", None), SnapshotNetwork::AsTheDisk);
    assert_eq!(policy, text("DenyAll"));
}

fn asked_for_access(lab: &Lab) -> usize {
    let journal = lab.simulator.journal();
    let asked = journal.iter().filter(|entry| {
        entry.path.contains("data-0") && entry.path.to_ascii_lowercase().ends_with("/begingetaccess")
    });
    asked.count()
}

#[test]
fn access_to_a_snapshot_that_nobody_may_export_is_refused_before_it_is_asked_for() {
    let lab = lab("DenyAll", None);
    let snapshot = lab.snapshot("denied-data-0", DISK);
    let access = lab.access();
    let error = run(access.grant(&snapshot, GrantOptions::lasting(hour()))).unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("networkAccessPolicy is DenyAll") && text.contains("network setting for snapshots"),
        "{text}"
    );
    assert_eq!(asked_for_access(&lab), 0);
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
}

fn captured(lab: &Lab, network: SnapshotNetwork) -> CaptureOutcome {
    let options = lab.options().with_network(network);
    let worker = lab.worker_ports();
    let (clock, entropy) = (worker.clock.clone(), worker.entropy.clone());
    let azure = AzurePorts::new(&options, &lab.credential, &lab.credential, &clock, &entropy);
    let request = CaptureRequest::new("2026-0042".parse().unwrap(), lab.machine(), circumstances());
    let capture = Capture::new(azure.unwrap().ports(worker));
    run(async {
        let plan = capture.plan(request).await.unwrap();
        capture.run(plan, Reach::ToTheEnd).await.unwrap()
    })
}

#[test]
fn a_disk_that_denies_all_export_is_kept_as_a_snapshot_and_captured_with_open_snapshots() {
    let denied = lab("DenyAll", None);
    let outcome = captured(&denied, SnapshotNetwork::AsTheDisk);
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    let statuses: Vec<ItemStatus> = outcome.items.iter().map(|item| item.status).collect();
    assert_eq!(statuses[0], ItemStatus::Verified, "the others are not held up");
    assert_eq!(statuses[2], ItemStatus::Verified, "the others are not held up");
    let stopped = outcome.items[1].stopped_by.as_ref().unwrap();
    assert!(stopped.in_words().contains("DenyAll"), "{stopped:?}");
    assert_eq!(asked_for_access(&denied), 0);
    assert_eq!(denied.simulator.snapshots().len(), outcome.kept.len());
    assert_eq!(denied.simulator.live_exports(), [""; 0]);

    let open = lab("DenyAll", None);
    let outcome = captured(&open, SnapshotNetwork::AllowAll);
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert_eq!(open.simulator.snapshots(), []);
}
