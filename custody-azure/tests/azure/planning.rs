//! What a plan finds out about rights, regions and a store that does not answer, against the simulated cloud; and that
//! none of it keeps the evidence waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::run;
use azure_core::http::Method;
use custody_azure::arm::{RightStep, rights_for};
use custody_azure::{AzureRights, Consistency, Patience};
use custody_core::capture::{Blocks, Capture, CaptureRequest, Plan, Reach};
use custody_core::custody_log::{
    AcquisitionSettings, Circumstances, ClosingState, How, Regions, SignerSet, Stated, Trust, Who, Why,
};
use custody_core::ids::MachineRef;
use custody_core::port::{LogName, RightNeed, Rights as _, RightsFinding, SealSigner as _, Snapshotter as _};
use custody_core::verify::Verifier;
use custody_core::{Error, Ports, Remedy};
use custody_testkit::azure_sim::{ExistingSnapshot, Fault, FaultAction, RoleGrant, Scenario};
use custody_testkit::fake::{FakeSigner, SerialHasher};

fn circumstances() -> Circumstances {
    let who = Who::new(Stated::new("A. Examiner".parse().unwrap()), [].into());
    let why = Why::new("warrant 123/26".parse().unwrap());
    Circumstances::new(who, [].into(), How::new("test", "1.0"), why)
}

fn ports(lab: &Lab) -> Ports {
    ports_with(lab, Consistency::DiskSnapshots)
}

fn ports_with(lab: &Lab, consistency: Consistency) -> Ports {
    let options = lab.options().with_consistency(consistency);
    let worker = lab.worker_ports();
    custody_azure::ports(&options, &lab.credential, worker).unwrap()
}

fn request(lab: &Lab) -> CaptureRequest {
    CaptureRequest::new("2026-0042".parse().unwrap(), lab.machine(), circumstances())
}

/// Plans and runs; gives what it was planned as, and what stopped it.
fn preserved(lab: &Lab, ports: &Ports) -> (Plan, LogName, Error) {
    let capture = Capture::new(ports.clone());
    run(async {
        let plan = capture.plan(request(lab)).await.unwrap();
        let log = plan.log();
        let error = capture.run(plan.clone(), Reach::SnapshotsOnly).await.unwrap_err();
        (plan, log, error)
    })
}

fn asked_at(lab: &Lab, host: &str, method: &str) -> usize {
    let journal = lab.simulator.journal();
    let asked = journal
        .iter()
        .filter(|entry| entry.host.starts_with(host) && entry.method == method);
    asked.count()
}

fn goes_on_and_is_proven(ports: &Ports, log: LogName) {
    let outcome = run(Capture::new(ports.clone()).resume(log, circumstances(), 3)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    let signer = FakeSigner::ed25519("custodian", 1);
    let trust = Trust::nobody().with(SignerSet::new(vec![signer.verifier_key().clone()]).unwrap());
    let verifier = Verifier::new(ports.reader.clone(), Arc::new(SerialHasher::new()), trust);
    let report = run(verifier.verify());
    assert_eq!(report.outcome.exit_code(), 0, "{}", report.result);
}

#[test]
fn i04_a_store_that_refuses_or_does_not_answer_keeps_no_snapshot_waiting() {
    let refused = |status, code| Fault::on("*", "*", FaultAction::status(status, code));
    for (fault, words) in [
        (refused(403, "AuthorizationFailure"), "permission denied"),
        (refused(404, "ContainerNotFound"), "not found"),
        (refused(500, "InternalError"), "failed"),
        (Fault::on("*", "*", FaultAction::DropBefore), "failed"),
    ] {
        let lab = Lab::new();
        lab.simulator.inject(fault.at_host("socevidence*"));
        let ports = ports(&lab);
        let (plan, log, error) = preserved(&lab, &ports);
        let [refusal] = &plan.refusals[..] else {
            panic!("{:?}", plan.refusals)
        };
        assert_eq!(refusal.blocks, Blocks::WhatFollows);
        assert!(refusal.reason.contains(words), "{words}: {}", refusal.reason);
        assert!(error.to_string().contains(": refused: "), "{error}");
        let is_right = words == "permission denied";
        assert_eq!(
            error.remedy() == Remedy::FixPermission,
            is_right,
            "{words}: {error}"
        );
        assert_eq!(lab.simulator.snapshots().len(), 3, "{words}");
        assert_eq!(asked_at(&lab, "socevidence", "PUT"), 0, "nothing was put there");
        lab.simulator.clear_faults();
        goes_on_and_is_proven(&ports, log);
        assert_eq!(lab.simulator.snapshots(), []);
    }
}

#[test]
fn i04_a_register_that_is_busy_keeps_no_snapshot_waiting() {
    let lab = Lab::new();
    let busy = FaultAction::status(503, "ServerBusy").retry_after(120);
    lab.simulator
        .inject(Fault::on("PUT", "*/register.jsonl", busy).at_host("socevidence*"));
    let options = lab.options().with_patience(Patience::default());
    let ports = custody_azure::ports(&options, &lab.credential, lab.worker_ports()).unwrap();
    let (_, log, error) = preserved(&lab, &ports);
    assert!(matches!(error.meaning(), Error::Throttled { .. }), "{error}");
    let journal = lab.simulator.journal();
    let first = |part: &str| {
        let asked = journal
            .iter()
            .find(|call| call.method == "PUT" && call.path.contains(part));
        asked.unwrap_or_else(|| panic!("{part} was not asked for")).at
    };
    let waited = first("/snapshots/")
        .duration_since(first("/register.jsonl"))
        .unwrap();
    assert!(waited < Duration::from_secs(60), "{waited:?}");
    assert_eq!(lab.simulator.snapshots().len(), 3);
    lab.simulator.clear_faults();
    goes_on_and_is_proven(&ports, log);
}

#[test]
fn i04_compute_rights_alone_preserve_the_evidence() {
    let mut scenario = Scenario::lab();
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::new("/", &["Microsoft.Compute/*"], &[])];
    }
    let lab = Lab::of(scenario);
    let (plan, _, error) = preserved(&lab, &ports(&lab));
    assert!(
        plan.refusals
            .iter()
            .all(|refusal| refusal.blocks == Blocks::WhatFollows)
    );
    assert!(
        error.to_string().contains("Microsoft.Storage"),
        "the right is named: {error}"
    );
    // The store's region is not known either, which something else than a right can lift.
    assert_eq!(
        (plan.remedy(), error.remedy()),
        (Remedy::FixRequest, Remedy::FixRequest)
    );
    assert_eq!(lab.simulator.snapshots().len(), 3);
    assert_eq!(lab.simulator.live_exports(), [""; 0]);
}

#[test]
fn rights_that_are_missing_at_the_source_and_at_the_store_are_named_in_the_plan() {
    let mut scenario = Scenario::lab();
    let write = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
    let (read, delete) = (
        "Microsoft.Compute/snapshots/beginGetAccess/action",
        "Microsoft.Compute/snapshots/delete",
    );
    for identity in &mut scenario.identities {
        let control = RoleGrant::new("/", &["*"], &["*/read", "*/add/action"]);
        identity.roles = vec![control.without(read).without(delete)];
    }
    let lab = Lab::of(scenario);
    let plan = run(async { Capture::new(ports(&lab)).plan(request(&lab)).await.unwrap() });
    let named = |right: &str, place: &str| {
        let mut reasons = plan.refusals.iter().map(|refusal| &refusal.reason);
        reasons.any(|reason| reason.contains(right) && reason.contains(place))
    };
    assert!(named(read, "/resourceGroups/production"), "{:?}", plan.refusals);
    assert!(named(write, "/containers/"), "{:?}", plan.refusals);
    assert_eq!(plan.refusals.len(), 2, "{:?}", plan.refusals);
    let [note] = &plan.notes[..] else {
        panic!("{:?}", plan.notes)
    };
    assert!(note.contains(delete) && note.contains("kept and named"), "{note}");
    let outline = plan.outline();
    assert_eq!(outline.deleted.len(), 3, "{outline:?}");
}

/// What is asked for in a plan of the lab's machine by somebody who may do nothing but read it.
fn asked_for(mut scenario: Scenario, consistency: Consistency) -> BTreeMap<String, RightNeed> {
    let lab = Lab::of(scenario.clone());
    let machine = run(async { lab.snapshotter().describe(&lab.machine()).await }).unwrap();
    for identity in &mut scenario.identities {
        identity.roles = Vec::new();
    }
    let lab = Lab::of(scenario);
    let store = lab.store(Scenario::LAB_CONTAINER);
    let rights = AzureRights::new(lab.arm.clone(), lab.place(), &store).with_consistency(consistency);
    let found = run(async { rights.check(&machine).await });
    let named = found.into_iter().map(|finding| match finding {
        RightsFinding::Missing { right, need, .. } => (right, need),
        RightsFinding::Unchecked { scope, reason } => panic!("{scope}: {reason}"),
    });
    named.collect()
}

#[test]
fn a_plan_asks_for_the_rights_of_its_own_steps_and_for_no_other() {
    use RightStep::{
        Describing, DiskSnapshots, PointReading, Recording, RestorePoint, SignedInReading, SnapshotReading,
        Storing,
    };
    let due = |steps: &[RightStep]| -> BTreeMap<String, RightNeed> {
        let rights = rights_for(steps);
        rights
            .map(|right| (right.action().to_owned(), right.need()))
            .collect()
    };
    let by_snapshots = [Describing, Recording, DiskSnapshots, SnapshotReading, Storing];
    assert_eq!(
        asked_for(Scenario::lab(), Consistency::DiskSnapshots),
        due(&by_snapshots)
    );
    let by_point = [Describing, Recording, RestorePoint, PointReading, Storing];
    assert_eq!(
        asked_for(Scenario::lab(), Consistency::RestorePoint),
        due(&by_point)
    );
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01-data-0").network.data_access_auth_mode = "AzureActiveDirectory".into();
    let signed_in = [by_snapshots.as_slice(), &[SignedInReading]].concat();
    assert_eq!(asked_for(scenario, Consistency::DiskSnapshots), due(&signed_in));
}

#[test]
fn rights_that_a_restore_point_lacks_are_named_in_the_plan() {
    let mut scenario = Scenario::lab();
    let points = "Microsoft.Compute/restorePointCollections/restorePoints";
    let (write, delete) = (format!("{points}/write"), format!("{points}/delete"));
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(&write).without(&delete)];
    }
    let lab = Lab::of(scenario);
    let ports = ports_with(&lab, Consistency::RestorePoint);
    let plan = run(async { Capture::new(ports).plan(request(&lab)).await.unwrap() });
    let [refusal] = &plan.refusals[..] else {
        panic!("{:?}", plan.refusals)
    };
    assert!(
        refusal.reason.contains(&write) && refusal.reason.contains("/resourceGroups/production"),
        "{refusal:?}"
    );
    let [note] = &plan.notes[..] else {
        panic!("{:?}", plan.notes)
    };
    assert!(
        note.contains(&delete) && note.contains("kept and named"),
        "{note}"
    );
}

#[test]
fn i06_the_plan_tells_that_access_to_what_was_there_before_may_end_for_everybody() {
    let mut scenario = Scenario::lab();
    scenario
        .snapshots
        .push(ExistingSnapshot::new("before-us", "web-01-data-0"));
    let lab = Lab::of(scenario);
    let id = lab.simulator.snapshots()[0].id.clone();
    let plan = |machine: MachineRef| {
        let request = CaptureRequest::new("2026-0042".parse().unwrap(), machine, circumstances());
        run(async { Capture::new(ports(&lab)).plan(request).await }).unwrap()
    };
    let told = plan(id.parse().unwrap()).notes;
    let [note] = &told[..] else { panic!("{told:?}") };
    assert!(
        note.contains(&id) && note.contains("was there before") && note.contains("endGetAccess"),
        "{note}"
    );
    let body = serde_json::json!({ "access": "Read", "durationInSeconds": 3600 });
    let begun = lab.others(Method::Post, &format!("{id}/beginGetAccess"), &body);
    assert_eq!(begun.0, 202);
    let told = plan(id.parse().unwrap()).notes;
    let [note] = &told[..] else { panic!("{told:?}") };
    assert!(
        note.starts_with("somebody has access to") && note.contains("NOW (diskState ActiveSAS)"),
        "{note}"
    );
    // Of a machine, everything that is read is custody's own.
    assert_eq!(plan(lab.machine()).notes, [""; 0]);
}

fn in_region(region: &str) -> Lab {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts.first_mut().unwrap().location = region.into();
    Lab::of(scenario)
}

#[test]
fn i11_a_container_in_another_region_is_refused_unless_that_was_decided() {
    let lab = in_region("North Europe");
    let ports = ports(&lab);
    let (plan, _, error) = preserved(&lab, &ports);
    let [refusal] = &plan.refusals[..] else {
        panic!("{:?}", plan.refusals)
    };
    for words in ["westeurope", "northeurope", "--allow-other-region"] {
        assert!(refusal.reason.contains(words), "{}", refusal.reason);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(
        lab.simulator.snapshots().len(),
        3,
        "the evidence is preserved first"
    );
    assert_eq!(
        asked_at(&lab, "socevidence", "PUT"),
        0,
        "nothing goes to the other region"
    );

    let lab = in_region("northeurope");
    let ports = self::ports(&lab);
    let mut settings = AcquisitionSettings::default();
    settings.regions = Regions::Any;
    let capture = Capture::new(ports);
    let outcome = run(async {
        let plan = capture.plan(request(&lab).with_settings(settings)).await.unwrap();
        assert_eq!(plan.refusals, []);
        capture.run(plan, Reach::ToTheEnd).await.unwrap()
    });
    assert_eq!(outcome.state, Some(ClosingState::Complete));
}

#[test]
fn i11_regions_are_compared_as_azure_spells_them() {
    let lab = in_region("West Europe");
    let plan = run(async { Capture::new(ports(&lab)).plan(request(&lab)).await.unwrap() });
    assert_eq!(plan.refusals, []);
    let store = plan.protection.unwrap().region;
    assert_eq!(
        (plan.machine.region, store.unwrap().as_str()),
        (Some("westeurope".parse().unwrap()), "westeurope")
    );
}

#[test]
fn i10_a_token_goes_only_to_the_service_whose_it_is_and_over_https() {
    let lab = Lab::new();
    let ports = ports(&lab);
    run(async {
        let capture = Capture::new(ports);
        let plan = capture.plan(request(&lab)).await.unwrap();
        capture.run(plan, Reach::ToTheEnd).await.unwrap()
    });
    // The simulator takes a token only where its audience is; whoever sends another one is refused.
    let journal = lab.simulator.journal();
    let (mut manager, mut blobs) = (0, 0);
    for entry in &journal {
        assert_ne!((entry.status, entry.authorized), (401, true), "{entry:?}");
        manager += usize::from(entry.host == "management.azure.com" && entry.authorized);
        blobs += usize::from(entry.host.starts_with("socevidence") && entry.authorized);
        assert!(
            !(entry.host.starts_with("md-") && entry.authorized),
            "a token at an export: {entry:?}"
        );
    }
    assert!(manager > 0 && blobs > 0);
    assert_eq!(lab.simulator.refused_hosts(), [""; 0]);
}
