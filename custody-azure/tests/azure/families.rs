//! Incremental disk snapshots of one disk: the service gives access to five of them at a time.

use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::worker::{Worker, circumstances};
use crate::support::{all_of, run};
use custody_azure::Patience;
use custody_core::capture::{Capture, CaptureRequest, Reach};
use custody_core::ids::{EvidenceItemId, MachineRef};
use custody_core::port::{GrantOptions, PlannedSnapshot, SnapshotPlan, Snapshotter as _, SourceAccess as _};
use custody_core::{Error, Remedy};
use custody_testkit::azure_sim::{Bytes, ExistingSnapshot, Scenario, Timing};

const DISK: &str = "web-01-data-0";
/// One more than the service gives access to at a time.
const SNAPSHOTS: usize = 6;

fn lab() -> Lab {
    let mut scenario = Scenario::lab().with_timing(Timing::default().with_copy_polls(20));
    scenario.disk_mut(DISK).bytes = Bytes::full(64 << 10, 7);
    for number in 0..SNAPSHOTS {
        let mut snapshot = ExistingSnapshot::new(&format!("day-{number}"), DISK);
        snapshot.incremental = true;
        scenario.snapshots.push(snapshot);
    }
    Lab::of(scenario)
}

fn all_six(lab: &Lab) -> MachineRef {
    let ids: Vec<String> = lab
        .simulator
        .snapshots()
        .into_iter()
        .map(|found| found.id)
        .collect();
    assert_eq!(ids.len(), SNAPSHOTS);
    ids.join(",").parse().unwrap()
}

fn plan_of(lab: &Lab) -> SnapshotPlan {
    let machine = all_six(lab);
    let described = run(async { lab.snapshotter().describe(&machine).await }).unwrap();
    let planned = described.disks.iter().zip(1..).map(|(disk, number)| {
        let name = format!("snapshot-{number}").parse().unwrap();
        PlannedSnapshot::new(EvidenceItemId::new(number), disk.disk.clone(), name)
            .with_described(disk.attributes.clone())
    });
    SnapshotPlan::new(
        "20261121T203015Z-0123abcd".parse().unwrap(),
        machine,
        planned.collect(),
    )
}

#[test]
fn six_snapshots_of_one_disk_are_captured_side_by_side_without_a_sixth_access_at_a_time() {
    let lab = lab();
    let mut worker = Worker::new(&lab);
    // Waiting makes the lab's time pass, and the others need some of the host's.
    let mut patience = Patience::short();
    patience.operation = Duration::from_secs(1200);
    let options = lab.options().with_patience(patience);
    worker.ports = custody_azure::ports(&options, &lab.credential, lab.worker_ports()).unwrap();
    let request = CaptureRequest::new("2026-0042".parse().unwrap(), all_six(&lab), circumstances())
        .with_parallel(SNAPSHOTS);
    let capture = Capture::new(worker.ports.clone());
    let outcome = run(async {
        let plan = capture.plan(request).await.unwrap();
        capture.run(plan, Reach::ToTheEnd).await.unwrap()
    });
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    let journal = lab.simulator.journal();
    let grants = journal
        .iter()
        .filter(|call| call.path.ends_with("/beginGetAccess"));
    assert!(
        grants.clone().all(|call| call.status < 400),
        "a sixth was asked for"
    );
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
    worker.is_proven();
}

#[test]
fn a_sixth_access_that_others_leave_no_room_for_is_explained_and_can_be_resumed() {
    let lab = lab();
    let planned = plan_of(&lab);
    let taken = run(async { lab.snapshotter().take(&planned).await });
    let snapshots: Vec<_> = taken
        .into_iter()
        .map(|taken| taken.result.unwrap().value)
        .collect();
    let (last, others) = snapshots.split_last().unwrap();
    let hour = || GrantOptions::lasting(crate::support::hour());
    // Another program's: what it does, this one does not know.
    let theirs = lab.access();
    for snapshot in others {
        run(theirs.grant(snapshot, hour())).unwrap();
    }
    let ours = lab.access();
    let error = run(ours.grant(last, hour())).unwrap_err();
    assert!(matches!(error.meaning(), Error::Provider { .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("at most 5 incremental snapshots of one disk") && told.contains("then resume"),
        "{told}"
    );
    assert!(
        all_of(&error).contains("OperationNotAllowed"),
        "{}",
        all_of(&error)
    );
    assert_eq!(error.remedy(), Remedy::Retry);
    run(theirs.revoke(&others[0])).unwrap();
    run(ours.grant(last, hour())).unwrap();
}
