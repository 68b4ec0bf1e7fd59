//! What a plan says beforehand: which rights are lacking, and what would be created, read and deleted.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use custody_core::capture::{Blocks, Capture, Plan, Reach};
use custody_core::custody_log::ClosingState;
use custody_core::port::{Protection, ProtectionKind, RightNeed};
use custody_core::{Error, Remedy};
use custody_testkit::fake::{FakeWorld, MemoryStore};
use futures::executor::block_on;
use support::*;

fn plan(world: &FakeWorld) -> Plan {
    block_on(Capture::new(world.ports()).plan(request())).unwrap()
}

#[test]
fn a_right_that_is_missing_is_named_and_the_snapshot_tried_all_the_same() {
    let world = one_disk();
    world
        .rights
        .take("the store", "store/write", RightNeed::ToCapture);
    let plan = plan(&world);
    let [refusal] = &plan.refusals[..] else {
        panic!("{:?}", plan.refusals)
    };
    assert_eq!(refusal.blocks, Blocks::WhatFollows);
    assert!(
        refusal.reason.contains("store/write") && refusal.reason.contains("the store"),
        "{refusal:?}"
    );
    let error = block_on(Capture::new(world.ports()).run(plan, Reach::ToTheEnd)).unwrap_err();
    assert!(error.to_string().contains("store/write"), "{error}");
    assert_eq!(
        (world.machine.made_snapshots().len(), world.store.names()),
        (1, Vec::new())
    );
    // The provider's word may be wrong: going on tries.
    assert_eq!(resume(&world).unwrap().state, Some(ClosingState::Complete));
}

#[test]
fn a_program_can_tell_rights_that_are_missing_from_a_request_that_is_wrong() {
    let refused = |world: &FakeWorld| {
        world
            .rights
            .take("the store", "store/write", RightNeed::ToCapture);
        let plan = plan(world);
        let remedy = plan.remedy();
        let error = block_on(Capture::new(world.ports()).run(plan, Reach::ToTheEnd)).unwrap_err();
        assert_eq!(error.remedy(), remedy);
        error
    };
    let error = refused(&one_disk());
    assert!(matches!(error.meaning(), Error::RightsMissing { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::FixPermission);
    // Something else stands against it as well: no right that is given lifts that.
    let small =
        Protection::new(ProtectionKind::LegalHold, "held").with_obstacle("it is too small: name another");
    let error = refused(&one_disk().with_store(MemoryStore::new().with_protection(small)));
    assert!(matches!(error.meaning(), Error::Refused { .. }), "{error}");
    assert_eq!(error.remedy(), Remedy::FixRequest);
    assert!(
        error.to_string().contains("store/write") && error.to_string().contains("too small"),
        "{error}"
    );
}

#[test]
fn what_is_to_be_known_of_the_store_is_in_the_plan_and_in_the_record_and_stands_in_nobodys_way() {
    let known = Protection::new(ProtectionKind::LegalHold, "held").with_caution("copies are slow here");
    let world = one_disk().with_store(MemoryStore::new().with_protection(known));
    let plan = plan(&world);
    assert_eq!(plan.refusals, []);
    assert_eq!(plan.notes, ["copies are slow here"]);
    let outcome = block_on(Capture::new(world.ports()).run(plan, Reach::ToTheEnd)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
    let log = outcome.folder.join(&"log.jsonl".parse().unwrap());
    let log = String::from_utf8_lossy(&world.store.bytes(&log).unwrap()).into_owned();
    assert!(log.contains("\"cautions\":[\"copies are slow here\"]"), "{log}");
}

#[test]
fn i08_what_could_not_be_told_of_rights_is_said_and_stands_in_nobodys_way() {
    let world = one_disk();
    world.rights.hide("the store", "its keeper does not answer");
    world
        .rights
        .take("the machine", "snapshot/delete", RightNeed::ToCleanUp);
    let plan = plan(&world);
    assert_eq!(plan.refusals, []);
    assert!(
        plan.notes[0].contains("could not check") && plan.notes[0].contains("does not answer"),
        "{:?}",
        plan.notes
    );
    assert!(
        plan.notes[1].contains("snapshot/delete") && plan.notes[1].contains("kept"),
        "{:?}",
        plan.notes
    );
    let outcome = block_on(Capture::new(world.ports()).run(plan, Reach::ToTheEnd)).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete));
}

#[test]
fn what_is_created_read_and_deleted_is_what_the_plan_said() {
    let world = two_disks();
    let plan = plan(&world);
    let outline = plan.outline();
    let made: Vec<&String> = outline
        .created
        .iter()
        .filter(|line| line.starts_with("disk snapshot"))
        .collect();
    assert_eq!(made.len(), 1, "the other disk is read in place: {outline:?}");
    assert_eq!(outline.deleted.len(), 1, "{outline:?}");
    assert!(made[0].contains(plan.items[0].snapshot.as_str()), "{outline:?}");
    assert!(
        outline.deleted[0].contains(plan.items[0].snapshot.as_str()),
        "{outline:?}"
    );
    assert!(outline.read.iter().any(|line| line == "data.img"), "{outline:?}");
    block_on(Capture::new(world.ports()).run(plan, Reach::ToTheEnd)).unwrap();
    for name in world.store.names() {
        let said = |line: &String| match name.folder() {
            Some(folder) => {
                line.contains(folder.as_str())
                    || folder.as_str().starts_with("register")
                    || folder.as_str().ends_with("checkpoints")
            }
            None => line.contains(name.as_str()),
        };
        assert!(
            outline.created.iter().any(said),
            "{name} was not announced: {outline:?}"
        );
    }
}
