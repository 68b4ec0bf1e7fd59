use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::Port;
use crate::error::Result;
use crate::ids::{EvidenceItemId, Timestamp};

/// The host's clocks.
///
/// # Clauses
/// * `CL-01` [`monotonic`](Self::monotonic) never goes back while [`boot_id`](Self::boot_id) stays the same.
/// * `CL-02` [`sleep`](Self::sleep) ends no earlier than asked.
#[async_trait]
pub trait Clock: Port {
    /// The host's idea of UTC. Not evidence of time: records say "not independently timed".
    fn now(&self) -> Timestamp;

    /// Time since the host was started, or since some other fixed point of this boot.
    fn monotonic(&self) -> Duration;

    /// What names this run of the host; the same until it is started anew.
    fn boot_id(&self) -> String;

    /// Waits.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}

/// Randomness for ids, salts and keys.
///
/// # Clauses
/// * `EN-01` the bytes are from the system's generator, fit for keys; two calls differ.
pub trait Entropy: Port {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system's generator fails: nothing may then be made with what is in the buffer.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

/// What a long work is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProgressPhase {
    /// Reading the source, hashing it and storing the copy.
    Acquire,
    /// A copy that the store's service makes by itself.
    Copy,
    /// Reading the stored copy back.
    ReadBack,
    /// Re-deriving the digests of a stored item.
    Verify,
}

impl ProgressPhase {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Copy => "copy",
            Self::ReadBack => "read back",
            Self::Verify => "verify",
        }
    }
}

/// How far a long work is, in plain numbers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Progress {
    /// What it does.
    pub phase: ProgressPhase,
    /// The item it works on.
    pub item: EvidenceItemId,
    /// The item's name, safe to print.
    pub name: String,
    /// Bytes of the item that are done, zeros that were not read included.
    pub done: u64,
    /// Bytes of the item in all.
    pub total: u64,
}

impl Progress {
    /// So far, of this item in this phase.
    pub fn new(
        phase: ProgressPhase,
        item: EvidenceItemId,
        name: impl Into<String>,
        done: u64,
        total: u64,
    ) -> Self {
        Self {
            phase,
            item,
            name: name.into(),
            done,
            total,
        }
    }
}

/// Is told how far a long work is. Must return at once.
pub trait ProgressObserver: Port {
    /// Called often, from the task that does the work.
    fn progress(&self, progress: &Progress);
    /// Called when a step of the workflow begins or ends, with one line for people.
    fn step(&self, line: &str);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NoProgress;

impl fmt::Display for NoProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no progress")
    }
}

impl ProgressObserver for NoProgress {
    fn progress(&self, _: &Progress) {}
    fn step(&self, _: &str) {}
}

/// Asks a workflow to stop after the act in hand.
pub trait StopSignal: Port {
    /// Whether stopping was asked for.
    fn is_stopped(&self) -> bool;
}

/// A [`StopSignal`] that a program throws itself.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StopSwitch {
    thrown: Arc<AtomicBool>,
}

impl StopSwitch {
    /// Asks to stop.
    pub fn stop(&self) {
        self.thrown.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for StopSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stop switch")
    }
}

impl StopSignal for StopSwitch {
    fn is_stopped(&self) -> bool {
        self.thrown.load(Ordering::Relaxed)
    }
}
