use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::lines::{Lines, NextLine};
use crate::custody_log::{Chain, ChainFault, ChainFaultKind, Event};
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::port::{ImageReader, StopSignal};

/// The longest line that is looked at; [`Chain`] has the same limit.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Every so many lines, a stop is asked for.
const LINES_BETWEEN_STOPS: u64 = 1024;

/// A stored log, read once: how far its chain holds, and the roots that checkpoints speak of.
#[derive(Debug)]
pub(super) struct LogWalk {
    /// Lines that chain, from the first.
    pub(super) lines: u64,
    /// The root over them.
    pub(super) root: Sha256Digest,
    /// The root over so many lines, for each size that was asked for and reached.
    pub(super) roots: BTreeMap<u64, Sha256Digest>,
    /// Where the chain breaks.
    pub(super) fault: Option<LineFault>,
    /// Bytes behind the last line feed, which are no line.
    pub(super) tail_bytes: u64,
}

/// Where a log stops being one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineFault {
    /// The lines that may have been changed, counted from 1: one, or two neighbours.
    pub(super) suspects: (u64, u64),
    pub(super) expected: String,
    pub(super) found: String,
}

impl LineFault {
    /// The place in words.
    pub(super) fn place(&self) -> String {
        match self.suspects {
            (first, last) if first == last => format!("line {first}"),
            (first, last) => format!("line {first} or line {last}"),
        }
    }

    /// Takes into account that the first `intact` lines were signed as they stand.
    pub(super) fn settle(&mut self, intact: u64) {
        if intact >= self.suspects.0 {
            self.suspects.0 = self.suspects.1;
        }
    }
}

/// Reads a log, checks each line's form and chain, and hands each event to `fold` with its line number (from 1) and
/// the line's length.
///
/// `sizes` are those at which the root is wanted.
///
/// # Errors
/// The reader's; [`Error::Stopped`].
pub(super) async fn walk(
    object: &str,
    reader: Arc<dyn ImageReader>,
    sizes: &BTreeSet<u64>,
    stop: &dyn StopSignal,
    fold: &mut (dyn FnMut(u64, usize, Event) + Send),
) -> Result<LogWalk> {
    let mut lines = Lines::new(reader, MAX_LINE_BYTES);
    let mut chain = Chain::new();
    let mut roots = BTreeMap::new();
    let mut wanted = sizes.iter().copied().peekable();
    let mut fault = None;
    let mut tail_bytes = 0;
    if wanted.next_if_eq(&0).is_some() {
        roots.insert(0, chain.root());
    }
    loop {
        let number = chain.head().size + 1;
        if number.is_multiple_of(LINES_BETWEEN_STOPS) && stop.is_stopped() {
            return Err(Error::Stopped {
                object: object.to_owned(),
            });
        }
        match lines.next().await? {
            NextLine::Line(line) => match chain.take(line) {
                Ok(event) => fold(number, line.len(), event),
                Err(found) => {
                    let digest = Sha256Digest::of(line);
                    fault = Some(placed(found, digest, &mut lines).await?);
                    break;
                }
            },
            NextLine::Tail(tail) => {
                tail_bytes = tail.len() as u64;
                break;
            }
            NextLine::TooLong => {
                fault = Some(LineFault {
                    suspects: (number, number),
                    expected: format!("a line of at most {MAX_LINE_BYTES} bytes"),
                    found: "a longer one".into(),
                });
                break;
            }
            NextLine::End => break,
        }
        if wanted.next_if_eq(&number).is_some() {
            roots.insert(number, chain.root());
        }
    }
    Ok(LogWalk {
        lines: chain.head().size,
        root: chain.root(),
        roots,
        fault,
        tail_bytes,
    })
}

/// Says which line was changed.
///
/// A line that was changed and is still an event shows at its successor, which holds the digest of what it was. If the
/// line behind the successor accepts the successor as it stands, the successor was not touched; if it does not, the
/// successor was. Where nothing stands behind the successor, it may be either.
async fn placed(fault: ChainFault, line: Sha256Digest, lines: &mut Lines) -> Result<LineFault> {
    let number = fault.line;
    let mut placed = LineFault {
        suspects: (number, number),
        expected: "the next line of this log".into(),
        found: fault.reason,
    };
    if fault.kind != ChainFaultKind::Previous {
        return Ok(placed);
    }
    if number == 1 {
        placed.expected = "zeros in prev of the first line".into();
        return Ok(placed);
    }
    placed.expected = format!(
        "line {} with the digest that line {number} holds of it",
        number - 1
    );
    placed.suspects = match lines.next().await? {
        NextLine::Line(next) => match serde_json::from_slice::<Successor>(next) {
            Ok(next) if next.prev == line => (number - 1, number - 1),
            Ok(_) => (number, number),
            Err(_) => (number - 1, number),
        },
        NextLine::Tail(_) | NextLine::TooLong | NextLine::End => (number - 1, number),
    };
    Ok(placed)
}

#[derive(Deserialize)]
struct Successor {
    prev: Sha256Digest,
}
