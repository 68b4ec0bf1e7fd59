//! Settings of the store's account and container that bear on a capture, and that change while it runs.

use crate::support::lab::Lab;
use crate::support::passing::PassingClock;
use crate::support::run;
use crate::support::worker::Worker;
use custody_core::capture::CaptureOutcome;
use custody_core::custody_log::{AcquisitionSettings, Act, Regions};
use custody_core::manifest::Manifest;
use custody_core::port::ProtectionKind;
use custody_testkit::azure_sim::{Fault, FaultAction, RoleGrant, Scenario, Timing};
use custody_testkit::fake::MemoryLog;

const READ_ACCOUNT: &str = "Microsoft.Storage/storageAccounts/read";

fn with_scope(scope: &str) -> Scenario {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts.first_mut().unwrap().allowed_copy_scope = Some(scope.into());
    scenario
}

fn manifest(worker: &Worker, outcome: &CaptureOutcome) -> Manifest {
    let name = outcome.folder.join(&"manifest.json".parse().unwrap());
    serde_json::from_slice(&worker.stored(&name)).unwrap()
}

#[test]
fn an_account_that_lets_nobody_elses_disks_be_copied_is_streamed_to_and_the_plan_says_so() {
    for scope in ["AAD", "PrivateLink"] {
        let worker = Worker::new(&Lab::of(with_scope(scope)));
        let plan = run(worker.plan()).unwrap();
        assert_eq!(plan.refusals, []);
        let [note] = &plan.notes[..] else {
            panic!("{:?}", plan.notes)
        };
        assert!(
            note.contains(&format!(
                "allowedCopyScope of the storage account socevidence is {scope}"
            )) && note.contains("name another one"),
            "{note}"
        );
        let outcome = run(worker.run(plan)).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
        worker.every_disk_is_stored(&outcome);
        worker.left_nothing();
        worker.is_proven();
        for item in manifest(&worker, &outcome).items {
            let why = item.streamed.unwrap();
            assert!(why.contains(&format!("allowedCopyScope is {scope}")), "{why}");
        }
    }
}

#[test]
fn a_refused_copy_is_put_down_to_the_scope_as_well_where_the_setting_cannot_be_read() {
    let mut scenario = with_scope("AAD");
    for identity in &mut scenario.identities {
        identity.roles = vec![RoleGrant::everything().without(READ_ACCOUNT)];
    }
    // Told beforehand the missing right would be a refusal of the plan; here nobody can tell.
    let untold = FaultAction::status(403, "AuthorizationFailed");
    let fault = Fault::on("GET", "*/permissions", untold);
    let worker = Worker::new(&Lab::of(scenario.with_fault(fault)));
    // The region is not told either.
    let mut settings = AcquisitionSettings::default();
    settings.regions = Regions::Any;
    let plan = run(worker.plan_with(settings)).unwrap();
    let outcome = run(worker.run(plan)).unwrap();
    assert_eq!(outcome.exit_code(), 3, "{outcome:?}");
    let stopped = outcome.items[0].stopped_by.as_ref().unwrap();
    assert!(
        stopped.error.contains("allowedCopyScope") && stopped.error.contains(READ_ACCOUNT),
        "{stopped:?}"
    );
    assert_eq!(worker.lab.simulator.snapshots().len(), 3);
    assert_eq!(worker.lab.simulator.live_exports(), [""; 0]);
}

#[test]
fn the_plan_says_that_a_container_of_versions_can_hold_newer_ones_over_what_was_sealed() {
    let mut scenario = Scenario::lab();
    scenario.storage_accounts.first_mut().unwrap().versioning = true;
    scenario
        .container_mut(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER)
        .version_level_worm = true;
    let plan = run(Worker::new(&Lab::of(scenario)).plan()).unwrap();
    let [note] = &plan.notes[..] else {
        panic!("{:?}", plan.notes)
    };
    assert!(
        note.contains("immutableStorageWithVersioning") && note.contains("x-ms-version-id"),
        "{note}"
    );
}

#[test]
fn a_hold_that_is_cleared_while_disks_copy_is_an_anomaly_and_both_states_are_in_the_record() {
    let mut scenario = Scenario::lab().with_timing(Timing::default().with_copy_polls(10));
    let container = scenario.container_mut(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER);
    container.immutability_policy = None;
    container.legal_hold = vec!["case42".into()];
    container.legal_hold_allows_appends = true;
    let lab = Lab::of(scenario);
    let clock = PassingClock::once_copying(&lab, |lab| {
        lab.simulator
            .clear_legal_hold(Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER);
    });
    let worker = Worker::with_clock(&lab, &MemoryLog::new(), clock.clone());
    let (log, outcome) = run(worker.capture()).unwrap();
    assert!(clock.has_passed(), "nothing was cleared");
    let protection = manifest(&worker, &outcome).protection;
    assert_eq!(protection.before.kind, ProtectionKind::LegalHold);
    assert_eq!(protection.after.kind, ProtectionKind::None);
    let told = worker.events(&log).into_iter().find_map(|event| match event.act {
        Act::Anomaly { item: None, detail } => Some(detail),
        _ => None,
    });
    let told = told.unwrap();
    assert!(
        told.contains("a legal hold is on the container") && told.contains("legalHold tags was case42"),
        "{told}"
    );
    worker.is_proven();
}
