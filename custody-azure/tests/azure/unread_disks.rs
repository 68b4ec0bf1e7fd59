//! A disk of the machine that cannot be read: the others are preserved, and it is named until it can be.

use crate::support::lab::Lab;
use crate::support::refusal;
use crate::support::run;
use crate::support::worker::{Worker, circumstances};
use custody_azure::Patience;
use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, Plan, Reach, StoreAsked};
use custody_core::custody_log::ClosingState;
use custody_core::port::{DiskDescription, DiskEncryption, DiskSnapshot, Snapshotter as _};
use custody_core::{Remedy, Result};
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario};
use custody_testkit::fake::MemoryLog;

/// The one of the machine's disks that lies in another resource group.
const ELSEWHERE: &str = "web-01-data-1";
const READ: &str = "Microsoft.Compute/disks/read";

fn on_its_read(action: FaultAction) -> Fault {
    Fault::on("GET", &format!("*/disks/{ELSEWHERE}"), action)
}

/// Planned as for going so far: whoever only preserves asks nothing of the store first.
fn planned(worker: &Worker, reach: Reach) -> Plan {
    let case = "2026-0042".parse().unwrap();
    let request = CaptureRequest::new(case, worker.lab.machine(), circumstances()).with_parallel(3);
    let request = request.with_store_asked(match reach {
        Reach::SnapshotsOnly => StoreAsked::AfterSnapshots,
        Reach::ToTheEnd => StoreAsked::WhenPlanned,
    });
    run(Capture::new(worker.ports.clone()).plan(request)).unwrap()
}

fn as_far_as(worker: &Worker, plan: Plan, reach: Reach) -> Result<CaptureOutcome> {
    run(Capture::new(worker.ports.clone()).run(plan, reach))
}

fn taken(lab: &Lab) -> Vec<String> {
    let snapshots = lab.simulator.snapshots().into_iter();
    let disk = |source: &str| source.rsplit('/').next().unwrap_or_default().to_owned();
    snapshots.map(|snapshot| disk(&snapshot.source)).collect()
}

#[test]
fn i08_a_disk_that_cannot_be_read_keeps_no_other_from_being_preserved_and_is_named_until_it_can_be() {
    for (action, words) in [
        (FaultAction::status(403, "AuthorizationFailed"), READ),
        (FaultAction::status(500, "InternalServerError"), READ),
        (FaultAction::status(404, "SubscriptionNotFound"), "not found"),
        (FaultAction::Malformed, "reading the service's answer"),
    ] {
        for reach in [Reach::SnapshotsOnly, Reach::ToTheEnd] {
            let what = format!("{words}, {reach:?}");
            let lab = Lab::of(refusal::small().with_fault(on_its_read(action.clone())));
            let log = MemoryLog::new();
            let worker = Worker::with_log(&lab, &log);
            let plan = planned(&worker, reach);
            let name = plan.log();
            let note = plan.notes.iter().find(|note| note.contains(ELSEWHERE));
            let note = note.unwrap_or_else(|| panic!("{what}: the plan does not say so: {:?}", plan.notes));
            assert!(
                note.contains("could not be read") && note.contains(words),
                "{what}: {note}"
            );

            let outcome = as_far_as(&worker, plan, reach).unwrap();
            assert_eq!(taken(&lab), ["web-01-data-0", "web-01_OsDisk_1"], "{what}");
            assert_eq!(
                (outcome.exit_code(), outcome.kept.len()),
                (3, 2),
                "{what}: {outcome:?}"
            );
            let stopped = outcome.items[2].stopped_by.as_ref().unwrap();
            assert!(stopped.in_words().contains(words), "{what}: {stopped:?}");

            // Once it can be read, the same acquisition has it too. Whether it was encrypted was not told in time.
            lab.simulator.clear_faults();
            let again = Worker::with_log(&lab, &log);
            let outcome = run(again.resume(name)).unwrap();
            again.every_disk_is_stored(&outcome);
            assert_eq!(
                outcome.state,
                Some(ClosingState::Incomplete),
                "{what}: {outcome:?}"
            );
            assert_eq!(
                (outcome.exit_code(), outcome.kept.len()),
                (3, 1),
                "{what}: {outcome:?}"
            );
            assert_eq!(taken(&lab), [ELSEWHERE], "{what}");
            assert_eq!(lab.simulator.live_exports(), [""; 0], "{what}");
        }
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_not_asked_for_as_patiently_as_what_nothing_can_be_done_without() {
    let lab = Lab::of(refusal::small().with_fault(on_its_read(FaultAction::status(503, "X"))));
    let mut patience = Patience::short();
    patience.retries = 30;
    let options = lab.options().with_patience(patience);
    let ports = custody_azure::ports(&options, &lab.credential, lab.worker_ports()).unwrap();
    run(async { ports.snapshotter.describe(&lab.machine()).await }).unwrap();
    let journal = lab.simulator.journal();
    let asked = journal.iter().filter(|call| call.path.ends_with(ELSEWHERE));
    assert_eq!(asked.count(), 7);
}

/// Whose roles let it read disks in the machine's own resource group alone.
fn who_may_not_read_elsewhere() -> Scenario {
    let mut scenario = refusal::small();
    let machine = scenario.machine_id(Scenario::LAB_MACHINE);
    let group = machine.split("/providers/").next().unwrap().to_owned();
    for identity in &mut scenario.identities {
        identity.roles = vec![
            RoleGrant::everything().without(READ),
            RoleGrant::new(&group, &[READ], &[]),
        ];
    }
    scenario
}

#[test]
fn i08_the_right_that_is_missing_for_one_disk_is_named_in_the_plan_and_by_what_was_preserved() {
    let lab = Lab::of(who_may_not_read_elsewhere());
    let worker = Worker::new(&lab);
    let plan = run(worker.plan()).unwrap();
    let [refusal] = &plan.refusals[..] else {
        panic!("{:?}", plan.refusals)
    };
    assert!(
        refusal.reason.contains(READ) && refusal.reason.contains(ELSEWHERE),
        "{refusal:?}"
    );
    let error = as_far_as(&worker, plan, Reach::SnapshotsOnly).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no disk snapshot of item-3") && text.contains(READ),
        "{text}"
    );
    assert_eq!(error.remedy(), Remedy::FixPermission);
    assert_eq!(taken(&lab), ["web-01-data-0", "web-01_OsDisk_1"]);
}

#[test]
fn i08_nothing_is_said_of_a_disk_that_could_not_be_read() {
    let lab = Lab::of(refusal::small().with_fault(on_its_read(FaultAction::status(500, "X"))));
    let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
    let [_, read, unread] = &machine.disks[..] else {
        panic!("{machine:?}")
    };
    assert_eq!(read.encryption, DiskEncryption::NotStated);
    assert!(
        matches!(&unread.encryption, DiskEncryption::Encrypted { statement } if statement.contains("not known"))
    );
    assert_eq!((unread.length, unread.name.as_str()), (None, "web-01-data-1.vhd"));
    assert_eq!(unread.attributes["lun"], "1");
    let key = &unread.attributes[DiskDescription::KEY_TO_READ];
    assert!(key.starts_with("not known"), "{key}");
    let left_out = machine.not_acquired.iter().map(|left| left.what.as_str());
    assert!(
        left_out.clone().all(|what| !what.contains(ELSEWHERE)),
        "{machine:?}"
    );
    // A restore point of all disks needs all of them, and says so.
    let machine = run(async { lab.point_snapshotter().describe(&lab.machine()).await }).unwrap();
    let [obstacle] = &machine.obstacles[..] else {
        panic!("{machine:?}")
    };
    assert!(
        obstacle.contains("web-01-data-1 could not be read")
            && obstacle.contains("--consistency disk-snapshots"),
        "{obstacle}"
    );
}

#[test]
fn what_the_service_did_not_finish_is_listed_although_it_tells_no_size() {
    let fails = FaultAction::OperationFails("DiskServiceInternalError".into());
    let lab = Lab::of(refusal::small().with_fault(Fault::on("PUT", "*/snapshots/*", fails).nth(2)));
    let worker = Worker::new(&lab);
    let plan = run(worker.plan()).unwrap();
    let acquisition = plan.acquisition.clone();
    let outcome = as_far_as(&worker, plan, Reach::SnapshotsOnly).unwrap();
    assert_eq!(
        (outcome.exit_code(), outcome.kept.len()),
        (3, 3),
        "I5: {outcome:?}"
    );
    let listed: Vec<DiskSnapshot> = run(async { lab.snapshotter().list(&acquisition).await }).unwrap();
    let told = |is: fn(&&DiskSnapshot) -> bool| listed.iter().filter(is).count();
    assert_eq!(told(|snapshot| snapshot.length.is_some()), 2, "{listed:?}");
    assert_eq!(told(|snapshot| snapshot.length.is_none()), 1, "{listed:?}");
    let untold = |name: &str| {
        listed
            .iter()
            .any(|snapshot| snapshot.attributes.contains_key(name) && snapshot.length.is_none())
    };
    assert!(!untold("diskSizeBytes") && !untold("diskSizeGB"), "{listed:?}");
}
