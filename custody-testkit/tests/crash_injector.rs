//! What a crash at a chosen call leaves, and what a restart finds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::*;
use custody_core::{Ports, Result};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use custody_testkit::fault::{CrashMode, Crashed};
use futures::executor::block_on;

fn world() -> FakeWorld {
    FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("disk", 4096, 1)],
    ))
}

fn acquisition() -> AcquisitionId {
    "20261121T203015Z-0123abcd".parse().unwrap()
}

fn name() -> ObjectName {
    "cases/1/object".parse().unwrap()
}

/// Three changing calls: deposit, write, commit.
async fn store(ports: &Ports) -> Result<()> {
    let bytes = Bytes::from_static(b"evidence");
    let options = DepositOptions::new(acquisition(), bytes.len() as u64);
    let mut deposit = ports.sink.deposit(&name(), options).await?;
    deposit.write(Extent::Data { at: 0, bytes }).await?;
    deposit.commit().await.map(drop)
}

#[test]
fn calls_that_change_something_are_counted_in_order() {
    let world = world();
    block_on(store(&world.ports())).unwrap();
    block_on(world.ports().sink.state(&name(), &acquisition())).unwrap();
    assert_eq!(world.calls(), 3);
    assert_eq!(
        world.gate.call_names(),
        ["sink.deposit", "deposit.write", "deposit.commit"]
    );
}

#[test]
fn a_call_that_fails_before_its_effect_has_none_and_the_next_one_works() {
    let world = world().with_crash(3, CrashMode::FailBefore);
    let failed = block_on(store(&world.ports())).unwrap_err();
    assert_eq!(Crashed::in_error(&failed), Some(Crashed::Call));
    assert!(world.store.names().is_empty());
    assert!(world.store.unfinished().is_empty());
    block_on(store(&world.ports())).unwrap();
    assert_eq!(world.store.names(), [name()]);
}

#[test]
fn a_call_whose_reply_is_lost_has_its_effect() {
    let world = world().with_crash(3, CrashMode::LoseReply);
    let failed = block_on(store(&world.ports())).unwrap_err();
    assert_eq!(Crashed::in_error(&failed), Some(Crashed::Call));
    assert_eq!(world.store.bytes(&name()).unwrap(), "evidence");
}

#[test]
fn a_process_that_died_reads_and_changes_nothing_until_it_is_restarted() {
    for (mode, stored) in [(CrashMode::DieBefore, false), (CrashMode::DieAfter, true)] {
        let world = world().with_crash(3, mode);
        let ports = world.ports();
        let died = block_on(store(&ports)).unwrap_err();
        assert_eq!(Crashed::in_error(&died), Some(Crashed::Process));
        assert_eq!(world.store.bytes(&name()).is_some(), stored, "{mode:?}");
        let refused = [
            block_on(ports.sink.state(&name(), &acquisition())).map(drop),
            block_on(ports.log.head(&LogName::Register)).map(drop),
            block_on(ports.source.revoke(&snapshot(&world))).map(drop),
            block_on(ports.signers[0].sign(b"x")).map(drop),
        ];
        for outcome in refused {
            assert_eq!(Crashed::in_error(&outcome.unwrap_err()), Some(Crashed::Process));
        }
        assert_eq!(world.calls(), 3, "calls of a dead process are not counted");
        world.restart();
        let state = block_on(world.ports().sink.state(&name(), &acquisition())).unwrap();
        assert_eq!(matches!(state, ObjectState::Stored(_)), stored, "{mode:?}");
    }
}

#[test]
fn a_process_that_died_tidies_nothing_up_and_its_successor_may() {
    let world = world().with_crash(2, CrashMode::DieAfter);
    block_on(store(&world.ports())).unwrap_err();
    assert_eq!(world.store.unfinished(), [name()]);
    world.restart();
    block_on(store(&world.ports())).unwrap();
    assert!(world.store.unfinished().is_empty());
    assert_eq!(world.store.bytes(&name()).unwrap(), "evidence");
}

#[test]
fn an_image_that_was_open_gives_nothing_to_a_dead_process() {
    let world = world().with_crash(2, CrashMode::DieBefore);
    let ports = world.ports();
    let snapshot = snapshot(&world);
    let grant = block_on(ports.source.grant(&snapshot, lasting())).unwrap().value;
    let image = block_on(ports.source.open(&snapshot, &grant)).unwrap().image;
    assert_eq!(block_on(image.read_whole(4096)).unwrap().len(), 4096);
    block_on(ports.source.revoke(&snapshot)).unwrap_err();
    let refused = block_on(image.read_whole(4096)).unwrap_err();
    assert_eq!(Crashed::in_error(&refused), Some(Crashed::Process));
    assert_eq!(world.machine.live_grants(), [snapshot.name]);
}

#[test]
fn a_torn_restart_leaves_a_tail_behind_every_log() {
    let world = world();
    let log = LogName::Register;
    let head = block_on(world.ports().log.append(&log, &LogHead::EMPTY, b"line")).unwrap();
    world.restart_torn();
    let ports = world.ports();
    let refused = block_on(ports.log.append(&log, &head, b"next")).unwrap_err();
    assert!(matches!(
        refused.meaning(),
        custody_core::Error::Precondition { .. }
    ));
    assert_eq!(
        block_on(ports.log.set_aside_tail(&log)).unwrap(),
        Some(world.log.set_aside(&log)[0].clone())
    );
    block_on(ports.log.append(&log, &head, b"next")).unwrap();
}

fn lasting() -> GrantOptions {
    GrantOptions::lasting(Duration::from_secs(60))
}

/// A snapshot of the world's disk, taken without the gate.
fn snapshot(world: &FakeWorld) -> DiskSnapshot {
    let item = custody_core::ids::EvidenceItemId::new(1);
    let planned = PlannedSnapshot::new(item, "disk".parse().unwrap(), "taken".parse().unwrap());
    let plan = SnapshotPlan::new(acquisition(), world.machine.reference().clone(), vec![planned]);
    let [outcome] = block_on(world.machine.take(&plan)).try_into().unwrap();
    outcome.result.unwrap().value
}

#[test]
fn a_grant_ends_by_itself_and_by_being_revoked() {
    let world = world();
    let ports = world.ports();
    let snapshot = snapshot(&world);
    block_on(ports.source.grant(&snapshot, lasting())).unwrap();
    assert_eq!(world.machine.live_grants().len(), 1);
    world.clock.advance(Duration::from_secs(61));
    assert!(world.machine.live_grants().is_empty());
    block_on(ports.source.grant(&snapshot, lasting())).unwrap();
    block_on(ports.source.revoke(&snapshot)).unwrap();
    assert!(world.machine.live_grants().is_empty());
    assert_eq!(world.machine.most_grants(), 1);
}

#[test]
fn a_copy_whose_grant_is_revoked_fails_and_one_that_is_fed_ends_after_its_polls() {
    for (revoke, done) in [(true, false), (false, true)] {
        let world = world().with_import();
        let ports = world.ports();
        let snapshot = snapshot(&world);
        let grant = block_on(ports.source.grant(&snapshot, lasting())).unwrap().value;
        let options = ImportOptions::new(acquisition(), 4096);
        let began = block_on(ports.sink.import(&name(), &grant, options))
            .unwrap()
            .value;
        assert!(matches!(began, ImportState::Pending { .. }));
        assert_eq!(world.store.unfinished(), [name()]);
        if revoke {
            block_on(ports.source.revoke(&snapshot)).unwrap();
        }
        let states: Vec<ObjectState> = (0..3)
            .map(|_| block_on(ports.sink.state(&name(), &acquisition())).unwrap())
            .collect();
        assert!(matches!(
            states[0],
            ObjectState::Importing(ImportState::Pending { .. })
        ));
        assert!(matches!(
            states[1],
            ObjectState::Importing(ImportState::Pending { .. })
        ));
        assert_eq!(matches!(states[2], ObjectState::Stored(_)), done);
        let failed = matches!(states[2], ObjectState::Importing(ImportState::Failed(_)));
        assert_eq!(failed, !done);
    }
}

#[test]
fn two_runs_in_two_worlds_make_the_same_bytes() {
    let run = || {
        let world = world().with_second_signer();
        let ports = world.ports();
        let mut random = [0; 40];
        ports.entropy.fill(&mut random).unwrap();
        let signatures: Vec<Vec<u8>> = ports
            .signers
            .iter()
            .map(|signer| block_on(signer.sign(b"x")).unwrap().value)
            .collect();
        (
            random,
            signatures,
            ports.clock.now(),
            world.machine.disk_bytes(&"disk".parse().unwrap()).unwrap(),
        )
    };
    assert_eq!(run(), run());
}
