//! Names that somebody else has already: nothing of theirs is touched.

use crate::support::lab::Lab;
use crate::support::refusal;
use crate::support::run;
use crate::support::worker::Worker;
use custody_core::capture::ItemStatus;
use custody_testkit::azure_sim::Scenario;

#[test]
fn a_disk_snapshot_of_somebody_else_under_our_name_is_left_alone_and_told() {
    let _guard = Lab::guard();
    let lab = Lab::of(refusal::small());
    let worker = Worker::new(&lab);
    let plan = run(worker.plan()).unwrap();
    let planned = plan.items.get(1).unwrap().snapshot.clone();
    // Another acquisition's, of the same disk, made between the plan and the capture.
    lab.snapshot(planned.as_str(), "web-01-data-0");
    let theirs = lab.simulator.snapshots();
    let outcome = run(worker.run(plan)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    let item = outcome.items.get(1).unwrap();
    let stopped = item.stopped_by.clone().unwrap();
    assert!(
        stopped
            .error
            .ends_with("already exists and is not this acquisition's to adopt"),
        "{stopped:?}"
    );
    assert_eq!(
        (item.status, stopped.remedy.as_str()),
        (ItemStatus::Planned, "fix-request")
    );
    // The other disks go on; what is theirs is as it was.
    let verified = outcome
        .items
        .iter()
        .filter(|item| item.status == ItemStatus::Verified);
    assert_eq!(verified.count(), 2);
    let still: Vec<_> = lab
        .simulator
        .snapshots()
        .into_iter()
        .filter(|one| theirs.contains(one))
        .collect();
    assert_eq!(still, theirs);
    assert!(!lab.simulator.journal().iter().any(|call| call.method == "DELETE"));
}

#[test]
fn an_object_of_somebody_else_under_our_name_is_left_alone_and_the_copy_gets_another_name() {
    let _guard = Lab::guard();
    let lab = Lab::of(refusal::small());
    let worker = Worker::new(&lab);
    let plan = run(worker.plan()).unwrap();
    let name = plan.folder.join(&plan.items.get(1).unwrap().file);
    lab.put(Scenario::LAB_CONTAINER, name.as_str(), b"theirs");
    let outcome = run(worker.run(plan)).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    worker.every_disk_is_stored(&outcome);
    assert_eq!(worker.stored(&name), b"theirs");
    let item = outcome.items.get(1).unwrap();
    assert!(
        item.object.as_ref().unwrap().as_str().ends_with(".attempt-2.vhd"),
        "{item:?}"
    );
    assert!(
        item.not_evidence
            .iter()
            .any(|told| told.contains("already exists and is not this acquisition's")),
        "{item:?}"
    );
}
