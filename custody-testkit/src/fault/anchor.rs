use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::digest::Sha256Digest;
use custody_core::layout;
use custody_core::port::{LogAnchor, LogHead, LogName};
use custody_core::{Acted, Error, Result};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::fake::MemoryStore;
use crate::shared::Shared;

/// How a [`FaultyAnchor`] breaks its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorFault {
    /// Of the head, only the size is compared.
    ComparesOnlyTheSize,
    /// The head is compared with the one that this instance saw last.
    TrustsItsCache,
    /// The lines before a bad one are appended.
    AppendsUpToABadLine,
    /// Lines of an append that was cut short are read.
    ReadsWhatWasCutShort,
    /// Appending nothing empties the log.
    AppendOfNothingEmpties,
    /// A note takes the place of another one of the same size.
    ReplacesNotes,
    /// The same note again is refused.
    RefusesTheSameNote,
    /// Opening the storage again costs it its notes.
    ForgetsNotesWhenReopened,
    /// The head of a log that was never written is the digest of nothing.
    UnwrittenHasADigest,
}

/// An anchor with one fault.
#[derive(Debug)]
pub struct FaultyAnchor {
    inner: MemoryStore,
    fault: AnchorFault,
    cache: Shared<BTreeMap<LogName, LogHead>>,
}

impl FaultyAnchor {
    /// Opens this anchor with this fault.
    #[must_use]
    pub fn new(inner: MemoryStore, fault: AnchorFault) -> Self {
        if fault == AnchorFault::ForgetsNotesWhenReopened {
            let is_note =
                |name: &&custody_core::ids::ObjectName| layout::checkpoint_size(&name.file_name()).is_some();
            for note in inner.names().iter().filter(is_note) {
                inner.remove(note);
            }
        }
        Self {
            inner,
            fault,
            cache: Shared::default(),
        }
    }

    /// Appends behind whatever is there.
    async fn append_anyway(&self, log: &LogName, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        let head = self.inner.head(log).await?;
        self.inner.append(log, &head, lines).await
    }
}

impl fmt::Display for FaultyAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogAnchor for FaultyAnchor {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        let head = self.inner.head(log).await?;
        if self.fault == AnchorFault::UnwrittenHasADigest && head == LogHead::EMPTY {
            return Ok(LogHead::new(0, Sha256Digest::of(b"")));
        }
        Ok(head)
    }

    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        let head = self.inner.head(log).await?;
        match self.fault {
            AnchorFault::ComparesOnlyTheSize if after.size == head.size => {
                self.append_anyway(log, lines).await
            }
            AnchorFault::TrustsItsCache => {
                let cached = self.cache.lock().get(log).copied();
                let appended = if cached == Some(*after) {
                    self.append_anyway(log, lines).await?
                } else {
                    self.inner.append(log, after, lines).await?
                };
                self.cache.lock().insert(log.clone(), appended.value);
                Ok(appended)
            }
            AnchorFault::AppendsUpToABadLine => {
                let good = lines.iter().take_while(|line| !line.contains(&b'\n')).count();
                if good < lines.len() && *after == head {
                    self.inner
                        .append(log, after, lines.get(..good).unwrap_or_default())
                        .await?;
                }
                self.inner.append(log, after, lines).await
            }
            AnchorFault::AppendOfNothingEmpties if lines.is_empty() => {
                self.inner.replace(&layout::log(log), [])?;
                Ok(Acted::local(head))
            }
            _ => self.inner.append(log, after, lines).await,
        }
    }

    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let name = layout::checkpoint(log, size);
        match self.fault {
            AnchorFault::ReplacesNotes => self.inner.remove(&name),
            AnchorFault::RefusesTheSameNote if self.inner.bytes(&name).is_some() => {
                return Err(Error::AlreadyExists {
                    object: name.to_string(),
                });
            }
            _ => {}
        }
        self.inner.put_checkpoint(log, size, note).await
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let lines = self.inner.lines(log, from);
        let cut_short = match self.fault {
            AnchorFault::ReadsWhatWasCutShort => self.inner.interrupted(log),
            _ => None,
        };
        let cut_short = cut_short.unwrap_or_default();
        let more: Vec<Result<Bytes>> = cut_short
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| Ok(cut_short.slice_ref(line)))
            .collect();
        Box::pin(lines.chain(stream::iter(more)))
    }
}
