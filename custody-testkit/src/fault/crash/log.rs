use async_trait::async_trait;
use bytes::Bytes;
use custody_core::port::{LogAnchor, LogHead, LogName, LogStore};
use custody_core::{Acted, Result};
use futures::stream::BoxStream;

use super::Crashing;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogStore for Crashing<dyn LogStore> {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        self.gate.alive("log.head")?;
        self.inner.head(log).await
    }

    async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead> {
        self.gate
            .act("log.append", self.inner.append(log, after, line))
            .await
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        self.gate
            .alive_stream("log.lines", || self.inner.lines(log, from))
    }

    async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>> {
        self.gate
            .act("log.set_aside_tail", self.inner.set_aside_tail(log))
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogAnchor for Crashing<dyn LogAnchor> {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        self.gate.alive("anchor.head")?;
        self.inner.head(log).await
    }

    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        self.gate
            .act("anchor.append", self.inner.append(log, after, lines))
            .await
    }

    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let putting = self.inner.put_checkpoint(log, size, note);
        self.gate.act("anchor.put_checkpoint", putting).await
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        self.gate
            .alive_stream("anchor.lines", || self.inner.lines(log, from))
    }
}
