use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::event::Event;
use super::merkle::MerkleFrontier;
use crate::canonical;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::port::LogHead;

/// The longest line that is read; a longer one is refused, not cut.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// In what way a line does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainFaultKind {
    /// It is longer than any line may be.
    TooLong,
    /// It is not canonical JSON, or not an event of a version that this program reads.
    Form,
    /// It has another number than is due: lines were dropped, repeated or put elsewhere.
    Sequence,
    /// It holds another digest of the line before it: one of the two was changed.
    Previous,
}

/// What is wrong with a line: which, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainFault {
    /// The line, counted from 1 as text editors do.
    pub line: u64,
    /// In what way.
    pub kind: ChainFaultKind,
    /// What is wrong with it.
    pub reason: String,
}

/// A log, read line by line: canonical form, numbering, chain and tree are checked on the way.
#[derive(Debug, Clone)]
pub struct Chain {
    head: LogHead,
    tree: MerkleFrontier,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            head: LogHead::EMPTY,
            tree: MerkleFrontier::new(),
        }
    }
}

impl Chain {
    /// A log of which nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the log stands.
    #[must_use]
    pub const fn head(&self) -> LogHead {
        self.head
    }

    /// The root over the lines so far.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        self.tree.root()
    }

    /// Takes the next line, without its line feed.
    ///
    /// # Errors
    /// The fault, naming the line that does not fit. Nothing is taken then. A change inside a line shows at
    /// the next line, whose `prev` no longer fits, or at the root.
    pub fn take(&mut self, line: &[u8]) -> std::result::Result<Event, ChainFault> {
        let number = self.head.size + 1;
        let fault = |kind, reason: String| ChainFault {
            line: number,
            kind,
            reason,
        };
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(
                ChainFaultKind::TooLong,
                format!("has {} bytes, at most {MAX_LINE_BYTES} are allowed", line.len()),
            ));
        }
        canonical::check("line", line).map_err(|error| fault(ChainFaultKind::Form, error.to_string()))?;
        let event: Event = serde_json::from_slice(line)
            .map_err(|error| fault(ChainFaultKind::Form, format!("not an event: {error}")))?;
        if event.v != Event::VERSION {
            return Err(fault(
                ChainFaultKind::Form,
                format!(
                    "format version {}, this program reads {}",
                    event.v,
                    Event::VERSION
                ),
            ));
        }
        if event.seq != self.head.size {
            return Err(fault(
                ChainFaultKind::Sequence,
                format!("seq is {}, {} is due", event.seq, self.head.size),
            ));
        }
        if event.prev != self.head.line {
            return Err(fault(
                ChainFaultKind::Previous,
                format!("prev is {}, the line before has {}", event.prev, self.head.line),
            ));
        }
        self.accept(line);
        Ok(event)
    }

    /// Takes a line that this process just wrote.
    pub(super) fn accept(&mut self, line: &[u8]) {
        self.head = self.head.after(line);
        self.tree.push(line);
    }
}

/// Reads a whole log: its chain, and every event in order.
///
/// # Errors
/// [`Error::Integrity`] naming the first line that does not fit; otherwise the stream's.
pub async fn read_chain(
    object: &str,
    mut lines: BoxStream<'_, Result<Bytes>>,
) -> Result<(Chain, Vec<Event>)> {
    let mut chain = Chain::new();
    let mut events = Vec::new();
    while let Some(line) = lines.next().await {
        let event = chain.take(&line?).map_err(|fault| Error::Integrity {
            object: object.to_owned(),
            place: format!("line {}", fault.line),
            expected: "the next line of this log".into(),
            actual: fault.reason,
        })?;
        events.push(event);
    }
    Ok((chain, events))
}
