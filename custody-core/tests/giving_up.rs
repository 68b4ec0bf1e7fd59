//! One item is given up at whatever point it is: no grant is left, nothing of it is evidence, and the others are sealed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use custody_core::capture::{Capture, CaptureOutcome, ItemStatus};
use custody_core::custody_log::{Act, ClosingState};
use custody_core::manifest::Manifest;
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImportState, ObjectState, OpenedSource, ReadGrant, SourceAccess, SourceState,
};
use custody_core::{Acted, Error, Ports, Result};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use custody_testkit::fault::CrashMode;
use futures::executor::block_on;
use support::*;

/// Where the first item is when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// Its disk snapshot is taken, and nothing more.
    Snapshotted,
    /// Access to it is granted.
    Granted,
    /// The store's service copies it.
    Importing,
    /// It is stored, and was not read back.
    Acquired,
}

const POINTS: [Point; 4] = [
    Point::Snapshotted,
    Point::Granted,
    Point::Importing,
    Point::Acquired,
];

fn two_made(point: Point) -> FakeWorld {
    let disks = vec![
        FakeDisk::patterned("os.img", 3000, 1),
        FakeDisk::patterned("data.img", 1500, 2),
    ];
    let world = FakeWorld::new(FakeMachine::new("bench", disks));
    if point == Point::Importing {
        return world.with_import();
    }
    world
}

/// A world whose process died at this point of the first item.
fn stopped_at(point: Point) -> FakeWorld {
    let clean = two_made(point);
    capture(clean.ports()).unwrap();
    let names = clean.gate.call_names();
    let first = |call: &str| names.iter().position(|name| name.ends_with(call)).unwrap();
    let (at, mode) = match point {
        Point::Snapshotted => (first("grant"), CrashMode::DieBefore),
        Point::Granted => (first("grant"), CrashMode::DieAfter),
        Point::Importing => (first("sink.import"), CrashMode::DieAfter),
        // Behind the commits of the copy and of its list; the line is what tells.
        Point::Acquired => {
            let is_acquired = |at: &usize| {
                let world = died(two_made(point), *at, CrashMode::DieBefore);
                kinds(&events(&world))
                    .last()
                    .is_some_and(|kind| kind == "acquire.done")
            };
            let at = (first("deposit.commit")..names.len()).find(is_acquired);
            (at.unwrap(), CrashMode::DieBefore)
        }
    };
    died(two_made(point), at, mode)
}

/// The world after its process died at this call, counted from 0.
fn died(world: FakeWorld, at: usize, mode: CrashMode) -> FakeWorld {
    let world = world.with_crash(at as u64 + 1, mode);
    drop(capture(world.ports()));
    world.restart();
    world
}

fn give_up_with(world: &FakeWorld, ports: Ports) -> Result<CaptureOutcome> {
    let [log] = logs(world).try_into().unwrap();
    let (item, reason) = ("item-1".parse().unwrap(), "not ours".parse().unwrap());
    block_on(Capture::new(ports).give_up(log, circumstances(), &item, &reason))
}

fn give_up(world: &FakeWorld) -> Result<CaptureOutcome> {
    give_up_with(world, world.ports())
}

fn orders(world: &FakeWorld) -> usize {
    let is_order =
        |act: &Act| matches!(act, Act::ItemFailed { order: Some(order), .. } if order == "not ours");
    events(world).iter().filter(|event| is_order(&event.act)).count()
}

/// The first is given up and its disk snapshot kept; the second is sealed, and its snapshot deleted.
fn assert_the_other_sealed(world: &FakeWorld, what: &str) {
    let outcome = resume(world).unwrap_or_else(|error| panic!("{what}: {error}: {:?}", error.causes()));
    assert_eq!(outcome.state, Some(ClosingState::Failed), "{what}: {outcome:?}");
    assert_eq!(outcome.items[0].status, ItemStatus::Failed, "{what}");
    assert_eq!(outcome.items[1].status, ItemStatus::Verified, "{what}");
    assert_eq!(world.machine.made_snapshots(), outcome.kept, "{what}");
    assert_eq!(
        outcome.kept.len(),
        1,
        "{what}: of what was given up the snapshot is kept and named"
    );
    assert_eq!(orders(world), 1, "{what}");
    assert!(
        world.machine.live_grants().is_empty(),
        "{what}: I5: a grant lives"
    );
    let manifest = world.store.bytes(&object(world, "manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let sealed: Vec<&str> = manifest.items.iter().map(|item| item.file.as_str()).collect();
    assert_eq!(sealed, ["data.img"], "{what}: what was given up is no evidence");
    let sums = world.store.bytes(&object(world, "SHA256SUMS")).unwrap();
    let sums = String::from_utf8(sums.to_vec()).unwrap();
    assert!(!sums.contains("os.img\n"), "{what}: {sums}");
}

#[test]
fn i05_giving_up_ends_the_grant_at_every_point_and_the_others_are_sealed() {
    for point in POINTS {
        let world = stopped_at(point);
        let live = world.machine.live_grants().len();
        assert_eq!(
            live,
            usize::from(point != Point::Snapshotted),
            "{point:?}: the test shows nothing"
        );
        let outcome = give_up(&world).unwrap();
        assert_eq!(outcome.state, None, "{point:?}");
        assert!(
            world.machine.live_grants().is_empty(),
            "{point:?}: I5: a grant lives"
        );
        assert_the_other_sealed(&world, &format!("{point:?}"));
    }
}

#[test]
fn i02_a_copy_that_ran_when_its_item_was_given_up_never_counts() {
    let world = stopped_at(Point::Importing);
    let name = object(&world, "os.img");
    let [log] = logs(&world).try_into().unwrap();
    let acquisition = match log {
        custody_core::port::LogName::Acquisition { acquisition, .. } => acquisition,
        other => panic!("{other}"),
    };
    let state = || block_on(world.ports().sink.state(&name, &acquisition)).unwrap();
    let pending = |state: ObjectState| matches!(state, ObjectState::Importing(ImportState::Pending { .. }));
    assert!(pending(state()), "the test shows nothing");
    give_up(&world).unwrap();
    // Its grant is gone, so the service's copy comes to nothing.
    while pending(state()) {}
    assert!(matches!(state(), ObjectState::Importing(ImportState::Failed(_))));
    assert_the_other_sealed(&world, "a copy that ran");
}

/// Access that cannot be ended as long as it is told so.
#[derive(Debug)]
struct Unending {
    inner: Arc<dyn SourceAccess>,
    fails: AtomicBool,
}

impl fmt::Display for Unending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unending({})", self.inner)
    }
}

#[async_trait]
impl SourceAccess for Unending {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        self.inner.grant(snapshot, options).await
    }
    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::Provider {
                object: snapshot.name.to_string(),
                operation: "ending access",
                source: Some("the service does not answer".into()),
            });
        }
        self.inner.revoke(snapshot).await
    }
    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        self.inner.open(snapshot, grant).await
    }
    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        self.inner.state(snapshot).await
    }
}

#[test]
fn i05_access_that_cannot_be_ended_is_told_and_ended_by_the_next_run() {
    for point in [Point::Granted, Point::Importing, Point::Acquired] {
        let world = stopped_at(point);
        let mut ports = world.ports();
        let access = Arc::new(Unending {
            inner: ports.source.clone(),
            fails: AtomicBool::new(true),
        });
        ports.source = access.clone();
        let error = give_up_with(&world, ports).unwrap_err();
        assert!(
            error.to_string().contains("ending access failed"),
            "{point:?}: {error}"
        );
        assert_eq!(orders(&world), 1, "{point:?}: the order stands");
        let made = kinds(&events(&world));
        assert!(made.contains(&"revoke.failed".to_owned()), "{point:?}: {made:?}");
        assert_eq!(world.machine.live_grants().len(), 1, "{point:?}");
        // By the same order given again, or by the run that seals the others.
        if point == Point::Granted {
            give_up(&world).unwrap();
            assert!(world.machine.live_grants().is_empty(), "{point:?}");
        }
        assert_the_other_sealed(&world, &format!("{point:?}, access that could not be ended"));
    }
}

#[test]
fn i04_giving_up_is_finished_from_a_fault_at_any_call_of_it() {
    for point in POINTS {
        let clean = stopped_at(point);
        let before = clean.calls();
        give_up(&clean).unwrap();
        let calls = clean.calls() - before;
        assert!(calls > 0, "{point:?}");
        for at in 1..=calls {
            for mode in CrashMode::ALL {
                let what = format!("{point:?}, call {at} of {calls}, {mode:?}");
                let world = stopped_at(point);
                world.crash_at(world.calls() + at, mode);
                let first = give_up(&world);
                world.restart();
                // Whether the order was written down before the fault is seen in the log alone.
                if orders(&world) == 0 || at % 2 == 0 {
                    give_up(&world).unwrap_or_else(|error| panic!("{what}: {error}: {first:?}"));
                    assert!(
                        world.machine.live_grants().is_empty(),
                        "{what}: I5: a grant lives"
                    );
                }
                assert_the_other_sealed(&world, &what);
            }
        }
    }
}
