//! What an image's lanes and its owner share: room, failure, and whom to wake.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::{Error, Result};

/// Shared by one [`ImageHash`](crate::ImageHash) and its lanes.
#[derive(Debug)]
pub(crate) struct ImageState {
    in_flight_bytes: AtomicU64,
    limit_bytes: u64,
    abandoned: AtomicBool,
    /// Whether the owner waits until its lanes have nothing to do.
    awaits_rest: AtomicBool,
    failure: OnceLock<LaneFailure>,
    /// The task that waits for room or for the end. There is at most one: pushing and finishing need `&mut`.
    waiting: Mutex<Option<Waker>>,
}

/// A part of the room, given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    bytes: u64,
    state: Arc<ImageState>,
}

#[derive(Debug)]
struct LaneFailure {
    lane: String,
    message: String,
}

impl ImageState {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            in_flight_bytes: AtomicU64::new(0),
            limit_bytes,
            abandoned: AtomicBool::new(false),
            awaits_rest: AtomicBool::new(false),
            failure: OnceLock::new(),
            waiting: Mutex::new(None),
        }
    }

    /// How many bytes may be in flight.
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Waits until `bytes` may be in flight. A dropped future took nothing.
    pub(crate) async fn room(self: &Arc<Self>, bytes: u64) -> Result<Charge> {
        std::future::poll_fn(|context| {
            self.poll_until(context, || match self.check() {
                Ok(()) => self.take_room(bytes).map(Ok),
                Err(failure) => Some(Err(failure)),
            })
        })
        .await
    }

    /// Asks `ready` now and, if it says no, lets the next [`wake`](Self::wake) ask again.
    pub(crate) fn poll_until<T>(&self, context: &Context<'_>, ready: impl Fn() -> Option<T>) -> Poll<T> {
        if let Some(answer) = ready() {
            return Poll::Ready(answer);
        }
        let waker = context.waker().clone();
        let replaced = self.waiting().replace(waker);
        drop(replaced); // foreign code, outside the lock
        // Whatever became ready before the waker was in place did not wake it.
        ready().map_or(Poll::Pending, Poll::Ready)
    }

    /// Lets the owner look again. Calls into its executor: hold no lock.
    pub(crate) fn wake(&self) {
        let waiting = self.waiting().take();
        if let Some(waker) = waiting {
            // Foreign code. If it panics, other images on this thread must not suffer for it.
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
    }

    /// Lets the owner look again if it waits until its lanes have nothing to do.
    pub(crate) fn wake_at_rest(&self) {
        if self.awaits_rest.load(Ordering::Acquire) {
            self.wake();
        }
    }

    /// Says that from now on the owner is to be woken when a lane has nothing to do.
    pub(crate) fn await_rest(&self) {
        self.awaits_rest.store(true, Ordering::Release);
    }

    /// Whether some lane has failed.
    pub(crate) fn check(&self) -> Result<()> {
        match self.failure.get() {
            None => Ok(()),
            Some(LaneFailure { lane, message }) => Err(Error::LanePanicked {
                lane: lane.clone(),
                message: message.clone(),
            }),
        }
    }

    /// Fails the image for the first reason given.
    pub(crate) fn fail(&self, lane: String, message: String) {
        self.failure.get_or_init(|| LaneFailure { lane, message });
        self.abandon();
        self.wake();
    }

    /// Tells the lanes that nobody wants their digests any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Only the owner takes room, so nothing can come between looking and taking.
    fn take_room(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        let in_flight_bytes = self.in_flight_bytes.load(Ordering::Acquire);
        if in_flight_bytes > 0 && in_flight_bytes.saturating_add(bytes) > self.limit_bytes {
            return None;
        }
        self.in_flight_bytes.fetch_add(bytes, Ordering::AcqRel);
        Some(Charge {
            bytes,
            state: Arc::clone(self),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.state.in_flight_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.state.wake();
    }
}
