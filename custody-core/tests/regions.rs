//! I11: evidence lies in the machine's region unless the plan was told otherwise, and that is recorded.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use custody_core::capture::{Blocks, Capture, CaptureRequest, Plan};
use custody_core::custody_log::{AcquisitionSettings, Act, ClosingState, Regions};
use custody_core::port::{Protection, ProtectionKind};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, MemoryStore};
use futures::executor::block_on;
use support::*;

fn machine(region: Option<&str>) -> FakeMachine {
    let machine = FakeMachine::new("bench", vec![FakeDisk::patterned("os.img", 3000, 1)]);
    match region {
        Some(region) => machine.with_region(region),
        None => machine,
    }
}

fn store(region: Option<&str>) -> MemoryStore {
    let protection = Protection::new(ProtectionKind::LockedRetention, "locked");
    MemoryStore::new().with_protection(match region {
        Some(region) => protection.with_region(region.parse().unwrap()),
        None => protection,
    })
}

fn world(machine_region: Option<&str>, store_region: Option<&str>) -> FakeWorld {
    FakeWorld::new(machine(machine_region)).with_store(store(store_region))
}

fn anywhere() -> CaptureRequest {
    let mut settings = AcquisitionSettings::default();
    settings.regions = Regions::Any;
    request().with_settings(settings)
}

fn plan(world: &FakeWorld, request: CaptureRequest) -> Plan {
    block_on(Capture::new(world.ports()).plan(request)).unwrap()
}

#[test]
fn i11_evidence_stays_in_the_machines_region() {
    let world = world(Some("westeurope"), Some("westeurope"));
    assert_eq!(plan(&world, request()).refusals, []);
    assert_eq!(
        capture(world.ports()).unwrap().state,
        Some(ClosingState::Complete)
    );
    let opening = serde_json::to_value(&events(&world)[0].act).unwrap();
    assert_eq!(opening["what"]["machine"]["region"], "westeurope");
    assert_eq!(opening["what"]["protection"]["region"], "westeurope");
    assert_eq!(opening["what"]["settings"].get("regions"), None);
}

#[test]
fn i11_another_region_is_refused_by_both_names_and_the_evidence_preserved() {
    let world = world(Some("westeurope"), Some("northeurope"));
    let plan = plan(&world, request());
    let [refusal] = &plan.refusals[..] else {
        panic!("{:?}", plan.refusals)
    };
    assert_eq!(refusal.blocks, Blocks::WhatFollows);
    for words in ["westeurope", "northeurope", "--allow-other-region"] {
        assert!(refusal.reason.contains(words), "{}", refusal.reason);
    }
    let error = capture(world.ports()).unwrap_err();
    assert!(error.to_string().contains("northeurope"), "{error}");
    assert_eq!(world.machine.made_snapshots().len(), 1);
    assert_eq!(world.store.names(), [], "nothing at all goes to the other region");
}

#[test]
fn i11_another_region_is_taken_when_that_was_decided_and_the_record_says_so() {
    let world = world(Some("westeurope"), Some("northeurope"));
    let outcome = capture_as(world.ports(), anywhere()).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let events = events(&world);
    let Act::AcquisitionOpened {
        settings,
        machine,
        protection,
        ..
    } = &events[0].act
    else {
        panic!("{events:?}")
    };
    assert_eq!(settings.regions, Regions::Any);
    assert_eq!(machine.region.as_ref().unwrap().as_str(), "westeurope");
    assert_eq!(
        protection.as_ref().unwrap().region.as_ref().unwrap().as_str(),
        "northeurope"
    );
}

#[test]
fn i11_a_region_that_is_not_known_is_never_taken_for_the_right_one() {
    for (machine, store) in [(Some("westeurope"), None), (None, Some("westeurope"))] {
        let world = world(machine, store);
        let plan = plan(&world, request());
        let [refusal] = &plan.refusals[..] else {
            panic!("{:?}", plan.refusals)
        };
        assert_eq!(refusal.blocks, Blocks::WhatFollows);
        assert!(
            refusal.reason.starts_with("could not check"),
            "{}",
            refusal.reason
        );
        assert!(refusal.reason.contains("westeurope"), "{}", refusal.reason);
        assert_eq!(
            capture_as(world.ports(), anywhere()).unwrap().state,
            Some(ClosingState::Complete)
        );
    }
    assert_eq!(
        plan(&world(None, None), request()).refusals,
        [],
        "where there are no regions"
    );
}

#[test]
fn i11_the_region_is_asked_again_when_a_capture_goes_on() {
    let mut world = world(Some("westeurope"), Some("northeurope"));
    capture(world.ports()).unwrap_err();
    let again = resume(&world).unwrap_err();
    assert!(again.to_string().contains("northeurope"), "{again}");
    assert_eq!(world.store.names(), []);
    // The container that was meant lies where the machine lies.
    world.store = store(Some("westeurope"));
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    assert_rest(&world, &outcome, "another container");
}

#[test]
fn what_the_store_says_against_storing_there_is_a_refusal_and_lifted_with_its_cause() {
    let obstacle = "page blobs do not exist in it: name another account";
    let protection = Protection::new(ProtectionKind::LockedRetention, "locked");
    let refused = protection.clone().with_obstacle(obstacle);
    let mut world = one_disk().with_store(MemoryStore::new().with_protection(refused));
    let error = capture(world.ports()).unwrap_err();
    assert!(error.to_string().contains(obstacle), "{error}");
    assert_eq!(
        (world.machine.made_snapshots().len(), world.store.names()),
        (1, Vec::new())
    );
    world.store = MemoryStore::new().with_protection(protection);
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
}
