//! One digest in the making: parts go in at one end, one thread at a time takes them out at the other.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::state::{Charge, ImageState};
use crate::{
    ChunkRun, Error, Piece, Result,
    chunk_run::append_run,
    engine::{AnyJob, ReadyQueue},
    progress::Meter,
};

/// What turns a lane's bytes into an outcome.
pub(crate) trait LaneHasher: Send + Sized + 'static {
    type Outcome: Send + 'static;

    /// How the ready queue knows a lane that has this part ahead.
    fn job(lane: Arc<Lane<Self>>, ahead: &Piece) -> AnyJob;

    /// Takes in some of a piece that is not empty, at most about `budget_bytes`, and cuts it off its front; says how
    /// many bytes.
    fn advance(&mut self, piece: &mut Piece, budget_bytes: u64) -> u64;

    /// Chunk digests that became final since the last call.
    fn take_runs(&mut self) -> Vec<ChunkRun> {
        Vec::new()
    }

    /// The outcome, and the chunk digests that became final with it.
    fn finish(self) -> (Self::Outcome, Vec<ChunkRun>);
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
    pub(super) state: Arc<ImageState>,
    pub(super) meter: Arc<Meter>,
    mailbox: Mutex<Mailbox<H>>,
}

pub(super) struct Mailbox<H: LaneHasher> {
    pub(super) parts: VecDeque<Part>,
    /// Whether no more parts will come.
    pub(super) ended: bool,
    pub(super) standing: Standing<H>,
    /// Chunk digests that are final and were not fetched yet.
    pub(super) runs: Vec<ChunkRun>,
}

pub(super) enum Standing<H: LaneHasher> {
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
            runs: Vec::new(),
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
        if !matches!(mailbox.standing, Standing::Done(_)) && part.piece.length_bytes() > 0 {
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

    /// What `look` makes of the hasher, if the lane has taken in all that was sent.
    pub(crate) fn at_rest<T>(&self, look: impl FnOnce(&H) -> T) -> Option<T> {
        match &self.mailbox().standing {
            Standing::Idle(hasher) => Some(look(hasher)),
            _ => None,
        }
    }

    /// Chunk digests that became final since the last call.
    pub(crate) fn take_runs(&self) -> Vec<ChunkRun> {
        mem::take(&mut self.mailbox().runs)
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

    /// Lets go of everything, on the thread that had the hasher.
    pub(super) fn give_up(&self) {
        self.mailbox().standing = Standing::Done(None);
        self.abandon();
    }

    /// Fails the image for what went wrong in a turn.
    pub(super) fn fail_image(&self, message: &str) {
        self.state.fail(self.name.to_string(), message.to_owned());
        self.give_up();
    }

    /// How the ready queue knows it.
    pub(crate) fn into_job(self: Arc<Self>) -> AnyJob {
        let ahead = self.mailbox().parts.front().map(|part| part.piece.clone());
        H::job(self, &ahead.unwrap_or(Piece::Zero { length_bytes: 0 }))
    }

    pub(super) fn mailbox(&self) -> MutexGuard<'_, Mailbox<H>> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rouse(self: &Arc<Self>, mut mailbox: MutexGuard<'_, Mailbox<H>>, queue: &ReadyQueue) {
        match mem::replace(&mut mailbox.standing, Standing::Running) {
            Standing::Idle(hasher) => {
                mailbox.standing = Standing::Queued(hasher);
                drop(mailbox);
                queue.push(Arc::clone(self).into_job());
            }
            busy => mailbox.standing = busy,
        }
    }
}

impl<H: LaneHasher> Mailbox<H> {
    /// Hands the hasher to a thread.
    pub(super) fn start(&mut self) -> Option<H> {
        match mem::replace(&mut self.standing, Standing::Running) {
            Standing::Queued(hasher) => Some(hasher),
            other => {
                self.standing = other;
                None
            }
        }
    }

    pub(super) fn add_runs(&mut self, runs: Vec<ChunkRun>) {
        runs.into_iter().for_each(|run| append_run(&mut self.runs, run));
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
