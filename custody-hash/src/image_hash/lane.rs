//! One digest in the making: parts go in at one end, one thread at a time takes them out at the other.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::state::{Charge, ImageState};
use crate::{
    Error, Piece, Result,
    engine::{Job, ReadyQueue, Turn, Urgency},
    progress::Meter,
};

/// What a lane hashes before it lets other lanes have the thread: half a millisecond's worth.
const TURN_BYTES: u64 = 1 << 20;

/// What turns a lane's bytes into an outcome.
pub(crate) trait LaneHasher: Send + 'static {
    type Outcome: Send + 'static;
    const URGENCY: Urgency;

    fn update(&mut self, bytes: &[u8]);
    fn finish(self) -> Self::Outcome;
}

/// A piece on its way through a lane, and the room it takes while any lane still has it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) piece: Piece,
    pub(crate) charge: Option<Arc<Charge>>,
}

/// Which digest a lane makes.
#[derive(Debug)]
pub(crate) enum LaneName {
    Whole,
    Side(String),
    Chunk { number: u64 },
}

pub(crate) struct Lane<H: LaneHasher> {
    name: LaneName,
    state: Arc<ImageState>,
    meter: Arc<Meter>,
    mailbox: Mutex<Mailbox<H>>,
}

struct Mailbox<H: LaneHasher> {
    parts: VecDeque<Part>,
    /// Whether no more parts will come.
    ended: bool,
    standing: Standing<H>,
}

enum Standing<H: LaneHasher> {
    /// Nothing to do.
    Idle(H),
    /// In the ready queue.
    Queued(H),
    /// On a thread, which has the hasher.
    Running,
    /// The outcome, until it is fetched; none if the lane was abandoned.
    Done(Option<H::Outcome>),
}

impl Part {
    pub(crate) fn new(piece: Piece, charge: Option<Arc<Charge>>) -> Self {
        Self { piece, charge }
    }
}

impl<H: LaneHasher> Lane<H> {
    pub(crate) fn new(name: LaneName, hasher: H, state: Arc<ImageState>, meter: Arc<Meter>) -> Arc<Self> {
        let mailbox = Mailbox {
            parts: VecDeque::new(),
            ended: false,
            standing: Standing::Idle(hasher),
        };
        Arc::new(Self {
            name,
            state,
            meter,
            mailbox: Mutex::new(mailbox),
        })
    }

    /// Appends to what the lane has to hash.
    pub(crate) fn send(self: &Arc<Self>, part: Part, queue: &ReadyQueue) {
        let mut mailbox = self.mailbox();
        if !matches!(mailbox.standing, Standing::Done(_)) {
            mailbox.parts.push_back(part);
            self.rouse(mailbox, queue);
        }
    }

    /// Says that no more parts will come, so that the outcome can be made.
    pub(crate) fn end(self: &Arc<Self>, queue: &ReadyQueue) {
        let mut mailbox = self.mailbox();
        mailbox.ended = true;
        self.rouse(mailbox, queue);
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.mailbox().standing, Standing::Done(_))
    }

    /// The outcome, once, and when the lane is done.
    pub(crate) fn take_outcome(&self) -> Result<H::Outcome> {
        self.state.check()?;
        let outcome = match &mut self.mailbox().standing {
            Standing::Done(outcome) => outcome.take(),
            _ => None,
        };
        let (lane, message) = (&self.name, "ended without a digest");
        outcome.ok_or_else(|| Error::LanePanicked {
            lane: lane.to_string(),
            message: message.to_owned(),
        })
    }

    /// Lets go of everything that is not on a thread right now; that follows when its part is hashed.
    pub(crate) fn abandon(&self) {
        let mut mailbox = self.mailbox();
        let parts = mem::take(&mut mailbox.parts);
        let hasher = mailbox.leave_unless_running();
        drop(mailbox);
        // Outside the lock: both may call into foreign code.
        drop((parts, hasher));
    }

    fn rouse(self: &Arc<Self>, mut mailbox: MutexGuard<'_, Mailbox<H>>, queue: &ReadyQueue) {
        match mem::replace(&mut mailbox.standing, Standing::Running) {
            Standing::Idle(hasher) => {
                mailbox.standing = Standing::Queued(hasher);
                drop(mailbox);
                queue.push(Arc::clone(self) as Arc<dyn Job>);
            }
            busy => mailbox.standing = busy,
        }
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox<H>> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: LaneHasher> Job for Lane<H> {
    fn urgency(&self) -> Urgency {
        H::URGENCY
    }

    fn run(&self) -> Turn {
        let Some(mut hasher) = self.mailbox().start() else {
            return Turn::Rest;
        };
        let mut left_bytes = TURN_BYTES;
        while !self.state.is_abandoned() {
            let mut mailbox = self.mailbox();
            if let Some(part) = mailbox.take(left_bytes) {
                drop(mailbox);
                part.piece.slices().for_each(|bytes| hasher.update(bytes));
                left_bytes = left_bytes.saturating_sub(part.piece.length_bytes());
                self.meter.add(part.piece.length_bytes());
            } else if !mailbox.parts.is_empty() {
                mailbox.standing = Standing::Queued(hasher);
                return Turn::Again;
            } else if !mailbox.ended {
                mailbox.standing = Standing::Idle(hasher);
                return Turn::Rest;
            } else {
                drop(mailbox);
                let outcome = hasher.finish();
                self.mailbox().standing = Standing::Done(Some(outcome));
                self.state.wake();
                return Turn::Rest;
            }
        }
        self.mailbox().standing = Standing::Done(None);
        self.abandon();
        Turn::Rest
    }

    fn fail(&self, message: String) {
        self.state.fail(self.name.to_string(), message);
        self.mailbox().standing = Standing::Done(None);
        self.abandon();
    }
}

impl<H: LaneHasher> Mailbox<H> {
    /// Hands the hasher to a thread.
    fn start(&mut self) -> Option<H> {
        match mem::replace(&mut self.standing, Standing::Running) {
            Standing::Queued(hasher) => Some(hasher),
            other => {
                self.standing = other;
                None
            }
        }
    }

    /// The next part, or as much of it as `left_bytes` allow.
    fn take(&mut self, left_bytes: u64) -> Option<Part> {
        let front = self.parts.front_mut().filter(|_| left_bytes > 0)?;
        if front.piece.length_bytes() <= left_bytes {
            return self.parts.pop_front();
        }
        Some(Part::new(front.piece.split_to(left_bytes), front.charge.clone()))
    }

    fn leave_unless_running(&mut self) -> Standing<H> {
        match mem::replace(&mut self.standing, Standing::Done(None)) {
            busy @ (Standing::Running | Standing::Done(_)) => mem::replace(&mut self.standing, busy),
            waiting => waiting,
        }
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole digest"),
            Self::Side(name) => write!(f, "side digest {name}"),
            Self::Chunk { number } => write!(f, "digest of chunk {number}"),
        }
    }
}
