//! What becomes of disks that are not as others: shared, unmanaged, elsewhere, gone or replaced meanwhile.

use crate::support::lab::Lab;
use crate::support::run;
use custody_core::ids::{EvidenceItemId, MachineRef};
use custody_core::port::{DiskSnapshot, Machine, PlannedSnapshot, SnapshotPlan, Snapshotter as _};
use custody_core::{Error, Result};
use custody_testkit::azure_sim::{AttachedDisk, Machine as ScenarioMachine, Scenario};

fn describe(lab: &Lab, machine: &MachineRef) -> Machine {
    run(async { lab.snapshotter().describe(machine).await }).unwrap()
}

fn plan(described: &Machine) -> SnapshotPlan {
    let planned = described.disks.iter().zip(1..).map(|(disk, number)| {
        let name = format!("snapshot-{number}").parse().unwrap();
        PlannedSnapshot::new(EvidenceItemId::new(number), disk.disk.clone(), name)
            .with_described(disk.attributes.clone())
    });
    SnapshotPlan::new(
        "20261121T203015Z-0123abcd".parse().unwrap(),
        described.machine.clone(),
        planned.collect(),
    )
}

fn take(lab: &Lab, plan: &SnapshotPlan) -> Vec<Result<DiskSnapshot>> {
    let outcomes = run(async { lab.snapshotter().take(plan).await });
    outcomes
        .into_iter()
        .map(|outcome| outcome.result.map(|acted| acted.value))
        .collect()
}

#[test]
fn a_disk_that_was_replaced_since_it_was_described_is_refused_with_both_and_no_snapshot_is_made_of_it() {
    let lab = Lab::new();
    let plan = plan(&describe(&lab, &lab.machine()));
    let then = plan.snapshots[1].described["uniqueId"].clone();
    lab.simulator.replace_disk("web-01-data-0");
    let outcomes = take(&lab, &plan);
    let error = outcomes[1].as_ref().unwrap_err();
    assert!(matches!(error.meaning(), Error::Integrity { .. }), "{error}");
    let now = describe(&lab, &lab.machine()).disks[1].attributes["uniqueId"].clone();
    let text = error.to_string();
    assert!(
        then != now && text.contains(&then) && text.contains(&now),
        "{text}"
    );
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(lab.simulator.snapshots().len(), 2);
}

#[test]
fn a_snapshot_that_was_taken_of_another_incarnation_is_not_adopted() {
    let lab = Lab::new();
    let machine = lab.machine();
    lab.simulator.replace_disk("web-01-data-0");
    let first = plan(&describe(&lab, &machine));
    assert!(take(&lab, &first).iter().all(Result::is_ok));
    // Another plan of the same acquisition, made after the disk was replaced once more.
    lab.simulator.replace_disk("web-01-data-0");
    let second = plan(&describe(&lab, &machine));
    let outcomes = take(&lab, &second);
    let error = outcomes[1].as_ref().unwrap_err();
    let text = error.to_string();
    for plan in [&first, &second] {
        assert!(text.contains(&plan.snapshots[1].described["uniqueId"]), "{text}");
    }
}

#[test]
fn a_disk_that_was_deleted_since_it_was_described_does_not_hide_the_others() {
    let lab = Lab::new();
    let plan = plan(&describe(&lab, &lab.machine()));
    lab.simulator.remove_disk("web-01-data-0");
    let outcomes = take(&lab, &plan);
    let error = outcomes[1].as_ref().unwrap_err();
    assert!(matches!(error.meaning(), Error::NotFound { .. }), "{error}");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
}

#[test]
fn a_disk_that_was_only_detached_is_taken_all_the_same() {
    let lab = Lab::new();
    let plan = plan(&describe(&lab, &lab.machine()));
    lab.simulator.detach_disk("web-01-data-0");
    assert!(take(&lab, &plan).iter().all(Result::is_ok));
}

#[test]
fn only_disks_whose_type_demands_it_are_taken_incrementally() {
    for (sku, incremental) in [
        ("Standard_LRS", false),
        ("Premium_LRS", false),
        ("StandardSSD_ZRS", false),
        ("PremiumV2_LRS", true),
        ("UltraSSD_LRS", true),
    ] {
        let mut scenario = Scenario::lab();
        scenario.disk_mut("web-01-data-0").sku = sku.into();
        let lab = Lab::of(scenario);
        let taken = take(&lab, &plan(&describe(&lab, &lab.machine())));
        assert!(taken.iter().all(Result::is_ok), "{sku}: {taken:?}");
        for snapshot in lab.simulator.snapshots() {
            let due = incremental && snapshot.source.ends_with("/web-01-data-0");
            assert_eq!(snapshot.incremental, due, "{sku}: {snapshot:?}");
        }
    }
}

#[test]
fn a_shared_disk_is_taken_and_the_record_says_that_others_may_write_to_it() {
    let mut scenario = Scenario::lab();
    scenario.disk_mut("web-01-data-0").max_shares = 3;
    let lab = Lab::of(scenario);
    let described = describe(&lab, &lab.machine());
    let note = &described.disks[1].attributes["shared"];
    assert!(note.contains("3 machines") && note.contains("write"), "{note}");
    assert!(!described.disks[0].attributes.contains_key("shared"));
    assert!(take(&lab, &plan(&described)).iter().all(Result::is_ok));
}

#[test]
fn a_machine_of_unmanaged_disks_alone_is_refused_with_what_to_do() {
    let uri = "https://old.blob.core.windows.net/vhds/old.vhd";
    let machine = ScenarioMachine::new("old-01", AttachedDisk::unmanaged("old-os", uri), Vec::new());
    let lab = Lab::of(Scenario::lab().with_machine(machine));
    let described = describe(&lab, &lab.scenario.machine_id("old-01").parse().unwrap());
    assert!(described.disks.is_empty());
    let told = &described.obstacles[0];
    assert!(
        told.contains("old-os") && told.contains("it is unmanaged") && told.contains("blob snapshot"),
        "{told}"
    );
}

#[test]
fn disks_of_other_groups_and_subscriptions_are_taken_where_custody_makes_its_snapshots() {
    let other = "99999999-9999-4999-8999-999999999999";
    let mut scenario = Scenario::lab();
    scenario.subscriptions.push(other.into());
    scenario.disk_mut("web-01-data-0").subscription = Some(other.into());
    let lab = Lab::of(scenario);
    let described = describe(&lab, &lab.machine());
    assert!(described.disks[1].disk.as_str().contains(other));
    let taken = take(&lab, &plan(&described));
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    let place = format!("/subscriptions/{}/resourceGroups/production/", lab.subscription());
    for snapshot in lab.simulator.snapshots() {
        assert!(snapshot.id.starts_with(&place), "{snapshot:?}");
    }
}

#[test]
fn an_incremental_snapshot_is_not_asked_for_across_subscriptions() {
    let other = "99999999-9999-4999-8999-999999999999";
    let mut scenario = Scenario::lab();
    scenario.subscriptions.push(other.into());
    let disk = scenario.disk_mut("web-01-data-0");
    disk.subscription = Some(other.into());
    disk.sku = "PremiumV2_LRS".into();
    let lab = Lab::of(scenario);
    let taken = take(&lab, &plan(&describe(&lab, &lab.machine())));
    let error = taken[1].as_ref().unwrap_err();
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("make snapshots in subscription {other}")),
        "{error}"
    );
    assert_eq!(lab.simulator.snapshots().len(), 2);
}
