//! How an act that the service took came to its end, where its operation does not tell: the resource does.

use std::sync::Arc;
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::refusal;
use crate::support::worker::{Worker, circumstances};
use crate::support::{Canned, Script, all_of, arm_of, hour, run, tokens};
use custody_azure::arm::{Arm, ExportKind, ResourceId};
use custody_azure::{AzureSnapshotter, CleanTransport, Cloud, Patience, SnapshotPlace};
use custody_core::capture::{Capture, DeletionWarrant, DiscardOrder, Reach};
use custody_core::port::{DiskSnapshot, SnapshotKind, Snapshotter as _};
use custody_core::{Acted, Error, Result};
use custody_testkit::azure_sim::{Fault, FaultAction};
use custody_testkit::fake::{FakeClock, MemoryLog};
use serde_json::json;

const READ_DISK_OPERATION: &str = "Microsoft.Compute/locations/diskOperations/read";

fn id() -> ResourceId {
    ResourceId::new("s", "g", "Microsoft.Compute/snapshots", "n").unwrap()
}

fn accepted(operations: &str) -> Canned {
    let base = "https://management.azure.com/subscriptions/s/providers/Microsoft.Compute/locations/l";
    Canned::new(202, "").with("azure-asyncoperation", format!("{base}/{operations}/op?p=1"))
}

fn refused(status: u16, code: &str) -> Canned {
    Canned::json(status, &json!({ "error": { "code": code, "message": "no" } }))
}

/// The disk snapshot, ours, as the service tells of it.
fn found(state: &str, access: &str) -> Canned {
    Canned::json(
        200,
        &json!({
            "id": id().as_str(),
            "tags": { "custody-acquisition": "20261121T203015Z-0123abcd", "custody-name": "n" },
            "properties": { "provisioningState": state, "diskState": access }
        }),
    )
}

fn end_access(answers: Vec<Canned>) -> (Result<Acted<()>>, Arc<Script>) {
    let script = Script::of(answers);
    (run(arm_of(&script).end_access(&id())), script)
}

fn warrant() -> DeletionWarrant {
    DeletionWarrant::for_discard(&DiscardOrder::unlogged_for_conformance_tests(
        "n".parse().unwrap(),
    ))
}

fn delete(answers: Vec<Canned>) -> (Result<Acted<()>>, Arc<Script>) {
    let script = Script::of(answers);
    let place = SnapshotPlace::new("s", "g").unwrap();
    let snapshotter = AzureSnapshotter::new(arm_of(&script), place);
    let name = "n".parse().unwrap();
    let snapshot = DiskSnapshot::new(name, "d".parse().unwrap(), SnapshotKind::Made, 4096)
        .with_attribute("resourceId", id().as_str());
    (
        run(async { snapshotter.delete(&snapshot, warrant()).await }),
        script,
    )
}

#[test]
fn i05_access_is_over_when_the_resource_says_so_and_not_because_nobody_knows_the_operation() {
    for look in [refused(404, "NotFound"), refused(403, "AuthorizationFailed")] {
        let (ended, script) = end_access(vec![
            accepted("DiskOperations"),
            look.clone(),
            found("Succeeded", "Unattached"),
        ]);
        ended.unwrap();
        assert!(script.is_used_up());
        let (ended, _) = end_access(vec![
            accepted("DiskOperations"),
            look.clone(),
            refused(404, "ResourceNotFound"),
        ]);
        ended.unwrap();
        // As long as the resource says that access lives, or does not say, it is ended again, and then told.
        for state in ["ActiveSAS", ""] {
            let round = || {
                [
                    accepted("DiskOperations"),
                    look.clone(),
                    found("Succeeded", state),
                ]
            };
            let rounds = usize::try_from(Patience::short().retries).unwrap() + 1;
            let (ended, script) = end_access((0..rounds).flat_map(|_| round()).collect());
            let error = ended.unwrap_err();
            assert!(!matches!(error.meaning(), Error::NotFound { .. }), "{error}");
            assert_eq!(script.count("POST"), rounds);
            assert!(script.is_used_up());
        }
    }
}

#[test]
fn i08_a_subscription_that_is_not_found_makes_nothing_gone() {
    let missing = || refused(404, "SubscriptionNotFound");
    let (ended, _) = end_access(vec![missing()]);
    assert!(matches!(ended.unwrap_err().meaning(), Error::NotFound { .. }));
    let (deleted, _) = delete(vec![missing()]);
    assert!(matches!(deleted.unwrap_err().meaning(), Error::NotFound { .. }));
    let (deleted, _) = delete(vec![found("Succeeded", "Unattached"), missing()]);
    assert!(matches!(deleted.unwrap_err().meaning(), Error::NotFound { .. }));
    let (deleted, _) = delete(vec![refused(404, "ResourceNotFound")]);
    deleted.unwrap();
}

#[test]
fn i08_a_snapshot_that_is_there_was_not_deleted_whatever_became_of_the_operation() {
    let round = || {
        [
            found("Succeeded", "Unattached"),
            accepted("DiskOperations"),
            refused(404, "NotFound"),
            found("Succeeded", "Unattached"),
        ]
    };
    let (deleted, script) = delete((0..4).flat_map(|_| round()).collect());
    let error = deleted.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("asking how the operation goes on failed"),
        "{error}"
    );
    assert_eq!(script.count("DELETE"), 4);
    assert!(script.is_used_up());
}

#[test]
fn a_deletion_whose_operation_nobody_knows_is_waited_for_at_the_snapshot() {
    for (status, code) in [(404, "NotFound"), (403, "AuthorizationFailed")] {
        let lab = Lab::of(refusal::small());
        let snapshot = lab.snapshot("n", "web-01-data-0");
        let untold = FaultAction::status(status, code);
        lab.simulator
            .inject(Fault::on("GET", "*/DiskOperations/*", untold));
        run(async { lab.snapshotter().delete(&snapshot, warrant()).await }).unwrap();
        assert_eq!(lab.simulator.snapshots(), [], "{code}");
        let journal = lab.simulator.journal();
        let sent = journal.iter().filter(|call| call.method == "DELETE").count();
        assert_eq!(sent, 1, "{code}");
    }
}

#[test]
fn a_look_at_an_operation_that_is_refused_names_its_own_right() {
    for (operations, right) in [
        ("DiskOperations", READ_DISK_OPERATION),
        ("operations", "Microsoft.Compute/locations/operations/read"),
    ] {
        let script = Script::of([accepted(operations), refused(403, "AuthorizationFailed")]);
        let outcome = run(arm_of(&script).begin_access(&id(), hour(), ExportKind::Vhd));
        let error = outcome.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("permission denied for {right}")),
            "{error}"
        );
        let text = all_of(&error);
        assert!(text.contains("403") && !text.contains("p=1"), "{text}");
    }
}

#[test]
fn i04_disk_snapshots_are_preserved_once_although_nobody_may_ask_how_their_operations_go_on() {
    let lab = Lab::of(refusal::small());
    let untold = FaultAction::status(403, "AuthorizationFailed");
    lab.simulator
        .inject(Fault::on("GET", "*/DiskOperations/*", untold));
    let log = MemoryLog::new();
    let worker = Worker::with_log(&lab, &log);
    let plan = run(worker.plan()).unwrap();
    let name = plan.log();
    let capture = Capture::new(worker.ports.clone());
    let outcome = run(capture.run(plan, Reach::SnapshotsOnly)).unwrap();
    assert_eq!(outcome.kept.len(), 3, "{outcome:?}");
    assert!(
        outcome.items.iter().all(|item| item.stopped_by.is_none()),
        "{outcome:?}"
    );
    let journal = lab.simulator.journal();
    let asked = journal
        .iter()
        .filter(|call| call.method == "PUT" && call.path.contains("/snapshots/"));
    assert_eq!((asked.count(), lab.simulator.snapshots().len()), (3, 3));

    // Access cannot be had so: the right is named, and what may have been granted is ended.
    let outcome = run(capture.resume(name.clone(), circumstances(), 3)).unwrap();
    assert_eq!(outcome.exit_code(), 3);
    for item in &outcome.items {
        let stopped = item.stopped_by.as_ref().unwrap();
        assert!(stopped.error.contains(READ_DISK_OPERATION), "{stopped:?}");
    }
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
    lab.simulator.clear_faults();
    let again = Worker::with_log(&lab, &log);
    let outcome = run(again.resume(name)).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    again.every_disk_is_stored(&outcome);
    again.left_nothing();
}

#[test]
fn i05_the_end_of_access_is_asked_for_as_long_as_any_other_call() {
    let mut patience = Patience::short();
    patience.retries = 8;
    let clock = FakeClock::new();
    let failed = (0..6).map(|_| Canned::new(500, ""));
    let script = Script::of(failed.chain([Canned::new(200, "")]));
    let arm = Arm::new(
        Arc::new(Cloud::public().unwrap()),
        CleanTransport::over(script.clone()),
        &tokens(),
        patience,
        Arc::new(clock.clone()),
    );
    run(arm.end_access(&id())).unwrap();
    assert!(script.is_used_up());
    // Longer each time, up to the longest.
    assert_eq!(clock.slept(), Duration::from_millis(1 + 2 + 4 + 4 + 4 + 4));
}
