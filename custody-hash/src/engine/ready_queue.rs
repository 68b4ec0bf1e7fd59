//! What the threads do next.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Something that has work for a thread.
pub(crate) trait Job: Send + Sync {
    fn urgency(&self) -> Urgency;

    /// Does a bounded part of the work. Never called on two threads at once: a job is queued again only by its own
    /// turn, or when it rests.
    fn run(&self) -> Turn;

    /// Called after `run` panicked.
    fn fail(&self, message: String);
}

/// Whether a job is to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Again,
    Rest,
}

/// Which jobs go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It runs on one thread at a time and so decides when its image is done.
    Sequential,
    /// It can run beside others of its kind, and catch up on all threads.
    Parallel,
}

/// After so many sequential jobs in a row a parallel one goes first, if there is one: the hole of one image, which
/// keeps its sequential lanes busy for minutes, must not hold up the chunks of another.
const SEQUENTIAL_IN_A_ROW: u32 = 4;

/// Jobs in the order in which threads take them: sequential ones are preferred, each kind is first come, first served.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    ready: Mutex<Ready>,
    more: Condvar,
}

#[derive(Default)]
struct Ready {
    sequential: VecDeque<Arc<dyn Job>>,
    parallel: VecDeque<Arc<dyn Job>>,
    /// How many sequential jobs were taken since the last parallel one.
    in_a_row: u32,
    closed: bool,
}

impl ReadyQueue {
    pub(crate) fn push(&self, job: Arc<dyn Job>) {
        let mut ready = self.ready();
        match job.urgency() {
            Urgency::Sequential => ready.sequential.push_back(job),
            Urgency::Parallel => ready.parallel.push_back(job),
        }
        drop(ready);
        self.more.notify_one();
    }

    /// Lets every thread end; nobody is left who would want what is still queued.
    pub(crate) fn close(&self) {
        self.ready().closed = true;
        self.more.notify_all();
    }

    /// The life of a thread.
    pub(crate) fn work(&self) {
        while let Some(job) = self.next() {
            match catch_unwind(AssertUnwindSafe(|| job.run())) {
                Ok(Turn::Again) => self.push(job),
                Ok(Turn::Rest) => {}
                // Even the report may panic, in the waker of somebody's executor: the thread must outlive it.
                Err(panic) => drop(catch_unwind(AssertUnwindSafe(|| {
                    job.fail(message_of(panic.as_ref()));
                }))),
            }
        }
    }

    fn next(&self) -> Option<Arc<dyn Job>> {
        let mut ready = self.ready();
        while !ready.closed {
            if let Some(job) = ready.take() {
                return Some(job);
            }
            ready = self.more.wait(ready).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    fn take(&mut self) -> Option<Arc<dyn Job>> {
        if (self.in_a_row < SEQUENTIAL_IN_A_ROW || self.parallel.is_empty())
            && let Some(job) = self.sequential.pop_front()
        {
            self.in_a_row = self.in_a_row.saturating_add(1);
            return Some(job);
        }
        self.in_a_row = 0;
        self.parallel.pop_front()
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
    literal
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
