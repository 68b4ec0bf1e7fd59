use std::sync::Arc;

use futures::TryStreamExt as _;

use super::Verifier;
use super::chunk_comparison::ChunkComparison;
use super::finding::Finding;
use super::stored_bytes::{first_byte_set, stored_bytes};
use super::zero_ranges::ZeroRanges;
use crate::digest::ImageDigests;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Extent};
use crate::ids::ObjectName;
use crate::manifest::ManifestItem;
use crate::port::{ChunkRun, HashOptions, ImageHash, ImageReader, Progress, ProgressPhase, WholeImage};

/// How many bytes that should be zero and are not are named.
const MAX_NAMED_BYTES: usize = 20;

/// One pass over a stored copy, with its chunk list and its list of zeros beside it.
#[derive(Debug)]
pub(super) struct Rehash<'a> {
    object: &'a ObjectName,
    item: &'a ManifestItem,
    reader: Arc<dyn ImageReader>,
    pub(super) chunks: Option<ChunkComparison>,
    pub(super) zeros: Option<ZeroRanges>,
    /// The recorded zeros that the pass is at.
    zero: Option<ByteRange>,
    /// What could not be read of the stored copy, neighbours joined.
    pub(super) unreadable: Vec<ByteRange>,
    pub(super) read_bytes: u64,
    pub(super) zero_bytes: u64,
    not_zero: usize,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Rehash<'a> {
    pub(super) const fn new(
        object: &'a ObjectName,
        item: &'a ManifestItem,
        reader: Arc<dyn ImageReader>,
        chunks: Option<ChunkComparison>,
        zeros: Option<ZeroRanges>,
    ) -> Self {
        Self {
            object,
            item,
            reader,
            chunks,
            zeros,
            zero: None,
            unreadable: Vec::new(),
            read_bytes: 0,
            zero_bytes: 0,
            not_zero: 0,
            findings: Vec::new(),
        }
    }

    /// Reads and digests all of it.
    pub(super) async fn run(&mut self, verifier: &Verifier) -> Result<ImageDigests> {
        let mut hash = self.start(verifier)?;
        let length = self.reader.length();
        if let Some(zeros) = &mut self.zeros {
            self.zero = zeros.next().await?;
        }
        let reader = self.reader.clone();
        let mut extents = stored_bytes(&reader, verifier.options.reads);
        while let Some(piece) = extents.try_next().await? {
            if verifier.options.stop.is_stopped() {
                return Err(Error::Stopped {
                    object: self.object.to_string(),
                });
            }
            let mut done = 0;
            for extent in piece {
                done = extent.range().end();
                self.look_at(&extent).await?;
                let runs = hash.push(extent).await?;
                self.compare(&runs).await;
            }
            verifier.options.progress.progress(&Progress::new(
                ProgressPhase::Verify,
                self.item.planned.item.clone(),
                self.item.file.to_string(),
                done,
                length,
            ));
        }
        let (runs, digests) = hash.finish().await?;
        self.compare(&runs).await;
        Ok(digests)
    }

    /// Starts the engine with every digest that the record has; one that the engine does not know is said so.
    fn start(&mut self, verifier: &Verifier) -> Result<Box<dyn ImageHash>> {
        let length = self.reader.length();
        let recorded = &self.item.source;
        let whole =
            recorded.stored_file.is_some() || recorded.disk_data.is_some() || !recorded.side.is_empty();
        let data = recorded.disk_data.and(self.item.data.length(length));
        let options = HashOptions::default()
            .with_whole(if whole {
                WholeImage::Digest
            } else {
                WholeImage::Omit
            })
            .with_data_length(data.map(|data| data.min(length)));
        let side: Vec<String> = recorded.side.keys().cloned().collect();
        match verifier.hasher.start(length, options.clone().with_side(side)) {
            Err(error) if matches!(error.meaning(), Error::Unsupported { .. }) => {
                let expected = "side digests that this program can compute";
                self.findings.push(Finding::could_not_check(
                    self.object,
                    "side digests",
                    expected,
                    error.to_string(),
                ));
                verifier.hasher.start(length, options)
            }
            other => other,
        }
    }

    async fn compare(&mut self, runs: &[ChunkRun]) {
        let Some(chunks) = &mut self.chunks else { return };
        if let Err(error) = chunks.take(runs, &self.unreadable).await {
            self.findings.push(Finding::of_error(chunks.object(), &error));
            self.chunks = None;
        }
    }

    /// Counts an extent, and checks that what the record calls zero is.
    async fn look_at(&mut self, extent: &Extent) -> Result<()> {
        match extent {
            Extent::Zero { range, .. } => self.zero_bytes += range.length(),
            Extent::Unread { range, .. } => match self.unreadable.last_mut() {
                Some(last) if last.end() == range.start() => {
                    *last = ByteRange::at(last.start(), last.length() + range.length());
                }
                _ => self.unreadable.push(*range),
            },
            Extent::Data { at, bytes } => {
                self.read_bytes += bytes.len() as u64;
                let unread = self.item.unread.ranges.iter().map(|unread| unread.range);
                let set = unread
                    .filter_map(|range| first_byte_set(*at, bytes, range))
                    .next();
                self.must_be_zero(
                    set,
                    "the record says that this could not be read and is zero in the copy",
                );
            }
        }
        self.pass_zeros(extent).await
    }

    /// Goes through the recorded zeros that this extent has to do with.
    async fn pass_zeros(&mut self, extent: &Extent) -> Result<()> {
        let end = extent.range().end();
        while let Some(zero) = self.zero.filter(|zero| zero.start() < end) {
            if let Extent::Data { at, bytes } = extent {
                let set = first_byte_set(*at, bytes, zero);
                self.must_be_zero(set, "the record says that this was zero and not read");
            }
            if zero.end() > end {
                break;
            }
            self.zero = match &mut self.zeros {
                Some(zeros) => zeros.next().await?,
                None => None,
            };
        }
        Ok(())
    }

    fn must_be_zero(&mut self, set: Option<u64>, why: &str) {
        let Some(byte) = set else { return };
        if self.not_zero < MAX_NAMED_BYTES {
            let expected = format!("zero: {why}");
            self.findings.push(Finding::integrity(
                self.object,
                format!("byte {byte}"),
                expected,
                "another byte",
            ));
        }
        self.not_zero += 1;
    }
}
