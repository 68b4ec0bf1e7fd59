//! The threads of a tree, and the order in which their results come out.

use std::{
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    plan::{Batch, Plan, Span},
    slots::Slots,
};
use crate::{ChunkRun, Error, ImageAt, Result, zeros::zero_chunk_digest};

/// Batches that may be ahead of the one that comes out next, for each thread: enough that no thread waits for another
/// that was interrupted, few enough that results do not pile up.
const BATCHES_AHEAD: u64 = 4;

/// Shared by the threads and the one that wants their results.
#[derive(Debug)]
pub(super) struct Crew<'a, I> {
    image: &'a I,
    zero_digest: [u8; 32],
    ahead: u64,
    stopped: AtomicBool,
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Debug)]
struct Desk {
    plan: Plan,
    /// How many batches were dealt out, and whether they were all.
    dealt: u64,
    all_dealt: bool,
    /// How many came out.
    taken: u64,
    done: BTreeMap<u64, Vec<ChunkRun>>,
    failure: Option<Error>,
}

/// Ends the threads when dropped.
#[derive(Debug)]
pub(super) struct Stopping<'c, 'a, I>(&'c Crew<'a, I>);

impl<'a, I: ImageAt> Crew<'a, I> {
    pub(super) fn new(image: &'a I, plan: Plan, threads: usize) -> Self {
        Self {
            image,
            zero_digest: zero_chunk_digest(plan.chunk_bytes().get()),
            ahead: BATCHES_AHEAD.saturating_mul(threads as u64),
            stopped: AtomicBool::new(false),
            desk: Mutex::new(Desk {
                plan,
                dealt: 0,
                all_dealt: false,
                taken: 0,
                done: BTreeMap::new(),
                failure: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn stopping(&self) -> Stopping<'_, 'a, I> {
        Stopping(self)
    }

    /// The life of a thread.
    pub(super) fn work(&self) {
        let mut slots = Slots::new();
        while let Some((number, batch)) = self.next_batch() {
            let hashed = catch_unwind(AssertUnwindSafe(|| self.hash(&mut slots, &batch)));
            let mut desk = self.desk();
            match hashed {
                Ok(Ok(Some(runs))) => drop(desk.done.insert(number, runs)),
                Ok(Ok(None)) => return,
                Ok(Err(failure)) => desk.fail(failure),
                Err(_) => desk.fail(Error::LanePanicked {
                    lane: "chunk tree".to_owned(),
                    message: "reading or hashing panicked".to_owned(),
                }),
            }
            drop(desk);
            self.changed.notify_all();
        }
    }

    /// The runs that come next, in order; none at the end.
    pub(super) fn next_runs(&self) -> Result<Option<Vec<ChunkRun>>> {
        let mut desk = self.desk();
        loop {
            if let Some(failure) = desk.failure.take() {
                return Err(failure);
            }
            let number = desk.taken;
            if let Some(runs) = desk.done.remove(&number) {
                desk.taken += 1;
                self.changed.notify_all();
                return Ok(Some(runs));
            }
            if desk.all_dealt && desk.taken == desk.dealt {
                return Ok(None);
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn next_batch(&self) -> Option<(u64, Batch)> {
        let mut desk = self.desk();
        loop {
            if desk.all_dealt || desk.failure.is_some() || self.is_stopped() {
                return None;
            }
            if desk.dealt - desk.taken < self.ahead {
                break;
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        let next = catch_unwind(AssertUnwindSafe(|| desk.plan.next(self.image)));
        match next.unwrap_or_else(|_panic| {
            Err(std::io::Error::other(
                "the image panicked when it was asked where it has data",
            ))
        }) {
            Ok(Some(batch)) => {
                let number = desk.dealt;
                desk.dealt += 1;
                return Some((number, batch));
            }
            Ok(None) => desk.all_dealt = true,
            Err(source) => {
                let at_bytes = desk.plan.at_bytes();
                desk.fail(Error::Read { at_bytes, source });
            }
        }
        self.changed.notify_all();
        None
    }

    fn hash(&self, slots: &mut Slots, batch: &Batch) -> Result<Option<Vec<ChunkRun>>> {
        let chunks: Vec<Range<u64>> = batch.spans.iter().filter_map(Span::data).collect();
        let chunk_bytes = self.desk().plan.chunk_bytes();
        let zero = (chunk_bytes, self.zero_digest);
        let Some(digests) = slots.hash(self.image, &chunks, zero, || !self.is_stopped())? else {
            return Ok(None);
        };
        let mut digests = digests.into_iter();
        let mut runs = Vec::new();
        for span in &batch.spans {
            let run = match span {
                Span::Hole { chunks } => ChunkRun::Zero { chunks: *chunks },
                Span::Data(_) => ChunkRun::Data(digests.next().into_iter().collect()),
            };
            crate::chunk_run::append_run(&mut runs, run);
        }
        Ok(Some(runs))
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

impl<I> Crew<'_, I> {
    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // Under the lock, so that nobody is between looking and waiting.
        drop(self.desk());
        self.changed.notify_all();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Keeps the first failure.
    fn fail(&mut self, failure: Error) {
        self.failure.get_or_insert(failure);
        self.all_dealt = true;
    }
}

impl Span {
    fn data(&self) -> Option<Range<u64>> {
        match self {
            Self::Data(range) => Some(range.clone()),
            Self::Hole { .. } => None,
        }
    }
}

impl<I> Drop for Stopping<'_, '_, I> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
