//! One pass over a source: read, hash, write the copy and the chunk list, note what was not read.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};

use super::chunk_list::ChunkListWriter;
use super::extent_lists::ExtentLists;
use super::granted_source::GrantedSource;
use super::rereading::Unsettled;
use crate::custody_log::{AcquisitionSettings, FOOTER_BYTES, Footers, ReadScope, SealedObject};
use crate::digest::{DiskData, ImageDigests};
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent, Span};
use crate::ids::{EvidenceItemId, Segment};
use crate::port::{Deposit, HashOptions, ImageReader, Progress, ProgressPhase, Receipt};
use crate::ports::Ports;
use crate::service::Acted;

/// The bytes of one read.
pub(super) const READ_PIECE_BYTES: u64 = 2 * 1024 * 1024;
/// How many reads are under way at once, so that reading, hashing and writing overlap.
pub(super) const READS_AHEAD: usize = 4;
/// The longest zero extent that is passed on at once, so that progress and a stop are not far away.
const ZERO_PIECE_BYTES: u64 = 1024 * 1024 * 1024;

/// The shortest zero range that makes sense anywhere.
const SECTOR_BYTES: u64 = 512;

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

/// The ranges of an image that somebody says are zero, in order; of more than memory allows for, the longest.
pub(super) async fn zero_spans(image: &dyn ImageReader, within: ByteRange) -> Result<Vec<Span>> {
    let mut spans = image.spans(within);
    let mut zeros = LongestZeros::default();
    let mut next = within.start();
    while let Some(span) = spans.try_next().await? {
        if span.range().start() != next {
            return Err(Error::misuse(format!(
                "{image}: span {} where {next} was due",
                span.range()
            )));
        }
        next = span.range().end();
        zeros.take(span);
    }
    if next != within.end() {
        return Err(Error::misuse(format!(
            "{image}: spans end at {next} of {}",
            within.end()
        )));
    }
    Ok(zeros.spans)
}

/// Zero spans as they are told, of which the shortest are let go, to be read, whenever there are too many.
#[derive(Debug, Default)]
struct LongestZeros {
    spans: Vec<Span>,
    /// Shorter ones are not taken any more.
    shortest: u64,
}

impl LongestZeros {
    fn take(&mut self, span: Span) {
        if !matches!(span, Span::Zero(..)) || span.range().length() < self.shortest {
            return;
        }
        self.spans.push(span);
        while self.spans.len() > ExtentLists::MAX_ZERO_RANGES {
            self.shortest = (self.shortest * 2).max(SECTOR_BYTES);
            self.spans.retain(|span| span.range().length() >= self.shortest);
        }
    }
}

/// A range cut into reads, with the zero spans left out of them.
#[derive(Debug)]
pub(super) struct Pieces {
    rest: ByteRange,
    zeros: std::iter::Peekable<std::vec::IntoIter<Span>>,
}

impl Pieces {
    pub(super) fn new(whole: ByteRange, zeros: Vec<Span>) -> Self {
        Self {
            rest: whole,
            zeros: zeros.into_iter().peekable(),
        }
    }
}

impl Iterator for Pieces {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.rest.start();
        while self.zeros.next_if(|zero| zero.range().end() <= at).is_some() {}
        let span = match self.zeros.peek() {
            Some(Span::Zero(zero, word)) if zero.start() <= at => {
                let length = (zero.end() - at).min(ZERO_PIECE_BYTES);
                Span::Zero(ByteRange::at(at, length), *word)
            }
            upcoming => {
                let limit = upcoming.map_or(self.rest.end(), |zero| zero.range().start());
                // Reads end on multiples of their size, so that both sides of a comparison read alike.
                let aligned = (at / READ_PIECE_BYTES + 1) * READ_PIECE_BYTES;
                let end = aligned.min(limit).min(self.rest.end());
                Span::Data(ByteRange::at(at, end - at))
            }
        };
        let end = span.range().end();
        self.rest = ByteRange::at(end, self.rest.end() - end);
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::ZeroWord;

    #[test]
    fn of_too_many_zero_ranges_the_longest_are_kept_and_in_order() {
        let mut zeros = LongestZeros::default();
        let long = 1 << 20;
        for number in 0..3 * ExtentLists::MAX_ZERO_RANGES as u64 {
            let length = if number % 10 == 0 { long } else { 512 };
            let range = ByteRange::at(number * 2 * long, length);
            zeros.take(Span::Zero(range, ZeroWord::ServicePageList));
        }
        let kept: Vec<u64> = zeros.spans.iter().map(|span| span.range().length()).collect();
        assert_eq!(kept.len(), (3 * ExtentLists::MAX_ZERO_RANGES).div_ceil(10));
        assert!(kept.iter().all(|length| *length == long));
        assert!(zeros.spans.is_sorted_by_key(|span| span.range().start()));
    }

    #[test]
    fn pieces_cover_the_range_once_and_leave_the_zeros_unread() {
        let zero = |start, end| Span::Zero(ByteRange::at(start, end - start), ZeroWord::FileSystemHole);
        let whole = ByteRange::at(0, 9 * READ_PIECE_BYTES + 7);
        let zeros = vec![
            zero(0, 10),
            zero(100, READ_PIECE_BYTES * 3),
            zero(READ_PIECE_BYTES * 9, READ_PIECE_BYTES * 9 + 7),
        ];
        let pieces: Vec<Span> = Pieces::new(whole, zeros).collect();
        let mut next = 0;
        for piece in &pieces {
            assert_eq!(piece.range().start(), next);
            assert!(!piece.range().is_empty());
            next = piece.range().end();
        }
        assert_eq!(next, whole.end());
        let data: u64 = pieces
            .iter()
            .filter(|p| matches!(p, Span::Data(_)))
            .map(|p| p.range().length())
            .sum();
        assert_eq!(data, 90 + 6 * READ_PIECE_BYTES);
    }
}
