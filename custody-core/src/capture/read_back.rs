//! Reading the stored copy back, and the verdict.

use futures::{StreamExt as _, TryStreamExt as _};

use super::chunk_list::{ChunkListReader, zero_chunk};
use super::copy::READS_AHEAD;
use super::item::Acquired;
use super::pieces::{Pieces, zero_spans};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure, ItemVerdict, ReadScope};
use crate::digest::{CHUNK_BYTES, Sha256Digest};
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, Span};
use crate::layout;
use crate::port::{ChunkRun, HashOptions, ImageReader, Progress, ProgressPhase, WholeImage};

/// How many differing ranges a verdict names; it counts all.
const MAX_NAMED_RANGES: usize = 1000;

impl Workflow<'_> {
    /// Compares a stored copy with what was read, and logs the verdict.
    pub(super) async fn judge(&self, acquired: Acquired) -> Result<()> {
        let item = acquired.snapshotted().planned.item.clone();
        let attempt = acquired.attempt();
        let changes = acquired.source_changes();
        self.note_what_reading_changed(&acquired).await?;
        let result = if changes.is_empty() {
            self.step(&format!("{item}: reading back {}", acquired.copy().file));
            self.read_back(&acquired).await
        } else {
            Ok((ItemVerdict::SourceChanged { changes }, 0))
        };
        match result {
            Ok((verdict, read_bytes)) => {
                let words = match &verdict {
                    ItemVerdict::Matched { .. } => "stored = what was read",
                    ItemVerdict::Mismatched { .. } => "the stored copy DIFFERS from what was read",
                    ItemVerdict::SourceChanged { .. } => "the source CHANGED while it was read",
                };
                let act = Act::ReadBackDone {
                    item: item.clone(),
                    attempt,
                    verdict,
                    read_bytes: read_bytes.into(),
                };
                self.journal().await.note(act).await?;
                self.step(&format!("{item}: {words}"));
                Ok(())
            }
            Err(error) => {
                let act = Act::ReadBackFailed {
                    item,
                    attempt,
                    failure: Failure::from(&error),
                };
                self.journal().await.note(act).await?;
                Err(error)
            }
        }
    }

    async fn note_what_reading_changed(&self, acquired: &Acquired) -> Result<()> {
        let (before, after) = (&acquired.snapshotted().state, &acquired.copy().state_after);
        for (name, before, after) in before.noted_changes_until(after) {
            let word = |value: Option<String>| value.unwrap_or_else(|| "nothing".into());
            let detail = format!("{name} was {} and is {} after reading", word(before), word(after));
            let item = Some(acquired.snapshotted().planned.item.clone());
            self.journal().await.note(Act::Anomaly { item, detail }).await?;
        }
        Ok(())
    }

    /// The verdict, and how many bytes were read for it.
    async fn read_back(&self, acquired: &Acquired) -> Result<(ItemVerdict, u64)> {
        let copy = acquired.copy();
        let stored = self.ports().reader.open(&self.object(&copy.file)).await?;
        let list_name = self.object(&copy.file.with_suffix(layout::CHUNK_LIST_SUFFIX));
        let list_image = self.ports().reader.open(&list_name).await?;
        if stored.length() != copy.source.length.bytes() {
            let shorter = stored.length().min(copy.source.length.bytes());
            let longer = stored.length().max(copy.source.length.bytes());
            let ranges = vec![ByteRange::new(shorter, longer)?];
            let chunks = super::acquire::image_chunks(longer - shorter);
            return Ok((ItemVerdict::Mismatched { ranges, chunks }, 0));
        }
        let mut list = ChunkListReader::new(list_name.to_string(), list_image.as_ref());
        let mut comparison = Comparison::default();
        let (root, read) = self
            .rehash(acquired, stored.as_ref(), &mut list, &mut comparison)
            .await?;
        if list.next().await?.is_some() || list.digest() != copy.chunk_list.sha256 {
            return Err(Error::Integrity {
                object: list_name.to_string(),
                place: "whole object".into(),
                expected: copy.chunk_list.sha256.to_string(),
                actual: "another chunk list".into(),
            });
        }
        if comparison.differing > 0 {
            let verdict = ItemVerdict::Mismatched {
                ranges: comparison.ranges,
                chunks: comparison.differing,
            };
            return Ok((verdict, read));
        }
        if root != copy.source.root {
            return Err(Error::misuse(format!(
                "{}: equal chunks gave two roots",
                self.ports().hasher
            )));
        }
        Ok((ItemVerdict::Matched { root }, read))
    }

    /// Digests the stored copy by chunks on all cores, comparing as they become final.
    async fn rehash(
        &self,
        acquired: &Acquired,
        stored: &dyn ImageReader,
        list: &mut ChunkListReader<'_>,
        comparison: &mut Comparison,
    ) -> Result<(Sha256Digest, u64)> {
        let length = stored.length();
        let options = HashOptions::default().with_whole(WholeImage::Omit);
        let mut hash = self.ports().hasher.start(length, options)?;
        let zeros = self.stored_zeros(stored).await?;
        let mut reads = futures::stream::iter(Pieces::new(ByteRange::at(0, length), zeros))
            .map(|span| async move {
                match span {
                    Span::Data(range) => stored.read(range).await,
                    Span::Zero(range, word) => Ok(vec![Extent::Zero { range, word }]),
                }
            })
            .buffered(READS_AHEAD);
        let planned = &acquired.snapshotted().planned;
        let (mut read, mut next) = (0, 0);
        while let Some(extents) = reads.try_next().await? {
            self.go_on(acquired.copy().file.as_str())?;
            for extent in extents {
                let range = extent.range();
                if range.start() != next {
                    return Err(Error::misuse(format!(
                        "{stored}: answered {range} where byte {next} was due"
                    )));
                }
                next = range.end();
                match &extent {
                    Extent::Data { .. } => read += range.length(),
                    Extent::Zero { .. } => {}
                    Extent::Unread { fault, .. } => {
                        let source = Some(fault.error.clone().into());
                        return Err(Error::Unreadable {
                            object: stored.to_string(),
                            range,
                            source,
                        });
                    }
                }
                comparison.take(&hash.push(extent).await?, list).await?;
                let name = acquired.copy().file.to_string();
                let progress = Progress::new(
                    ProgressPhase::ReadBack,
                    planned.item.clone(),
                    name,
                    range.end(),
                    length,
                );
                self.ports().progress.progress(&progress);
            }
        }
        if next != length {
            return Err(Error::misuse(format!(
                "{stored}: answered {next} of {length} bytes"
            )));
        }
        let (runs, digests) = hash.finish().await?;
        comparison.take(&runs, list).await?;
        Ok((digests.root, read))
    }

    /// The holes of the stored copy; none when everything is to be read.
    async fn stored_zeros(&self, stored: &dyn ImageReader) -> Result<Vec<Span>> {
        if self.state().await.opened.settings.reads == ReadScope::Everything {
            return Ok(Vec::new());
        }
        zero_spans(stored, ByteRange::at(0, stored.length())).await
    }
}

/// The chunks of a stored copy beside those of the list.
#[derive(Debug, Default)]
struct Comparison {
    chunk: u64,
    differing: u64,
    ranges: Vec<ByteRange>,
}

impl Comparison {
    async fn take(&mut self, runs: &[ChunkRun], list: &mut ChunkListReader<'_>) -> Result<()> {
        for run in runs {
            match run {
                ChunkRun::Data(digests) => {
                    for digest in digests {
                        self.chunk(digest, list).await?;
                    }
                }
                ChunkRun::Zero { chunks } => {
                    for _ in 0..*chunks {
                        self.chunk(&zero_chunk(), list).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn chunk(&mut self, found: &Sha256Digest, list: &mut ChunkListReader<'_>) -> Result<()> {
        if list.next().await?.as_ref() != Some(found) {
            self.differing += 1;
            let range = ByteRange::at(self.chunk * CHUNK_BYTES, CHUNK_BYTES);
            let full = self.ranges.len() >= MAX_NAMED_RANGES;
            match self.ranges.last_mut().filter(|last| last.end() == range.start()) {
                Some(last) => *last = ByteRange::at(last.start(), last.length() + CHUNK_BYTES),
                None if !full => self.ranges.push(range),
                None => {}
            }
        }
        self.chunk += 1;
        Ok(())
    }
}
