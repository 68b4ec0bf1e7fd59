//! A server-side copy that fails while the source is read beside it.

mod support;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use custody_core::custody_log::ClosingState;
use custody_core::extent::{ByteRange, Extent, Span};
use custody_core::port::{
    DiskSnapshot, GrantOptions, ImageReader, OpenedSource, ReadGrant, SourceAccess, SourceState,
};
use custody_core::{Acted, Result};
use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
use futures::stream::BoxStream;
use support::*;

/// Forty reads of 2 MiB.
const LENGTH: usize = 80 << 20;

/// A source that takes its time, so that the copy is looked at meanwhile; counts what is read of it.
#[derive(Debug, Clone)]
struct SlowSource {
    machine: FakeMachine,
    read_bytes: Arc<AtomicU64>,
}

#[derive(Debug)]
struct SlowImage {
    image: Arc<dyn ImageReader>,
    source: SlowSource,
}

impl fmt::Display for SlowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slow({})", self.machine)
    }
}

impl fmt::Display for SlowImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.image.fmt(f)
    }
}

#[async_trait]
impl SourceAccess for SlowSource {
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>> {
        self.machine.grant(snapshot, options).await
    }

    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>> {
        self.machine.revoke(snapshot).await
    }

    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource> {
        let mut opened = self.machine.open(snapshot, grant).await?;
        opened.image = Arc::new(SlowImage {
            image: opened.image,
            source: self.clone(),
        });
        Ok(opened)
    }

    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState> {
        self.machine.state(snapshot).await
    }
}

#[async_trait]
impl ImageReader for SlowImage {
    fn length(&self) -> u64 {
        self.image.length()
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        self.image.spans(within)
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.source
            .read_bytes
            .fetch_add(range.length(), Ordering::Relaxed);
        self.image.read(range).await
    }
}

#[test]
fn i02_a_copy_that_fails_while_it_is_watched_ends_the_reading_beside_it_and_the_next_attempt_is_another() {
    let disk = FakeDisk::patterned("os.img", LENGTH, 1);
    let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_import();
    world.store.set_import_polls(3);
    world.store.fail_next_import("the source did not answer");
    let source = SlowSource {
        machine: world.machine.clone(),
        read_bytes: Arc::default(),
    };
    let ports = || {
        let mut ports = world.ports();
        ports.source = Arc::new(source.clone());
        ports
    };
    let outcome = capture(ports()).unwrap();
    assert_eq!((outcome.state, outcome.exit_code()), (None, 3), "{outcome:?}");
    let stopped = outcome.items[0].stopped_by.clone().unwrap();
    assert!(
        stopped.error.ends_with("server-side copy failed")
            && stopped.in_words().contains("the source did not answer"),
        "{stopped:?}"
    );
    let read = source.read_bytes.load(Ordering::Relaxed);
    assert!(
        read < LENGTH as u64 / 2,
        "{read} bytes were read for a copy that is none"
    );
    assert!(world.machine.live_grants().is_empty());
    assert_eq!(world.machine.made_snapshots(), outcome.kept);
    assert_eq!(outcome.kept.len(), 1, "I2");
    let made = events(&world);
    assert!(kinds(&made).contains(&"acquire.failed".to_owned()));
    assert!(!kinds(&made).contains(&"delete.intent".to_owned()));

    let outcome = resume(&world).unwrap();
    assert_eq!(outcome.state, Some(ClosingState::Complete), "{outcome:?}");
    let stored = outcome.items[0].object.as_ref().unwrap();
    assert!(stored.as_str().ends_with("/os.attempt-2.img"), "{stored}");
}
