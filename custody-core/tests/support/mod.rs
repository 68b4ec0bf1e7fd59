//! A capture in memory, and what must hold after any run of one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption of a test is the test's failure"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its own part of this module"
)]

pub(crate) mod corrupting;
pub(crate) mod failing;
pub(crate) mod keyed;
pub(crate) mod odd_snapshotter;

use std::collections::BTreeMap;

use custody_core::capture::{Capture, CaptureOutcome, CaptureRequest, Reach};
use custody_core::custody_log::{Act, Circumstances, Event, How, ItemVerdict, Stated, Who, Why, read_chain};
use custody_core::ids::{EvidenceItemId, MachineRef, ObjectName};
use custody_core::port::{LogName, SnapshotKind};
use custody_core::{Ports, Result, layout};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use futures::executor::block_on;

pub(crate) fn circumstances() -> Circumstances {
    let authenticated = BTreeMap::from([("os-user".to_owned(), "root".to_owned())]);
    Circumstances::new(
        Who::new(Stated::new("A. Examiner".parse().unwrap()), authenticated),
        BTreeMap::from([("host".to_owned(), "bench".to_owned())]),
        How::new("custody", "0.1.0"),
        Why::new("warrant 1/26".parse().unwrap()),
    )
}

pub(crate) fn machine_ref() -> MachineRef {
    "bench".parse().unwrap()
}

pub(crate) fn request() -> CaptureRequest {
    CaptureRequest::new("2026-0042".parse().unwrap(), machine_ref(), circumstances()).with_parallel(1)
}

/// A world with two small disks: one taken by a snapshot that is made, one read in place.
pub(crate) fn two_disks() -> FakeWorld {
    FakeWorld::new(FakeMachine::new(
        "bench",
        vec![
            FakeDisk::patterned("os.img", 3000, 1),
            FakeDisk::patterned("data.img", 1500, 2).with_kind(SnapshotKind::InPlace),
        ],
    ))
}

pub(crate) fn one_disk() -> FakeWorld {
    FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("os.img", 3000, 1)],
    ))
}

/// A world with two small disks whose snapshots can only be deleted together.
pub(crate) fn a_set() -> FakeWorld {
    let disks = vec![
        FakeDisk::patterned("os.img", 3000, 1),
        FakeDisk::patterned("data.raw", 1500, 2),
    ];
    FakeWorld::new(FakeMachine::new("bench", disks).taking_sets())
}

pub(crate) fn capture(ports: Ports) -> Result<CaptureOutcome> {
    capture_as(ports, request())
}

pub(crate) fn capture_as(ports: Ports, request: CaptureRequest) -> Result<CaptureOutcome> {
    let capture = Capture::new(ports);
    block_on(async {
        let plan = capture.plan(request).await?;
        capture.run(plan, Reach::ToTheEnd).await
    })
}

/// The acquisitions that the worker's disk knows of.
pub(crate) fn logs(world: &FakeWorld) -> Vec<LogName> {
    world
        .log
        .names()
        .into_iter()
        .filter(|log| matches!(log, LogName::Acquisition { .. }))
        .collect()
}

pub(crate) fn resume(world: &FakeWorld) -> Result<CaptureOutcome> {
    let [log] = logs(world).try_into().unwrap();
    block_on(Capture::new(world.ports()).resume(log, circumstances(), 1))
}

pub(crate) fn abandon(
    world: &FakeWorld,
    discard: &[custody_core::ids::SnapshotName],
) -> Result<CaptureOutcome> {
    let [log] = logs(world).try_into().unwrap();
    let reason = "no longer needed".parse().unwrap();
    block_on(Capture::new(world.ports()).abandon(log, circumstances(), &reason, discard))
}

pub(crate) fn events(world: &FakeWorld) -> Vec<Event> {
    let [log] = logs(world).try_into().unwrap();
    let ports = world.ungated_ports();
    block_on(read_chain("log", ports.log.lines(&log, 0))).unwrap().1
}

pub(crate) fn anchored_events(world: &FakeWorld) -> Vec<Event> {
    let [log] = logs(world).try_into().unwrap();
    let ports = world.ungated_ports();
    block_on(read_chain("anchored log", ports.anchor.lines(&log, 0)))
        .unwrap()
        .1
}

pub(crate) fn folder(world: &FakeWorld) -> ObjectName {
    let Some(LogName::Acquisition { case, acquisition }) = logs(world).pop() else {
        panic!("no acquisition")
    };
    layout::acquisition_folder(&case, &acquisition)
}

pub(crate) fn object(world: &FakeWorld, file: &str) -> ObjectName {
    folder(world).join(&file.parse().unwrap())
}

/// The kind of each line, in order.
pub(crate) fn kinds(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            serde_json::to_value(&event.act).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// What must hold when nothing more is going on: the invariants that concern the end of any run.
pub(crate) fn assert_rest(world: &FakeWorld, outcome: &CaptureOutcome, what: &str) {
    assert!(
        world.machine.live_grants().is_empty(),
        "{what}: I5: a grant lives"
    );
    assert!(
        world.store.unfinished().is_empty(),
        "{what}: I5: something unfinished is left in the store"
    );
    let events = events(world);
    let set_of = |item: &EvidenceItemId| {
        events.iter().find_map(|e| match &e.act {
            Act::SnapshotDone {
                item: i, snapshot, ..
            } if i == item => snapshot.set.clone(),
            _ => None,
        })
    };
    let items: Vec<EvidenceItemId> = outcome.items.iter().map(|item| item.item.clone()).collect();
    for (at, event) in events.iter().enumerate() {
        if let Act::DeleteIntent { item, .. } = &event.act {
            let before = &events[..at];
            let sealed = before.iter().any(|e| matches!(e.act, Act::SealDone { .. }));
            let set = set_of(item);
            let gone = items
                .iter()
                .filter(|other| *other == item || (set.is_some() && set_of(other) == set));
            for item in gone {
                let ordered = before
                    .iter()
                    .any(|e| matches!(&e.act, Act::DiscardOrdered { item: i, .. } if i == item));
                let matched = before.iter().any(|e| {
                    matches!(&e.act, Act::ReadBackDone { item: i, verdict: ItemVerdict::Matched { .. }, .. } if i == item)
                });
                assert!(
                    ordered || (matched && sealed),
                    "{what}: I1: line {} deletes {item} without a verdict and a seal",
                    at + 1
                );
            }
        }
    }
    for snapshot in world.machine.made_snapshots() {
        let named = events
            .iter()
            .any(|e| matches!(&e.act, Act::SnapshotKept { snapshot: s, .. } if *s == snapshot));
        assert!(
            outcome.kept.contains(&snapshot),
            "{what}: I5: {snapshot} exists and is not in the result"
        );
        assert!(
            outcome.state.is_none() || named,
            "{what}: I5: {snapshot} is kept and not named in the log"
        );
    }
    assert_intents(&events, what);
    let anchored = anchored_events(world);
    assert_eq!(
        anchored[..],
        events[..anchored.len()],
        "{what}: the anchor holds other lines"
    );
    if outcome.state.is_some() {
        assert_eq!(
            anchored.len(),
            events.len(),
            "{what}: the closed log is not whole at the anchor"
        );
    }
}

/// I3: every done or failed line answers an earlier intent of its kind, each intent at most once.
fn assert_intents(events: &[Event], what: &str) {
    let kinds = kinds(events);
    let mut answered = std::collections::BTreeSet::new();
    for (at, event) in events.iter().enumerate() {
        let kind = &kinds[at];
        let Some((stem, word)) = kind.rsplit_once('.') else {
            continue;
        };
        let is_answer = matches!(word, "done" | "failed") && !matches!(stem, "read-back" | "item");
        if !is_answer {
            continue;
        }
        let intent = event
            .intent
            .unwrap_or_else(|| panic!("{what}: I3: line {} answers no intent", at + 1));
        let at_intent = usize::try_from(intent).unwrap();
        assert!(at_intent < at, "{what}: I3: line {} answers a later line", at + 1);
        assert_eq!(
            kinds[at_intent],
            format!("{stem}.intent"),
            "{what}: I3: line {} answers another act",
            at + 1
        );
        assert!(
            answered.insert(intent),
            "{what}: I3: line {} answers twice",
            at + 1
        );
    }
}
