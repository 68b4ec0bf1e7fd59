//! What the threads do next.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::image_hash::{ChunkLane, ImageLane, SideLane};

/// What several jobs of a kind do for a while on one thread.
pub(crate) trait Job: Send + Sync + Sized {
    /// How many may run together.
    const TOGETHER: usize;

    /// Does a bounded part of the work of each. A job is never in two calls at once: it is queued again only by its
    /// own turn, or when it rests. Returns those that are to be called again.
    fn run(jobs: Vec<Arc<Self>>) -> Vec<Arc<Self>>;

    /// Called for each after `run` panicked.
    fn fail(&self, message: &str);
}

/// A job of one kind.
#[derive(Clone)]
pub(crate) enum AnyJob {
    /// The digests of an image's stream. It runs on one thread at a time and so decides when its image is done.
    Image(Arc<ImageLane>),
    /// The same in a run of zeros: four of them in the time of one.
    Zeros(Arc<ImageLane>),
    /// A digest by another algorithm.
    Side(Arc<SideLane>),
    /// A chunk. Others of its kind can run beside it on all threads.
    Chunk(Arc<ChunkLane>),
}

/// What a thread has in hand.
enum Task {
    Images(Vec<Arc<ImageLane>>),
    Side(Arc<SideLane>),
    Chunks(Vec<Arc<ChunkLane>>),
}

/// After so many sequential tasks in a row chunks go first, if there are any: the hole of one image, which keeps its
/// lane busy for minutes, must not hold up the chunks of another.
const SEQUENTIAL_IN_A_ROW: u32 = 4;

/// Images whose streams advance together: two chains of two states each fill the SHA unit.
const IMAGES_TOGETHER: usize = 2;

/// Jobs in the order in which threads take them. Streams and side digests are preferred to chunks, each kind is first
/// come, first served.
///
/// Jobs of a kind go together as far as no thread waits for one: two images on two threads have one each, and four
/// have two each.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    ready: Mutex<Ready>,
    more: Condvar,
}

#[derive(Default)]
struct Ready {
    sequential: VecDeque<AnyJob>,
    chunks: VecDeque<Arc<ChunkLane>>,
    /// How many sequential tasks were taken since the last chunks.
    in_a_row: u32,
    /// How many threads have nothing to do.
    waiting: usize,
    closed: bool,
}

impl ReadyQueue {
    pub(crate) fn push(&self, job: AnyJob) {
        self.ready().push(job);
        self.more.notify_one();
    }

    /// Lets every thread end; nobody is left who would want what is still queued.
    pub(crate) fn close(&self) {
        self.ready().closed = true;
        self.more.notify_all();
    }

    /// The life of a thread.
    pub(crate) fn work(&self) {
        let mut again = Vec::new();
        while let Some(task) = self.next(again) {
            again = match task {
                Task::Images(lanes) => {
                    let lanes = turn(lanes).into_iter();
                    lanes.map(ImageLane::into_job).collect()
                }
                Task::Side(lane) => turn(vec![lane]).into_iter().map(AnyJob::Side).collect(),
                Task::Chunks(lanes) => turn(lanes).into_iter().map(AnyJob::Chunk).collect(),
            };
        }
    }

    /// Gives back what is to go on and takes the next task, in one step: whoever else looks meanwhile must not take
    /// the jobs of a thread that is about to ask for one.
    fn next(&self, again: Vec<AnyJob>) -> Option<Task> {
        let mut ready = self.ready();
        again.into_iter().for_each(|job| ready.push(job));
        while !ready.closed {
            if let Some(task) = ready.take() {
                if ready.waiting > 0 && !ready.is_empty() {
                    self.more.notify_one();
                }
                return Some(task);
            }
            ready.waiting += 1;
            ready = self.more.wait(ready).unwrap_or_else(PoisonError::into_inner);
            ready.waiting -= 1;
        }
        None
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    fn push(&mut self, job: AnyJob) {
        match job {
            AnyJob::Chunk(lane) => self.chunks.push_back(lane),
            sequential => self.sequential.push_back(sequential),
        }
    }

    fn is_empty(&self) -> bool {
        self.sequential.is_empty() && self.chunks.is_empty()
    }

    fn take(&mut self) -> Option<Task> {
        if (self.in_a_row < SEQUENTIAL_IN_A_ROW || self.chunks.is_empty())
            && let Some(job) = self.sequential.pop_front()
        {
            self.in_a_row = self.in_a_row.saturating_add(1);
            return Some(self.with_others(job));
        }
        self.in_a_row = 0;
        let share = self.share(self.chunks.len(), ChunkLane::TOGETHER);
        let lanes: Vec<_> = self.chunks.drain(..share).collect();
        (!lanes.is_empty()).then_some(Task::Chunks(lanes))
    }

    /// A job and those of its kind that go with it.
    fn with_others(&mut self, job: AnyJob) -> Task {
        let (first, most) = match job {
            AnyJob::Side(lane) => return Task::Side(lane),
            AnyJob::Chunk(lane) => return Task::Chunks(vec![lane]),
            AnyJob::Zeros(lane) => (lane, ImageLane::TOGETHER),
            AnyJob::Image(lane) => (lane, IMAGES_TOGETHER),
        };
        let zeros = most == ImageLane::TOGETHER;
        let like_it = |other: &AnyJob| match other {
            AnyJob::Zeros(_) => zeros,
            AnyJob::Image(_) => !zeros,
            AnyJob::Side(_) | AnyJob::Chunk(_) => false,
        };
        let more = self.sequential.iter().filter(|other| like_it(other)).count();
        let mut left = self.share(more + 1, most) - 1;
        let mut lanes = vec![first];
        self.sequential.retain(|other| match other {
            AnyJob::Zeros(lane) | AnyJob::Image(lane) if left > 0 && like_it(other) => {
                left -= 1;
                lanes.push(Arc::clone(lane));
                false
            }
            _ => true,
        });
        Task::Images(lanes)
    }

    /// How many of so many jobs a thread takes, when all that wait are to have their share.
    fn share(&self, jobs: usize, most: usize) -> usize {
        jobs.div_ceil(self.waiting + 1).min(most)
    }
}

/// One turn of some jobs, which must not end the thread whatever they do.
fn turn<J: Job>(jobs: Vec<Arc<J>>) -> Vec<Arc<J>> {
    match catch_unwind(AssertUnwindSafe(|| J::run(jobs.clone()))) {
        Ok(again) => again,
        Err(panic) => {
            let message = message_of(panic.as_ref());
            for job in jobs {
                // Even the report may panic, in the waker of somebody's executor.
                drop(catch_unwind(AssertUnwindSafe(|| job.fail(&message))));
            }
            Vec::new()
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
    literal
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
