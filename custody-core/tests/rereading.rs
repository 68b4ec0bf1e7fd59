//! Bytes that a store lost on their way are read again from the disk snapshot, and count only when they are the same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::capture::{CaptureOutcome, ItemStatus};
use custody_core::custody_log::{Act, ClosingState};
use custody_core::extent::{ByteRange, Extent, ReadFault, Span};
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImageReader, OpenedSource, ReadGrant, SourceAccess, SourceState, StopSwitch,
};
use custody_core::{Acted, Ports, Result};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld, MemoryStore};
use futures::stream::BoxStream;
use support::*;

const MIB: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Three reads of 2 MiB, the last one short.
const LENGTH: usize = 5 * (1 << 20) + 17;

/// What befalls a source when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Faithful,
    /// What is read a second time has other bytes.
    OtherBytes,
    /// The custodian stops when something is read a second time.
    Stopped,
    /// Its grant ends before the second read of all, and the next one takes a while.
    GrantEnds,
}

#[derive(Debug, Clone)]
struct FatedSource {
    world: FakeWorld,
    fate: Fate,
    stop: StopSwitch,
    reads: Arc<Mutex<Vec<ByteRange>>>,
    grants: Arc<Mutex<u32>>,
}

#[derive(Debug)]
struct FatedImage {
    image: Arc<dyn ImageReader>,
    source: FatedSource,
}

impl fmt::Display for FatedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fated({})", self.world.machine)
    }
}

impl fmt::Display for FatedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.image.fmt(f)
    }
}

/// Lets everything else go on so often.
async fn let_others_go_on(times: u32) {
    for _ in 0..times {
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
}

#[async_trait]
impl SourceAccess for FatedSource {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        let earlier = {
            let mut grants = self.grants.lock().unwrap();
            *grants += 1;
            *grants - 1
        };
        if self.fate == Fate::GrantEnds && earlier > 0 {
            let_others_go_on(50).await;
        }
        self.world.machine.grant(snapshot, options).await
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        self.world.machine.revoke(snapshot).await
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        let mut opened = self.world.machine.open(snapshot, grant).await?;
        opened.image = Arc::new(FatedImage {
            image: opened.image,
            source: self.clone(),
        });
        Ok(opened)
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        self.world.machine.state(snapshot).await
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
        let (is_second, number) = {
            let mut reads = self.source.reads.lock().unwrap();
            let is_second = reads.contains(&range);
            reads.push(range);
            (is_second, reads.len())
        };
        match self.source.fate {
            Fate::GrantEnds if number == 2 => self.source.world.clock.advance(DAY),
            Fate::Stopped if is_second => self.source.stop.stop(),
            _ => {}
        }
        let mut extents = self.image.read(range).await?;
        if is_second
            && self.source.fate == Fate::OtherBytes
            && let Some(Extent::Data { bytes, .. }) = extents.last_mut()
        {
            let mut other = bytes.to_vec();
            *other.last_mut().unwrap() ^= 1;
            *bytes = other.into();
        }
        Ok(extents)
    }
}

/// A world with this disk, whose store takes blocks of 1 MiB and loses these.
fn world(disk: FakeDisk, losses: &[u64]) -> FakeWorld {
    let store = MemoryStore::new().losing(MIB, losses.iter().copied());
    FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_store(store)
}

fn disk() -> FakeDisk {
    FakeDisk::patterned("os.img", LENGTH, 1)
}

fn captured(world: &FakeWorld, fate: Fate) -> (CaptureOutcome, Vec<ByteRange>) {
    let stop = StopSwitch::default();
    let source = FatedSource {
        world: world.clone(),
        fate,
        stop: stop.clone(),
        reads: Arc::default(),
        grants: Arc::default(),
    };
    let mut ports: Ports = world.ports();
    ports.stop = Arc::new(stop);
    ports.source = Arc::new(source.clone());
    let outcome = capture(ports).unwrap();
    let reads = source.reads.lock().unwrap().clone();
    (outcome, reads)
}

/// How often each range was read.
fn times(reads: &[ByteRange]) -> BTreeMap<ByteRange, u32> {
    reads.iter().fold(BTreeMap::new(), |mut times, range| {
        *times.entry(*range).or_default() += 1;
        times
    })
}

/// What the log says of bytes that were read a second time.
fn told(world: &FakeWorld) -> Option<String> {
    events(world).into_iter().find_map(|event| match event.act {
        Act::Anomaly { detail, .. } if detail.contains("read a second time") => Some(detail),
        _ => None,
    })
}

fn is_whole(world: &FakeWorld, outcome: &CaptureOutcome) {
    assert_eq!(outcome.items[0].status, ItemStatus::Verified, "{outcome:?}");
    let stored = world.store.bytes(&object(world, "os.img")).unwrap();
    let disk = world.machine.disk_bytes(&"os.img".parse().unwrap()).unwrap();
    assert!(stored == disk, "the stored copy is not the disk");
    assert_rest(world, outcome, "read again");
}

#[test]
fn what_a_store_loses_is_read_again_and_the_copy_is_whole() {
    let last = LENGTH as u64 - 1;
    // From the start of its block: at once, in the middle of a read, twice in a row, and the very end.
    let world = world(disk(), &[7, MIB + 500_000, 3 * MIB, 3 * MIB, last]);
    let (outcome, reads) = captured(&world, Fate::Faithful);
    assert_eq!(
        world.store.losses_left(),
        0,
        "not everything was lost that should be"
    );
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Complete), 0)
    );
    is_whole(&world, &outcome);
    let read = |start: u64| {
        let range = reads.iter().find(|range| range.start() == start).unwrap();
        times(&reads)[range]
    };
    assert_eq!([read(0), read(2 * MIB), read(4 * MIB)], [3, 3, 2]);
    let told = told(&world).unwrap();
    let again = 2 * 2 * MIB + 2 * 2 * MIB + (LENGTH as u64 - 4 * MIB);
    assert!(told.contains(&format!("{again} bytes")), "{told}");
}

#[test]
fn nothing_is_read_again_and_nothing_told_where_nothing_is_lost() {
    let world = world(disk(), &[]);
    let (outcome, reads) = captured(&world, Fate::Faithful);
    is_whole(&world, &outcome);
    assert!(times(&reads).values().all(|times| *times == 1), "{reads:?}");
    assert_eq!(told(&world), None);
}

#[test]
fn i09_other_bytes_at_the_second_reading_are_final_and_nothing_is_committed() {
    let world = world(disk(), &[MIB + 500_000]);
    let (outcome, _) = captured(&world, Fate::OtherBytes);
    assert_eq!(
        (outcome.state, outcome.exit_code()),
        (Some(ClosingState::Failed), 4),
        "{outcome:?}"
    );
    assert_eq!(outcome.items[0].status, ItemStatus::Failed);
    assert_eq!(world.store.bytes(&object(&world, "os.img")), None);
    assert_eq!(outcome.kept, world.machine.made_snapshots());
    assert_eq!(outcome.kept.len(), 1);
    let words = events(&world).into_iter().find_map(|event| match event.act {
        Act::AcquireFailed { failure, .. } => Some(failure.in_words()),
        _ => None,
    });
    let words = words.unwrap();
    assert!(words.contains("bytes 0..2097152, read a second time"), "{words}");
    assert_rest(&world, &outcome, "other bytes");
}

#[test]
fn i12_what_was_not_read_the_first_time_is_not_read_the_second_time_either() {
    let hole = ByteRange::at(MIB / 2, MIB);
    let bad = ByteRange::at(3 * MIB, 512);
    let disk = disk().with_hole(hole).with_unread(bad, ReadFault::new("EIO", 3));
    // In the hole, so that the bytes before it are lost too; and behind the bad sector.
    let world = world(disk, &[MIB - 1, 3 * MIB + 4096]);
    let (outcome, reads) = captured(&world, Fate::Faithful);
    assert_eq!(world.store.losses_left(), 0);
    assert_eq!(outcome.items[0].status, ItemStatus::Verified, "{outcome:?}");
    let mut due = world
        .machine
        .disk_bytes(&"os.img".parse().unwrap())
        .unwrap()
        .to_vec();
    due[3 << 20..(3 << 20) + 512].fill(0);
    let stored = world.store.bytes(&object(&world, "os.img")).unwrap();
    assert!(stored == due, "the stored copy is not what was read");
    let again: Vec<ByteRange> = (times(&reads).into_iter())
        .filter_map(|(range, times)| (times > 1).then_some(range))
        .collect();
    assert!(!again.is_empty());
    for range in &again {
        assert_eq!(range.intersect(hole), None, "a hole was read: {again:?}");
        assert_eq!(
            range.intersect(bad),
            None,
            "the bad sector was read again: {again:?}"
        );
    }
}

#[test]
fn a_stop_while_bytes_are_read_again_ends_the_attempt_and_is_resumed() {
    let world = world(disk(), &[7, 7, 7]);
    let (outcome, _) = captured(&world, Fate::Stopped);
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    assert_rest(&world, &outcome, "stopped");
    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    is_whole(&world, &outcome);
}

#[test]
fn bytes_are_read_again_while_a_read_ahead_waits_for_another_grant() {
    // The first piece is lost when the read behind it found the grant ended, and asks for another one.
    let world = world(disk(), &[7]);
    let (outcome, reads) = captured(&world, Fate::GrantEnds);
    assert_eq!(world.store.losses_left(), 0);
    is_whole(&world, &outcome);
    assert!(times(&reads).values().any(|times| *times > 1));
    let grants = kinds(&events(&world))
        .iter()
        .filter(|kind| *kind == "grant.done")
        .count();
    assert_eq!(grants, 2, "one grant was renewed, once");
}
