//! A grant that ends while its disk snapshot is still being read.

mod support;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::custody_log::{Act, ClosingState};
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImageReader, OpenedSource, ReadGrant, SourceAccess, SourceState, StopSwitch,
};
use custody_core::{Acted, Ports, Result};
use custody_testkit::fake::{FakeClock, FakeDisk, FakeMachine, FakeWorld};
use futures::stream::BoxStream;
use support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Nine reads of 2 MiB.
const LENGTH: usize = 17 << 20;

/// What befalls grants while the source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A day passes before these reads, counted from 1.
    DayPasses(&'static [u32]),
    /// Somebody ends them before this read.
    Revoked(u32),
    /// A day passes before every read.
    NeverHolds,
    /// A day passes before the third read, and the custodian stops while another grant is asked for.
    StoppedWhileRenewing,
}

#[derive(Debug, Clone)]
struct Fated {
    machine: FakeMachine,
    clock: FakeClock,
    reads: Arc<AtomicU32>,
    grants: Arc<AtomicU32>,
    stop: StopSwitch,
    fate: Fate,
}

#[derive(Debug)]
struct FatedImage {
    image: Arc<dyn ImageReader>,
    access: Fated,
    snapshot: DiskSnapshot,
}

impl fmt::Display for Fated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fated({})", self.machine)
    }
}

impl fmt::Display for FatedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.image.fmt(f)
    }
}

#[async_trait]
impl SourceAccess for Fated {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let earlier = self.grants.fetch_add(1, Ordering::Relaxed);
        if self.fate == Fate::StoppedWhileRenewing && earlier == 1 {
            self.stop.stop();
            // The service takes its time.
            for _ in 0..8 {
                yield_once().await;
            }
        }
        self.machine.grant(snapshot, options).await
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        self.machine.revoke(snapshot).await
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        let mut opened = self.machine.open(snapshot, grant).await?;
        opened.image = Arc::new(FatedImage {
            image: opened.image,
            access: self.clone(),
            snapshot: snapshot.clone(),
        });
        Ok(opened)
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        self.machine.state(snapshot).await
    }
}

#[async_trait]
impl ImageReader for FatedImage {
    fn length(&self) -> u64 {
        self.image.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.image.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let read = self.access.reads.fetch_add(1, Ordering::Relaxed) + 1;
        match self.access.fate {
            Fate::DayPasses(before) if before.contains(&read) => self.access.clock.advance(DAY),
            Fate::StoppedWhileRenewing if read == 2 => {
                // It comes while the read behind it waits for another grant.
                let extents = self.image.read(range).await;
                for _ in 0..4 {
                    yield_once().await;
                }
                return extents;
            }
            Fate::StoppedWhileRenewing if read == 3 => self.access.clock.advance(DAY),
            Fate::NeverHolds => self.access.clock.advance(DAY),
            Fate::Revoked(before) if before == read => drop(self.access.revoke(&self.snapshot).await?),
            _ => {}
        }
        self.image.read(range).await
    }
}

/// Lets everything else go on once.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn world() -> FakeWorld {
    FakeWorld::new(FakeMachine::new(
        "bench",
        vec![FakeDisk::patterned("os.img", LENGTH, 1)],
    ))
}

fn ports(world: &FakeWorld, fate: Fate) -> Ports {
    let mut ports = world.ports();
    let stop = StopSwitch::default();
    ports.stop = Arc::new(stop.clone());
    ports.source = Arc::new(Fated {
        grants: Arc::default(),
        stop,
        machine: world.machine.clone(),
        clock: world.clock.clone(),
        reads: Arc::default(),
        fate,
    });
    ports
}

fn count(world: &FakeWorld, kind: &str) -> usize {
    kinds(&events(world))
        .iter()
        .filter(|found| *found == kind)
        .count()
}

#[test]
fn reading_goes_on_under_another_grant_at_the_same_place() {
    let clean = world();
    let expected = capture(clean.ports()).unwrap();
    for fate in [
        Fate::DayPasses(&[3]),
        Fate::DayPasses(&[9]),
        Fate::DayPasses(&[2, 12]),
    ] {
        let world = world();
        let outcome = capture(ports(&world, fate)).unwrap();
        assert_eq!(outcome.exit_code(), 0, "{fate:?}: {outcome:?}");
        let digests = |outcome: &custody_core::capture::CaptureOutcome| {
            outcome.items.first().unwrap().digests.clone().unwrap()
        };
        assert_eq!(digests(&outcome), digests(&expected), "{fate:?}");
        assert!(count(&world, "grant.done") > 1, "{fate:?}");
        assert_eq!(count(&world, "acquire.intent"), 1, "{fate:?}: one attempt");
        assert_rest(&world, &outcome, "renewed");
        // I3: what exposes is intended at the anchor first, each time.
        assert_eq!(count(&world, "grant.intent"), count(&world, "grant.done"));
    }
}

#[test]
fn of_several_reads_that_find_the_grant_ended_one_asks_for_another() {
    let world = world();
    capture(ports(&world, Fate::DayPasses(&[1]))).unwrap();
    assert_eq!(count(&world, "grant.done"), 2);
}

#[test]
fn a_grant_that_was_taken_away_is_not_asked_for_again_by_itself() {
    let world = world();
    let outcome = capture(ports(&world, Fate::Revoked(3))).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    assert_eq!(count(&world, "grant.done"), 1);
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "revoked");
    // The custodian's word is another grant.
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
}

#[test]
fn a_grant_that_never_holds_ends_the_attempt_and_keeps_the_snapshot() {
    let world = world();
    let outcome = capture(ports(&world, Fate::NeverHolds)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    let stopped = outcome.items.first().unwrap().stopped_by.clone().unwrap();
    assert_eq!(stopped.remedy, "fix-permission", "{stopped:?}");
    assert!(
        events(&world)
            .iter()
            .any(|event| matches!(event.act, Act::AcquireFailed { .. }))
    );
    assert_eq!(outcome.kept.len(), 1);
    assert_rest(&world, &outcome, "never holds");
    assert_eq!(resume(&world).unwrap().exit_code(), 0);
}

#[test]
fn a_stop_while_a_grant_is_renewed_leaves_it_answered_in_the_log_and_ended() {
    let world = world();
    let outcome = capture(ports(&world, Fate::StoppedWhileRenewing)).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    assert_eq!(count(&world, "grant.intent"), 2);
    assert_eq!(
        count(&world, "grant.done"),
        2,
        "what was begun is carried to its end"
    );
    assert_rest(&world, &outcome, "stopped while renewing");
    assert_eq!(resume(&world).unwrap().exit_code(), 0);
}
