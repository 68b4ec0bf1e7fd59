use async_trait::async_trait;

use super::{LegalHold, Receipt};
use crate::error::Result;
use crate::extent::Extent;
use crate::ids::{AcquisitionId, Timestamp};
use crate::service::Acted;

/// Whether bytes that were written can be had a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum Rereading {
    /// They cannot: the sink keeps what it may have to send again.
    #[default]
    Impossible,
    /// They can: the sink need not keep them, and says when it wants them again ([`Taken::lost_from`]).
    OnDemand,
}

/// How to deposit.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DepositOptions {
    /// The acquisition the object belongs to; the sink tags it where it can.
    pub acquisition: AcquisitionId,
    /// The exact length of the object.
    pub length: u64,
    /// Whether to place a legal hold.
    pub hold: LegalHold,
    /// The time of the deposit, where the sink keeps one.
    pub at: Option<Timestamp>,
    /// Whether what was written can be had a second time.
    pub rereading: Rereading,
}

impl DepositOptions {
    /// A deposit for this acquisition, of an object of exactly this length, whose bytes can be had once.
    #[must_use]
    pub const fn new(acquisition: AcquisitionId, length: u64) -> Self {
        Self {
            acquisition,
            length,
            hold: LegalHold::Omit,
            at: None,
            rereading: Rereading::Impossible,
        }
    }

    /// Sets whether what was written can be had a second time.
    #[must_use]
    pub const fn with_rereading(mut self, rereading: Rereading) -> Self {
        self.rereading = rereading;
        self
    }
}

/// How a deposit stands after a write.
///
/// Invariant: `settled <= due`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Bytes before this one are not wanted again.
    pub settled: u64,
    /// The byte that is due next: the end of what was written, or, where bytes were lost on their way, the first of
    /// those.
    pub due: u64,
}

impl Taken {
    /// Everything before `end` was taken for good.
    #[must_use]
    pub const fn for_good(end: u64) -> Self {
        Self {
            settled: end,
            due: end,
        }
    }

    /// Everything before `end` was taken, and what is not settled may be wanted again.
    #[must_use]
    pub const fn so_far(settled: u64, end: u64) -> Self {
        Self {
            settled: if settled < end { settled } else { end },
            due: end,
        }
    }

    /// Bytes from this one on were lost on their way: the next write begins with it.
    #[must_use]
    pub const fn lost_from(start: u64) -> Self {
        Self {
            settled: start,
            due: start,
        }
    }
}

/// An object on its way into a sink. See the clauses of [`EvidenceSink`](super::EvidenceSink).
#[async_trait]
pub trait Deposit: std::fmt::Debug + Send {
    /// Takes the next extent, which begins with the byte that is due.
    ///
    /// Where the answer's `due` is not the extent's end, the sink lost bytes that it does not keep: whoever writes
    /// reads them again, makes sure that they are the same, and goes on from there.
    ///
    /// # Errors
    /// [`crate::Error::Misuse`] out of order or over the length; [`crate::Error::NoSpace`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// After dropping the future only `abort` may be called.
    async fn write(&mut self, extent: Extent) -> Result<Taken>;

    /// Makes the object durable and gives it its name.
    ///
    /// # Errors
    /// [`crate::Error::AlreadyExists`] when the name was taken meanwhile; [`crate::Error::Misuse`] when bytes are
    /// missing; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the object committed; [`EvidenceSink::state`](super::EvidenceSink::state) tells.
    async fn commit(self: Box<Self>) -> Result<Acted<Receipt>>;

    /// Discards what was written.
    ///
    /// # Errors
    /// The provider's, when something may be left.
    ///
    /// # Cancel safety
    /// Dropping the future may leave unfinished bytes, never a visible object.
    async fn abort(self: Box<Self>) -> Result<Acted<()>>;
}
