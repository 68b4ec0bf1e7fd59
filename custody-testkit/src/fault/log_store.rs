use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::digest::Sha256Digest;
use custody_core::port::{LogHead, LogName, LogStore};
use custody_core::{Error, Result};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::fake::MemoryLog;
use crate::shared::Shared;

/// How a [`FaultyLog`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFault {
    /// An appended line is kept in a buffer until the next call.
    KeepsTheLastLineInABuffer,
    /// Of the head, only the size is compared.
    ComparesOnlyTheSize,
    /// A torn tail is read as the last line.
    ReadsTheTornTail,
    /// A torn tail is thrown away rather than kept.
    ThrowsTheTailAway,
    /// A line is appended right behind a torn tail.
    AppendsBehindATornTail,
    /// An append to the register costs every other log its first line.
    RegisterCutsOtherLogs,
    /// The head of a log that was never written is the digest of nothing.
    UnwrittenHasADigest,
    /// An empty line is taken.
    TakesEmptyLines,
}

/// A log store with one fault.
#[derive(Debug)]
pub struct FaultyLog {
    inner: MemoryLog,
    fault: LogFault,
    buffer: Shared<Option<(LogName, Bytes)>>,
}

impl FaultyLog {
    /// This log store with this fault.
    #[must_use]
    pub fn new(inner: MemoryLog, fault: LogFault) -> Self {
        Self {
            inner,
            fault,
            buffer: Shared::default(),
        }
    }

    /// Writes what is in the buffer: before any call but the one that filled it.
    fn flush(&self) {
        if let Some((log, line)) = self.buffer.lock().take() {
            let mut lines = self.inner.lines_of(&log);
            lines.push(line);
            self.inner.rewrite(&log, lines);
        }
    }

    fn buffer(&self, log: &LogName, line: &[u8]) {
        let mut lines = self.inner.lines_of(log);
        lines.pop();
        self.inner.rewrite(log, lines);
        *self.buffer.lock() = Some((log.clone(), Bytes::copy_from_slice(line)));
    }

    async fn append_anyway(&self, log: &LogName, line: &[u8]) -> Result<LogHead> {
        let head = self.inner.head(log).await?;
        let mut lines = self.inner.lines_of(log);
        lines.push(Bytes::copy_from_slice(line));
        self.inner.rewrite(log, lines);
        Ok(head.after(line))
    }

    fn cut_other_logs(&self) {
        for name in self
            .inner
            .names()
            .into_iter()
            .filter(|name| *name != LogName::Register)
        {
            let lines = self.inner.lines_of(&name).into_iter().skip(1).collect();
            self.inner.rewrite(&name, lines);
        }
    }
}

/// The head of a log in which nothing is, to whoever digests that nothing.
fn digest_of_nothing() -> LogHead {
    LogHead::new(0, Sha256Digest::of(b""))
}

impl fmt::Display for FaultyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogStore for FaultyLog {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        self.flush();
        if self.fault == LogFault::UnwrittenHasADigest && !self.inner.names().contains(log) {
            return Ok(digest_of_nothing());
        }
        self.inner.head(log).await
    }

    async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead> {
        self.flush();
        let head = self.inner.head(log).await?;
        match self.fault {
            LogFault::UnwrittenHasADigest if *after == digest_of_nothing() => {
                self.inner.append(log, &LogHead::EMPTY, line).await
            }
            LogFault::ComparesOnlyTheSize if after.size == head.size => {
                self.inner.append(log, &head, line).await
            }
            LogFault::AppendsBehindATornTail if self.inner.tail_of(log).is_some() && *after == head => {
                self.append_anyway(log, line).await
            }
            LogFault::TakesEmptyLines if line.is_empty() => self.append_anyway(log, line).await,
            LogFault::KeepsTheLastLineInABuffer => {
                let head = self.inner.append(log, after, line).await?;
                self.buffer(log, line);
                Ok(head)
            }
            LogFault::RegisterCutsOtherLogs if *log == LogName::Register => {
                self.cut_other_logs();
                self.inner.append(log, after, line).await
            }
            _ => self.inner.append(log, after, line).await,
        }
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        self.flush();
        let lines = self.inner.lines(log, from);
        let tail = self
            .inner
            .tail_of(log)
            .filter(|_| self.fault == LogFault::ReadsTheTornTail);
        Box::pin(lines.chain(stream::iter(tail.map(Ok::<_, Error>))))
    }

    async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>> {
        self.flush();
        let tail = self.inner.set_aside_tail(log).await?;
        if self.fault == LogFault::ThrowsTheTailAway {
            self.inner.lose_set_aside(log);
        }
        Ok(tail)
    }
}
