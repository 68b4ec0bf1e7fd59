use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::Port;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::ids::{AcquisitionId, CaseId};
use crate::service::Acted;

/// Which log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two kinds of log and every store must place both"
)]
pub enum LogName {
    /// The register of a store: one, appended to by every custodian's tool.
    Register,
    /// The log of one acquisition: one writer.
    Acquisition {
        /// Its case.
        case: CaseId,
        /// The acquisition.
        acquisition: AcquisitionId,
    },
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register => f.write_str("register"),
            Self::Acquisition { acquisition, .. } => write!(f, "log of {acquisition}"),
        }
    }
}

/// Where a log ends: how many lines, and the digest of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogHead {
    /// How many lines there are.
    pub size: u64,
    /// SHA-256 of the last line without its line feed; 32 zero bytes for an empty log.
    pub line: Sha256Digest,
}

impl LogHead {
    /// The head of a log without lines.
    pub const EMPTY: Self = Self {
        size: 0,
        line: Sha256Digest::from_bytes([0; 32]),
    };

    /// The head after `size` lines, the last with this digest.
    #[must_use]
    pub const fn new(size: u64, line: Sha256Digest) -> Self {
        Self { size, line }
    }

    /// The head after one more line (without its line feed).
    #[must_use]
    pub fn after(self, line: &[u8]) -> Self {
        Self {
            size: self.size + 1,
            line: Sha256Digest::of(line),
        }
    }
}

impl fmt::Display for LogHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, last {}", self.size, self.line)
    }
}

/// The log on the worker's own disk: the journal of a capture.
///
/// # Clauses
/// * `LS-01` after [`append`](Self::append) succeeded, the line survives a crash of the machine.
/// * `LS-02` `append` after a head that is not the log's is [`crate::Error::Precondition`], and appends nothing.
/// * `LS-03` [`head`](Self::head) and [`lines`](Self::lines) speak of complete lines only; bytes behind the last line
///   feed are no line.
/// * `LS-04` while there is such a torn tail, `append` is [`crate::Error::Precondition`];
///   [`set_aside_tail`](Self::set_aside_tail) moves it to a place of its own, gives it back, and loses none of it.
/// * `LS-05` a complete line is never changed and never dropped.
/// * `LS-06` a log that was never written has the head [`LogHead::EMPTY`].
/// * `LS-07` a line with a line feed in it, or an empty one, is [`crate::Error::Misuse`].
#[async_trait]
pub trait LogStore: Port {
    /// Where the log ends.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn head(&self, log: &LogName) -> Result<LogHead>;

    /// Appends one line (given without its line feed) behind a known head, durably.
    ///
    /// # Errors
    /// See clauses LS-02, LS-04 and LS-07. After any other error the line may or may not be there: open the log again.
    ///
    /// # Cancel safety
    /// As after an error.
    async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead>;

    /// The lines from number `from` (counted from 0), without their line feeds.
    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>>;

    /// Moves the bytes behind the last line feed away; `None` when there are none.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Calling again settles it; no byte is lost.
    async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>>;
}

/// Where log lines and checkpoints lie beside the evidence, as far as possible out of the writer's reach.
///
/// # Clauses
/// * `LA-01` [`append`](Self::append) is compare-and-append: behind a head that is not the log's it is
///   [`crate::Error::Precondition`], and appends nothing. Of two racing writers one wins.
/// * `LA-02` all lines of one call become visible, or none.
/// * `LA-03` what an interrupted call left unfinished is finished or taken back by the next one; it is never read as
///   a line.
/// * `LA-04` a line that was appended is never changed and never dropped.
/// * `LA-05` [`put_checkpoint`](Self::put_checkpoint) writes a note once for each size: the same bytes again are
///   adopted, others are [`crate::Error::AlreadyExists`].
/// * `LA-06` after success, lines and notes survive a crash of the machine.
/// * `LA-07` a log that was never written has the head [`LogHead::EMPTY`].
#[async_trait]
pub trait LogAnchor: Port {
    /// Where the anchored log ends.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn head(&self, log: &LogName) -> Result<LogHead>;

    /// Appends lines (each given without its line feed) behind a known head.
    ///
    /// # Errors
    /// See clause LA-01; otherwise the provider's.
    ///
    /// # Cancel safety
    /// The lines may or may not be there: ask [`head`](Self::head).
    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>>;

    /// Puts the signed note of the checkpoint at `size` lines.
    ///
    /// # Errors
    /// See clause LA-05; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>>;

    /// The anchored lines from number `from` (counted from 0), without their line feeds.
    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>>;
}
