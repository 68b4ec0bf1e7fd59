//! One pass over a source: read, hash, write the copy and the chunk list, note what was not read.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};

use super::chunk_list::ChunkListWriter;
use super::extent_lists::ExtentLists;
use super::granted_source::GrantedSource;
use super::pieces::{Pieces, zero_spans};
use super::rereading::Unsettled;
use crate::custody_log::{AcquisitionSettings, FOOTER_BYTES, Footers, ReadScope, SealedObject};
use crate::digest::{DiskData, ImageDigests};
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, Span};
use crate::ids::{EvidenceItemId, Segment};
use crate::port::{Deposit, HashOptions, Progress, ProgressPhase, Receipt};
use crate::ports::Ports;
use crate::service::Acted;

/// How many reads are under way at once, so that reading, hashing and writing overlap.
pub(super) const READS_AHEAD: usize = 4;
/// A source to be streamed.
#[derive(Debug)]
pub(super) struct SourceStream<'a, 's> {
    pub(super) item: EvidenceItemId,
    pub(super) name: String,
    pub(super) source: GrantedSource<'s>,
    pub(super) data: &'a DiskData,
    pub(super) sector_bytes: u32,
    pub(super) settings: &'a AcquisitionSettings,
    pub(super) ports: &'a Ports,
    /// Whether the copy that the sink's service makes came to nothing.
    pub(super) copy_failed: &'a AtomicBool,
}

/// The footer of a copy that the sink's service makes: known once the service has made it.
pub(super) struct StoredFooter<'a> {
    /// Where it begins, on both sides.
    pub(super) at: u64,
    pub(super) bytes: BoxFuture<'a, Result<[u8; FOOTER_BYTES]>>,
}

/// What a pass over a source gave.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) digests: ImageDigests,
    pub(super) footers: Option<Footers>,
    /// What the sink said of the copy, when it was written here.
    pub(super) receipt: Option<Acted<Receipt>>,
    pub(super) chunk_list: SealedObject,
    pub(super) lists: ExtentLists,
    pub(super) anomalies: Vec<String>,
}

/// What came of the pass itself.
struct Pass {
    digests: ImageDigests,
    lists: ExtentLists,
    anomalies: Vec<String>,
    footers: Option<Footers>,
}

impl SourceStream<'_, '_> {
    /// Streams the whole source. What was begun in the sink is committed, or aborted.
    pub(super) async fn run(
        self,
        mut deposit: Option<Box<dyn Deposit>>,
        list_deposit: Option<Box<dyn Deposit>>,
        list: &Segment,
        stored_footer: Option<StoredFooter<'_>>,
    ) -> Result<Streamed> {
        let mut list = ChunkListWriter::new(list.clone(), list_deposit);
        let passed = self.pass(&mut deposit, &mut list, stored_footer).await;
        self.source.settle().await;
        match passed {
            Ok(Pass {
                digests,
                lists,
                anomalies,
                footers,
            }) => {
                // The copy first: a list without its copy would be of nothing.
                let receipt = match deposit {
                    Some(deposit) => match deposit.commit().await {
                        Ok(acted) => Some(acted),
                        Err(error) => {
                            list.abort().await;
                            return Err(error);
                        }
                    },
                    None => None,
                };
                let chunk_list = list.commit().await?;
                Ok(Streamed {
                    digests,
                    footers,
                    receipt,
                    chunk_list,
                    lists,
                    anomalies,
                })
            }
            Err(error) => {
                // The first failure is the one that is told; what cannot be taken back shows in the sink's state.
                if let Some(deposit) = deposit {
                    drop(deposit.abort().await);
                }
                list.abort().await;
                Err(error)
            }
        }
    }

    async fn pass(
        &self,
        deposit: &mut Option<Box<dyn Deposit>>,
        list: &mut ChunkListWriter,
        stored_footer: Option<StoredFooter<'_>>,
    ) -> Result<Pass> {
        let length = self.source.image().length();
        let options = HashOptions::default()
            .with_whole(self.settings.whole)
            .with_data_length(self.data.length(length))
            .with_side(self.settings.side_digests.clone());
        let mut hash = self.ports.hasher.start(length, options)?;
        let mut lists = ExtentLists::new(self.sector_bytes);
        let mut anomalies = Vec::new();
        let mut unsettled = Unsettled::default();
        let mut next = 0;
        let streamed = stored_footer.as_ref().map_or(length, |footer| footer.at);
        let mut reads = self.extents(streamed, &mut anomalies).await;
        while let Some(extents) = reads.try_next().await? {
            if self.ports.stop.is_stopped() || self.copy_failed.load(Ordering::Relaxed) {
                return Err(Error::Stopped {
                    object: self.name.clone(),
                });
            }
            for extent in extents {
                let range = extent.range();
                if range.start() != next {
                    return Err(Error::misuse(format!(
                        "{}: answered {range} where byte {next} was due",
                        self.source
                    )));
                }
                next = range.end();
                lists.note(&self.source, &extent)?;
                let hashed = hash.push(extent.clone());
                let runs = match deposit {
                    Some(deposit) => {
                        let given = self.give(deposit.as_mut(), &mut unsettled, extent);
                        futures::try_join!(hashed, given)?.0
                    }
                    None => hashed.await?,
                };
                list.write(&runs).await?;
            }
            self.report(next, length);
        }
        drop(reads);
        if unsettled.reread() > 0 {
            anomalies.push(format!(
                "{}: {} bytes were read a second time, because they were lost on their way to the store; they were those \
                 of the first reading",
                self.name,
                unsettled.reread()
            ));
        }
        let footers = match stored_footer {
            Some(stored) => {
                let (footers, bytes) = self.footers(stored, &mut anomalies).await?;
                let at = next;
                next += bytes.len() as u64;
                list.write(&hash.push(Extent::Data { at, bytes }).await?).await?;
                self.report(next, length);
                Some(footers)
            }
            None => None,
        };
        let (runs, digests) = hash.finish().await?;
        list.write(&runs).await?;
        if next != length || digests.length.bytes() != length {
            return Err(Error::misuse(format!(
                "{}: {next} of {length} bytes were passed on",
                self.source
            )));
        }
        Ok(Pass {
            digests,
            lists,
            anomalies,
            footers,
        })
    }

    fn report(&self, done: u64, total: u64) {
        let (item, name) = (self.item.clone(), self.name.clone());
        let progress = Progress::new(ProgressPhase::Acquire, item, name, done, total);
        self.ports.progress.progress(&progress);
    }

    /// The footers of both sides, and the one that the stored copy must end with: its own, when it is the source's but
    /// for what a service writes anew; else the source's, and reading back will name the difference.
    async fn footers(
        &self,
        stored: StoredFooter<'_>,
        anomalies: &mut Vec<String>,
    ) -> Result<(Footers, Bytes)> {
        let of_source = self.source.footer(stored.at).await?;
        let of_copy = stored.bytes.await?;
        let footers = Footers::new(&of_source, &of_copy);
        let differences = footers.differences().unwrap_or_default();
        if differences.is_empty() || !footers.only_renewed() {
            return Ok((footers, Bytes::copy_from_slice(&of_source)));
        }
        anomalies.push(format!(
            "{}: the VHD footer of the stored copy differs from the source's in {}: the service wrote it anew; the disk's \
             data are compared apart from it",
            self.name,
            differences.join(", ")
        ));
        Ok((footers, Bytes::copy_from_slice(&of_copy)))
    }

    /// The extents of the source in order, a few reads ahead.
    async fn extents<'s>(
        &'s self,
        length: u64,
        anomalies: &mut Vec<String>,
    ) -> BoxStream<'s, Result<Vec<Extent>>> {
        let whole = ByteRange::at(0, length);
        let spans = if self.settings.reads == ReadScope::Everything {
            Vec::new()
        } else {
            match zero_spans(self.source.image(), whole).await {
                Ok(spans) => spans,
                Err(error) => {
                    anomalies.push(format!(
                        "{error}: holes could not be told, so everything was read"
                    ));
                    Vec::new()
                }
            }
        };
        let source = &self.source;
        futures::stream::iter(Pieces::new(whole, spans))
            .map(move |span| async move {
                match span {
                    Span::Data(range) => source.read(range).await,
                    Span::Zero(range, word) => Ok(vec![Extent::Zero { range, word }]),
                }
            })
            .buffered(READS_AHEAD)
            .boxed()
    }
}
