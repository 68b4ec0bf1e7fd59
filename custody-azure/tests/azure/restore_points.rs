//! All disks of a machine at one instant, by a restore point: made, captured from, taken up after a stop, deleted whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::{Canned, Script, arm_of, hour, run, tokens};
use azure_core::http::Method;
use custody_azure::arm::{Right, RightStep, rights_for};
use custody_azure::{AzurePorts, AzureSourceAccess, Consistency};
use custody_core::capture::{
    Capture, CaptureOutcome, CaptureRequest, DeletionWarrant, DiscardOrder, Plan, Reach,
};
use custody_core::custody_log::{Circumstances, How, SignerSet, Stated, Trust, Who, Why};
use custody_core::ids::EvidenceItemId;
use custody_core::port::{
    DiskSnapshot, GrantOptions, LogName, PlannedSnapshot, SealSigner as _, SnapshotKind, SnapshotPlan,
    Snapshotter as _, SourceAccess as _,
};
use custody_core::verify::Verifier;
use custody_core::{Error, Ports, Result};
use custody_testkit::azure_sim::{Fault, FaultAction, LroStyle, RoleGrant, Scenario, Timing};
use custody_testkit::fake::{FakeSigner, SerialHasher};
use serde_json::{Value, json};

const DISKS: [&str; 3] = ["web-01_OsDisk_1", "web-01-data-0", "web-01-data-1"];

fn circumstances() -> Circumstances {
    let who = Who::new(Stated::new("A. Examiner".parse().unwrap()), [].into());
    let why = Why::new("warrant 123/26".parse().unwrap());
    Circumstances::new(who, [].into(), How::new("test", "1.0"), why)
}

/// A worker that captures the lab's machine at one instant.
struct Worker {
    lab: Lab,
    ports: Ports,
}

impl Worker {
    fn new(lab: &Lab) -> Self {
        let options = lab.options().with_consistency(Consistency::RestorePoint);
        let worker = lab.worker_ports();
        let azure = AzurePorts::new(
            &options,
            &lab.credential,
            &lab.credential,
            &worker.clock,
            &worker.entropy,
        );
        Self {
            lab: lab.clone(),
            ports: azure.unwrap().ports(worker),
        }
    }

    fn plan(&self) -> Plan {
        let request = CaptureRequest::new("2026-0042".parse().unwrap(), self.lab.machine(), circumstances());
        run(Capture::new(self.ports.clone()).plan(request)).unwrap()
    }

    fn run(&self, plan: Plan, reach: Reach) -> Result<CaptureOutcome> {
        run(Capture::new(self.ports.clone()).run(plan, reach))
    }

    fn capture(&self) -> (LogName, Result<CaptureOutcome>) {
        let plan = self.plan();
        (plan.log(), self.run(plan, Reach::ToTheEnd))
    }

    fn resume(&self, log: LogName) -> Result<CaptureOutcome> {
        run(Capture::new(self.ports.clone()).resume(log, circumstances(), 3))
    }

    /// That every disk is stored as it is, and nothing of ours is left in the source's cloud.
    fn is_complete(&self, outcome: &CaptureOutcome) {
        assert_eq!(outcome.exit_code(), 0, "{outcome:#?}");
        assert_eq!(outcome.items.len(), DISKS.len());
        for (item, disk) in outcome.items.iter().zip(DISKS) {
            let name = item.object.as_ref().unwrap();
            let stored = self.stored(name.as_str());
            assert!(
                stored.starts_with(&self.lab.simulator.disk_bytes(disk).unwrap()),
                "{disk}"
            );
        }
        assert_eq!(self.lab.simulator.live_exports(), [""; 0]);
        assert_eq!(self.lab.simulator.snapshots(), []);
        assert_eq!(self.lab.simulator.restore_points(), [""; 0]);
    }

    fn stored(&self, name: &str) -> Vec<u8> {
        let blob = self
            .lab
            .simulator
            .blob(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER, name);
        blob.unwrap().bytes().unwrap().to_vec()
    }
}

fn calls(lab: &Lab, method: &str, part: &str) -> usize {
    let journal = lab.simulator.journal();
    let met = |path: &str| path.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    journal
        .iter()
        .filter(|entry| entry.method == method && met(&entry.path))
        .count()
}

#[test]
fn all_disks_are_taken_at_one_instant_stored_and_nothing_is_left() {
    let worker = Worker::new(&Lab::new());
    let (_, outcome) = worker.capture();
    let outcome = outcome.unwrap();
    worker.is_complete(&outcome);
    assert_eq!(calls(&worker.lab, "PUT", "/restorePoints/"), 1);
    assert_eq!(calls(&worker.lab, "PUT", "/snapshots/"), 0);
    assert_eq!(calls(&worker.lab, "DELETE", "/restorePoints/"), 1);
    let manifest = worker.stored(&format!("{}/manifest.json", outcome.folder));
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let told = |member: &str| -> BTreeSet<String> {
        let items = manifest["items"].as_array().unwrap().iter();
        items.map(|item| item["snapshot"][member].to_string()).collect()
    };
    assert_eq!(told("taken_at").len(), 1, "{manifest}");
    assert_eq!(told("set").len(), 1, "{manifest}");
    assert!(!told("set").contains("null"));
    let signer = FakeSigner::ed25519("custodian", 1);
    let trust = Trust::nobody().with(SignerSet::new(vec![signer.verifier_key().clone()]).unwrap());
    let verifier = Verifier::new(worker.ports.reader.clone(), Arc::new(SerialHasher::new()), trust);
    let report = run(verifier.verify());
    assert_eq!(report.outcome.exit_code(), 0, "{}", report.result);
}

#[test]
fn every_way_in_which_operations_answer_is_followed() {
    for style in [LroStyle::Location, LroStyle::OutputMissingOnce, LroStyle::Direct] {
        let timing = Timing::default().with_style(style);
        let worker = Worker::new(&Lab::of(Scenario::lab().with_timing(timing)));
        worker.is_complete(&worker.capture().1.unwrap());
    }
}

#[test]
fn i01_a_wrong_byte_in_one_copy_keeps_the_whole_restore_point() {
    let fault = Fault::on("PUT", "*data-0*", FaultAction::CopyCorrupts(1_100_000)).at_host("socevidence*");
    let lab = Lab::of(Scenario::lab().with_fault(fault));
    let worker = Worker::new(&lab);
    let outcome = worker.capture().1.unwrap();
    assert_eq!(outcome.exit_code(), 4, "{outcome:?}");
    assert_eq!(outcome.kept.len(), 3, "{outcome:?}");
    assert_eq!(lab.simulator.restore_points().len(), 2);
    assert_eq!(calls(&lab, "DELETE", "/restorePoint"), 0);
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
}

/// What stands against one instant, by what is changed of the lab.
fn obstacles() -> Vec<(&'static str, Scenario)> {
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut scenario = Scenario::lab();
        change(&mut scenario);
        scenario
    };
    let of_disk = |change: fn(&mut custody_testkit::azure_sim::Disk)| {
        with(&|scenario| change(scenario.disk_mut("web-01-data-0")))
    };
    let machine = |change: fn(&mut custody_testkit::azure_sim::Machine)| {
        with(&|scenario| change(&mut scenario.machines[0]))
    };
    vec![
        (
            "disk web-01-data-0 is of the type PremiumV2_LRS",
            of_disk(|disk| disk.sku = "PremiumV2_LRS".into()),
        ),
        (
            "disk web-01-data-0 is of the type UltraSSD_LRS",
            of_disk(|disk| disk.sku = "UltraSSD_LRS".into()),
        ),
        (
            "disk web-01-data-0 is shared (maxShares 2)",
            of_disk(|disk| disk.max_shares = 2),
        ),
        (
            "disk web-01-data-0 denies export from everywhere",
            of_disk(|disk| disk.network.network_access_policy = "DenyAll".into()),
        ),
        (
            "disk web-01-data-0 is write-accelerated",
            machine(|machine| machine.data_disks[0].write_accelerator = true),
        ),
        (
            "disk web-01_OsDisk_1 is ephemeral",
            machine(|machine| {
                machine.os_disk = custody_testkit::azure_sim::AttachedDisk::ephemeral("web-01_OsDisk_1");
            }),
        ),
        (
            "disk web-01-data-0 is unmanaged",
            machine(|machine| {
                machine.data_disks[0] = custody_testkit::azure_sim::AttachedDisk::unmanaged(
                    "web-01-data-0",
                    "https://old.blob.core.windows.net/vhds/d.vhd",
                );
            }),
        ),
        (
            "it is a confidential virtual machine",
            machine(|machine| machine.security_type = "ConfidentialVM".into()),
        ),
    ]
}

#[test]
fn a_machine_that_does_not_support_it_is_refused_with_the_reason_and_nothing_is_done_in_its_place() {
    for (reason, scenario) in obstacles() {
        let lab = Lab::of(scenario);
        let worker = Worker::new(&lab);
        let plan = worker.plan();
        let error = worker.run(plan.clone(), Reach::ToTheEnd).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error.meaning(), Error::Refused { .. }),
            "{reason}: {text}"
        );
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(text.contains("--consistency disk-snapshots"), "{reason}: {text}");
        // Asked all the same, the provider refuses again: it looks before it makes anything.
        let taken = run(async { lab.point_snapshotter().take(&snapshot_plan(&plan)).await });
        assert!(taken.iter().all(|outcome| outcome.result.is_err()), "{reason}");
        assert_eq!(calls(&lab, "PUT", "Microsoft.Compute"), 0, "{reason}");
    }
}

#[test]
fn what_makes_one_instant_doubtful_is_told_and_does_not_stop_the_capture() {
    let mut scenario = Scenario::lab();
    scenario.machines[0].os_disk.caching = "ReadWrite".into();
    scenario.machines[0].size = "Standard_D4s_v6".into();
    let worker = Worker::new(&Lab::of(scenario));
    let plan = worker.plan();
    assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
    let told = &plan.machine.attributes["consistency not guaranteed"];
    assert!(
        told.contains("disk web-01_OsDisk_1 has read/write host caching"),
        "{told}"
    );
    assert!(told.contains("standard_d4s_v6"), "{told}");
}

fn snapshot_plan(plan: &Plan) -> SnapshotPlan {
    let described = |planned: &custody_core::custody_log::PlannedItem| {
        let found = plan.machine.disks.iter().find(|disk| disk.disk == planned.disk);
        found.unwrap().attributes.clone()
    };
    let snapshots = plan.items.iter().map(|item| {
        PlannedSnapshot::new(item.item.clone(), item.disk.clone(), item.snapshot.clone())
            .with_described(described(item))
    });
    SnapshotPlan::new(
        plan.acquisition.clone(),
        plan.machine.machine.clone(),
        snapshots.collect(),
    )
}

fn take(lab: &Lab, plan: &SnapshotPlan) -> Vec<Result<DiskSnapshot>> {
    let outcomes = run(async { lab.point_snapshotter().take(plan).await });
    outcomes
        .into_iter()
        .map(|outcome| outcome.result.map(|acted| acted.value))
        .collect()
}

#[test]
fn a_request_whose_answer_was_lost_is_looked_for_and_not_sent_again() {
    for part in ["*/restorePoints/*", "*/restorePointCollections/custody-*"] {
        let fault = Fault::on("PUT", part, FaultAction::DropAfter).times(1);
        let worker = Worker::new(&Lab::of(Scenario::lab().with_fault(fault)));
        worker.is_complete(&worker.capture().1.unwrap());
        assert_eq!(calls(&worker.lab, "PUT", "/restorePoints/"), 1, "{part}");
    }
}

/// How many calls the Resource Manager had.
fn managed(lab: &Lab) -> u64 {
    let journal = lab.simulator.journal();
    let managed = journal
        .iter()
        .filter(|entry| entry.host.starts_with("management."));
    managed.count().try_into().unwrap()
}

/// The call with this number, from here on, fails so, and after it nothing answers any more until `revive`.
fn dies_at(lab: &Lab, at: u64, action: &FaultAction) {
    let fails = |action: FaultAction, nth: u64| {
        lab.simulator
            .inject(Fault::on("*", "*", action).at_host("management.*").nth(nth));
    };
    fails(action.clone(), at);
    for later in 1..40 {
        fails(FaultAction::DropBefore, at + later);
    }
}

fn warrant_for(snapshots: &[DiskSnapshot]) -> DeletionWarrant {
    let order = |snapshot: &DiskSnapshot| {
        DeletionWarrant::for_discard(&DiscardOrder::unlogged_for_conformance_tests(
            snapshot.name.clone(),
        ))
    };
    let joint = snapshots.iter().map(order).reduce(DeletionWarrant::and);
    joint.unwrap()
}

/// Whatever call to the Resource Manager is the last one of a process, the next one makes of it one restore point,
/// and in the end none.
#[test]
fn i04_a_stop_between_any_two_calls_is_taken_up() {
    let lab = Lab::new();
    let plan = snapshot_plan(&Worker::new(&lab).plan());
    let before = managed(&lab);
    let made: Vec<DiskSnapshot> = take(&lab, &plan).into_iter().map(Result::unwrap).collect();
    let taking = managed(&lab) - before;
    let deleted = run(async { lab.point_snapshotter().delete(&made[0], warrant_for(&made)).await });
    let deleting = managed(&lab) - before - taking;
    assert!(
        deleted.is_ok() && taking > 8 && deleting > 6,
        "{taking} {deleting}"
    );
    for at in 1..=taking.max(deleting) {
        for action in [FaultAction::DropBefore, FaultAction::DropAfter] {
            let what = format!("call {at}, {action:?}");
            let lab = Lab::new();
            let plan = snapshot_plan(&Worker::new(&lab).plan());
            dies_at(&lab, at, &action);
            let first = take(&lab, &plan);
            lab.simulator.clear_faults();
            let again = take(&lab, &plan);
            let made: Vec<DiskSnapshot> = again.into_iter().map(Result::unwrap).collect();
            for (first, made) in first.iter().zip(&made) {
                assert!(first.as_ref().map_or(true, |first| first == made), "{what}");
            }
            assert_eq!(lab.simulator.restore_points().len(), 2, "{what}");
            let listed = run(async { lab.point_snapshotter().list(&plan.acquisition).await }).unwrap();
            assert_eq!(listed.len(), made.len(), "{what}");

            dies_at(&lab, at, &action);
            drop(run(async {
                lab.point_snapshotter().delete(&made[0], warrant_for(&made)).await
            }));
            lab.simulator.clear_faults();
            let again = run(async { lab.point_snapshotter().delete(&made[0], warrant_for(&made)).await });
            assert!(again.is_ok(), "{what}: {again:?}");
            assert_eq!(lab.simulator.restore_points(), [""; 0], "{what}");
        }
    }
}

#[test]
fn the_fourth_restore_point_in_an_hour_is_refused_with_what_to_do_and_leaves_nothing() {
    // Long enough that the identity's token outlives the hour that passes.
    let mut scenario = Scenario::lab();
    scenario.timing.token_seconds = 86_400;
    let lab = Lab::of(scenario);
    let worker = Worker::new(&lab);
    let plan = worker.plan();
    let of = |number: u32| {
        let mut next = snapshot_plan(&plan);
        next.acquisition = format!("20261121T203015Z-0000000{number}").parse().unwrap();
        next
    };
    for number in 1..=3 {
        assert!(take(&lab, &of(number)).iter().all(Result::is_ok), "{number}");
    }
    let before = lab.simulator.restore_points();
    for outcome in take(&lab, &of(4)) {
        let error = outcome.unwrap_err();
        assert!(matches!(error.meaning(), Error::Throttled { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("three restore points of a machine in an hour") && text.contains("resume later"),
            "{text}"
        );
    }
    assert_eq!(lab.simulator.restore_points(), before);
    lab.clock.advance(Duration::from_secs(3700));
    assert!(take(&lab, &of(4)).iter().all(Result::is_ok));
}

#[test]
fn a_restore_point_that_the_service_gave_up_is_named_and_goes_when_it_is_ordered_away() {
    let fails = FaultAction::OperationFails("VMRestorePointClientError".into());
    let fault = Fault::on("PUT", "*/restorePoints/*", fails);
    let lab = Lab::of(Scenario::lab().with_fault(fault));
    let worker = Worker::new(&lab);
    let (log, outcome) = worker.capture();
    assert_eq!(outcome.unwrap().state, None);
    let again = worker.resume(log.clone()).unwrap();
    let told = again.items[0].stopped_by.as_ref().unwrap();
    let told = format!("{told:?}");
    assert!(
        told.contains("its state is Failed") && told.contains("abandon"),
        "{told}"
    );
    assert_eq!(calls(&lab, "PUT", "/restorePoints/"), 1);
    let Some(LogName::Acquisition { acquisition, .. }) = Some(log.clone()) else {
        return;
    };
    let listed = run(async { lab.point_snapshotter().list(&acquisition).await }).unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
    let names: Vec<_> = listed.iter().map(|snapshot| snapshot.name.clone()).collect();
    let reason = "the service gave it up".parse().unwrap();
    let capture = Capture::new(worker.ports.clone());
    let outcome = run(capture.abandon(log, circumstances(), &reason, &names)).unwrap();
    assert!(outcome.kept.is_empty(), "{outcome:?}");
    assert_eq!(lab.simulator.restore_points(), [""; 0]);
}

#[test]
fn a_disk_that_was_detached_meanwhile_is_named_and_the_others_are_taken() {
    let lab = Lab::new();
    let plan = snapshot_plan(&Worker::new(&lab).plan());
    lab.simulator.detach_disk("web-01-data-0");
    let outcomes = take(&lab, &plan);
    let [os, detached, data] = outcomes.as_slice() else {
        return assert_eq!(outcomes.len(), 3);
    };
    assert!(os.is_ok() && data.is_ok(), "{outcomes:?}");
    let text = detached.as_ref().unwrap_err().to_string();
    assert!(
        text.contains("web-01-data-0") && text.contains("was not attached") && text.contains("--disk"),
        "{text}"
    );
}

#[test]
fn another_disk_under_the_id_of_a_planned_one_stays_out_and_both_are_named() {
    let lab = Lab::new();
    let plan = snapshot_plan(&Worker::new(&lab).plan());
    let then = plan.snapshots[1].described["uniqueId"].clone();
    lab.simulator.replace_disk("web-01-data-0");
    let outcomes = take(&lab, &plan);
    let error = outcomes[1].as_ref().unwrap_err();
    assert!(matches!(error.meaning(), Error::Integrity { .. }), "{error}");
    let now = Worker::new(&lab).plan().machine.disks[1].attributes["uniqueId"].clone();
    let text = error.to_string();
    assert!(
        then != now && text.contains(&then) && text.contains(&now),
        "{text}"
    );
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    let made = outcomes[0].as_ref().unwrap();
    let point = made.set.as_ref().unwrap();
    let (_, held) = lab.others(Method::Get, &format!("{point}/diskRestorePoints"), &Value::Null);
    assert_eq!(held["value"].as_array().unwrap().len(), 2, "{held}");
}

#[test]
fn i06_a_collection_in_which_others_made_a_restore_point_is_left() {
    let lab = Lab::new();
    let worker = Worker::new(&lab);
    let plan = worker.plan();
    let log = plan.log();
    worker.run(plan, Reach::SnapshotsOnly).unwrap();
    let ours = lab.simulator.restore_points();
    let theirs = format!("{}/restorePoints/theirs", ours[0]);
    let body = json!({"properties": {"consistencyMode": "CrashConsistent"}});
    assert_eq!(lab.others(Method::Put, &theirs, &body).0, 201);
    let outcome = worker.resume(log).unwrap();
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert!(outcome.kept.is_empty());
    // Azure deletes a collection with all that it holds: ours is gone, and theirs with its collection is there.
    assert_eq!(lab.simulator.restore_points(), [ours[0].clone(), theirs]);
}

/// What a role for captures by a restore point holds at the source.
fn rights() -> Vec<&'static str> {
    let steps = [
        RightStep::Describing,
        RightStep::RestorePoint,
        RightStep::PointReading,
    ];
    rights_for(&steps).map(Right::action).collect()
}

/// All that a capture does at the source; where the first failure is, it.
async fn everything_at_the_source(lab: &Lab) -> Result<()> {
    let snapshotter = lab.point_snapshotter();
    let machine = snapshotter.describe(&lab.machine()).await?;
    let planned = machine.disks.iter().zip(1..).map(|(disk, number)| {
        let name = format!("snapshot-{number}").parse().unwrap();
        PlannedSnapshot::new(EvidenceItemId::new(number), disk.disk.clone(), name)
    });
    let acquisition = "20261121T203015Z-0123abcd".parse()?;
    let plan = SnapshotPlan::new(acquisition, lab.machine(), planned.collect());
    let mut made = Vec::new();
    for outcome in snapshotter.take(&plan).await {
        made.push(outcome.result?.value);
    }
    assert_eq!(snapshotter.list(&plan.acquisition).await?, made);
    lab.access()
        .grant(&made[0], GrantOptions::lasting(hour()))
        .await?;
    lab.access().revoke(&made[0]).await?;
    let gone = snapshotter.delete(&made[0], warrant_for(&made)).await?;
    // An empty collection that may not be deleted is told, and makes nothing of the deletion untrue.
    match gone.service.ids.get("left empty") {
        None => Ok(()),
        Some(left) => Err(Error::PermissionDenied {
            object: left.clone(),
            operation: "Microsoft.Compute/restorePointCollections/delete",
            source: None,
        }),
    }
}

#[test]
fn the_rights_of_a_restore_point_are_enough_and_one_that_is_missing_is_named() {
    let with = |role: RoleGrant| {
        let mut scenario = Scenario::lab();
        for identity in &mut scenario.identities {
            identity.roles = vec![role.clone()];
        }
        Lab::of(scenario)
    };
    let granted = || RoleGrant::new("/", &rights(), &[]);
    let lab = with(granted());
    run(everything_at_the_source(&lab)).unwrap();
    assert_eq!(lab.simulator.restore_points(), [""; 0]);
    for right in rights() {
        let error = run(everything_at_the_source(&with(granted().without(right)))).unwrap_err();
        let is_so_told = match error.meaning() {
            Error::PermissionDenied { .. } => true,
            // Without knowing each disk none is made: which one could not be read, and why, is the reason.
            Error::Refused { .. } => right == "Microsoft.Compute/disks/read",
            _ => false,
        };
        assert!(is_so_told, "{right}: {error}");
        assert!(error.to_string().contains(right), "{right}: {error}");
    }
}

#[test]
fn a_part_that_the_service_still_copies_is_waited_for_before_access_is_asked_for() {
    let part = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections/c\
                /restorePoints/c/diskRestorePoints/d_1";
    let at = |percent: u32| {
        let body = json!({"id": part, "name": "d_1", "properties": {"completionPercent": percent}});
        Canned::json(200, &body)
    };
    let sas = "https://md-abc.z1.blob.storage.azure.net/token/abcd?sv=1&sig=CANARY-7f3a";
    let script = Script::of([
        at(0),
        at(60),
        at(100),
        Canned::json(200, &json!({ "accessSAS": sas })),
    ]);
    let access = AzureSourceAccess::new(arm_of(&script), tokens());
    let snapshot = DiskSnapshot::new(
        "n".parse().unwrap(),
        "d".parse().unwrap(),
        SnapshotKind::Made,
        1536,
    )
    .with_attribute("resourceId", part);
    let granted = run(async { access.grant(&snapshot, GrantOptions::lasting(hour())).await });
    assert!(granted.is_ok(), "{granted:?}");
    assert!(script.is_used_up());
    let last = script.seen().pop().unwrap();
    assert!(
        last.method == "POST" && last.url.contains("/diskRestorePoints/d_1/beginGetAccess"),
        "{last:?}"
    );
}

#[test]
fn disks_that_are_named_alone_have_no_restore_point() {
    let lab = Lab::new();
    let disk = format!(
        "/subscriptions/{}/resourceGroups/production/providers/Microsoft.Compute/disks/web-01-data-0",
        lab.subscription()
    );
    let described = run(async { lab.point_snapshotter().describe(&disk.parse().unwrap()).await }).unwrap();
    assert!(
        described.obstacles[0].contains("--consistency disk-snapshots"),
        "{:?}",
        described.obstacles
    );
}
