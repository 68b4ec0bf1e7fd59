use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::port::{LogHead, LogName, LogStore};
use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};

use crate::shared::Shared;

/// Logs in memory, with tails that a test may tear. Clones are the same disk: one that is kept survives
/// the "process" that dropped another.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    logs: Shared<BTreeMap<LogName, Log>>,
}

#[derive(Default, Clone)]
struct Log {
    lines: Vec<Bytes>,
    tail: Vec<u8>,
    aside: Vec<Bytes>,
}

impl Log {
    fn head(&self) -> LogHead {
        self.lines.last().map_or(LogHead::EMPTY, |last| {
            LogHead::new(
                self.lines.len() as u64,
                custody_core::digest::Sha256Digest::of(last),
            )
        })
    }
}

impl MemoryLog {
    /// No logs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves these bytes behind the last line feed, as a write that a crash cut short does.
    pub fn tear(&self, log: &LogName, tail: &[u8]) {
        self.logs
            .lock()
            .entry(log.clone())
            .or_default()
            .tail
            .extend_from_slice(tail);
    }

    /// The logs that exist.
    #[must_use]
    pub fn names(&self) -> Vec<LogName> {
        self.logs.lock().keys().cloned().collect()
    }

    /// The complete lines of a log.
    #[must_use]
    pub fn lines_of(&self, log: &LogName) -> Vec<Bytes> {
        self.logs
            .lock()
            .get(log)
            .map(|log| log.lines.clone())
            .unwrap_or_default()
    }

    /// The tails that were set aside, in order.
    #[must_use]
    pub fn set_aside(&self, log: &LogName) -> Vec<Bytes> {
        self.logs
            .lock()
            .get(log)
            .map(|log| log.aside.clone())
            .unwrap_or_default()
    }

    /// The bytes behind the last line feed; `None` when there are none.
    #[must_use]
    pub fn tail_of(&self, log: &LogName) -> Option<Bytes> {
        let logs = self.logs.lock();
        let tail = &logs.get(log)?.tail;
        (!tail.is_empty()).then(|| Bytes::copy_from_slice(tail))
    }

    /// Throws away what was set aside.
    pub fn lose_set_aside(&self, log: &LogName) {
        if let Some(log) = self.logs.lock().get_mut(log) {
            log.aside.clear();
        }
    }

    /// Puts other lines in the place of a log's, as a meddler would.
    pub fn rewrite(&self, log: &LogName, lines: Vec<Bytes>) {
        self.logs.lock().entry(log.clone()).or_default().lines = lines;
    }
}

impl fmt::Display for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory log")
    }
}

#[async_trait]
impl LogStore for MemoryLog {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        Ok(self.logs.lock().get(log).map_or(LogHead::EMPTY, Log::head))
    }

    async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead> {
        if line.is_empty() || line.contains(&b'\n') {
            return Err(Error::misuse(format!(
                "{log}: a line of {} bytes is empty or has a line feed",
                line.len()
            )));
        }
        let mut logs = self.logs.lock();
        let known = logs.entry(log.clone()).or_default();
        if !known.tail.is_empty() {
            return Err(Error::Precondition {
                object: log.to_string(),
                expected: "complete lines".into(),
                actual: format!("{} bytes behind the last line feed", known.tail.len()),
            });
        }
        let head = known.head();
        if head != *after {
            return Err(Error::Precondition {
                object: log.to_string(),
                expected: after.to_string(),
                actual: head.to_string(),
            });
        }
        known.lines.push(Bytes::copy_from_slice(line));
        Ok(head.after(line))
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        Box::pin(stream::iter(self.lines_of(log).into_iter().skip(skip).map(Ok)))
    }

    async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>> {
        let mut logs = self.logs.lock();
        let Some(log) = logs.get_mut(log).filter(|log| !log.tail.is_empty()) else {
            return Ok(None);
        };
        let tail = Bytes::from(std::mem::take(&mut log.tail));
        log.aside.push(tail.clone());
        Ok(Some(tail))
    }
}
