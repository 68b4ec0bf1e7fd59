use super::chunk_list::{ChunkLine, ChunkList, zero_chunk};
use super::finding::Finding;
use super::object::other_object;
use crate::custody_log::SealedObject;
use crate::digest::{CHUNK_BYTES, Sha256Digest};
use crate::error::Result;
use crate::extent::ByteRange;
use crate::ids::ObjectName;
use crate::port::ChunkRun;

/// How many ranges are named; all are counted.
const MAX_NAMED_RANGES: usize = 1000;
/// How many ranges are written out in a text.
const MAX_SHOWN_RANGES: usize = 8;

/// The chunks of a stored copy beside the lines of its stored chunk list.
#[derive(Debug)]
pub(super) struct ChunkComparison {
    object: ObjectName,
    sealed: SealedObject,
    list: ChunkList,
    item_bytes: u64,
    chunk: u64,
    /// Chunks that differ: the first ranges, neighbours joined, and how many chunks in all.
    ranges: Vec<ByteRange>,
    differing: u64,
    first_line: Option<(u64, Sha256Digest, ChunkLine)>,
}

/// What came of the comparison.
#[derive(Debug)]
pub(super) struct Compared {
    /// What is wrong with the list as an object.
    pub(super) list_fault: Option<Finding>,
    /// Ranges of the item in chunks that differ from the list.
    pub(super) ranges: Vec<ByteRange>,
    /// How many such chunks.
    pub(super) differing: u64,
    /// The first line that differs: its number, the digest of the chunk, what the line says.
    first_line: Option<(u64, Sha256Digest, ChunkLine)>,
    list: ObjectName,
}

impl ChunkComparison {
    pub(super) const fn new(
        object: ObjectName,
        sealed: SealedObject,
        list: ChunkList,
        item_bytes: u64,
    ) -> Self {
        Self {
            object,
            sealed,
            list,
            item_bytes,
            chunk: 0,
            ranges: Vec::new(),
            differing: 0,
            first_line: None,
        }
    }

    /// The list.
    pub(super) const fn object(&self) -> &ObjectName {
        &self.object
    }

    /// Takes chunk digests that became final. Chunks that have to do with what could not be read are passed over.
    pub(super) async fn take(&mut self, runs: &[ChunkRun], unreadable: &[ByteRange]) -> Result<()> {
        for run in runs {
            match run {
                ChunkRun::Data(digests) => {
                    for digest in digests {
                        self.chunk(digest, unreadable).await?;
                    }
                }
                ChunkRun::Zero { chunks } => {
                    for _ in 0..*chunks {
                        self.chunk(&zero_chunk(), unreadable).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn chunk(&mut self, found: &Sha256Digest, unreadable: &[ByteRange]) -> Result<()> {
        let line = self.list.next().await?;
        let start = self.chunk * CHUNK_BYTES;
        let range = ByteRange::at(start, CHUNK_BYTES.min(self.item_bytes.saturating_sub(start)));
        self.chunk += 1;
        let was_read = unreadable
            .iter()
            .rev()
            .take_while(|bad| bad.end() > range.start())
            .all(|bad| bad.intersect(range).is_none());
        if line == ChunkLine::Digest(*found) || !was_read {
            return Ok(());
        }
        self.differing += 1;
        self.first_line = self.first_line.or(Some((self.chunk, *found, line)));
        let room = self.ranges.len() < MAX_NAMED_RANGES;
        match self.ranges.last_mut() {
            Some(last) if last.end() == range.start() => {
                *last = ByteRange::at(last.start(), last.length() + range.length());
            }
            _ if room => self.ranges.push(range),
            _ => {}
        }
        Ok(())
    }

    /// Reads the rest of the list, and judges it as an object.
    pub(super) async fn finish(self) -> Result<Compared> {
        let length = self.list.length();
        let digest = self.list.digest().await?;
        Ok(Compared {
            list_fault: other_object(&self.object, &self.sealed, length, digest),
            ranges: self.ranges,
            differing: self.differing,
            first_line: self.first_line,
            list: self.object,
        })
    }
}

impl Compared {
    /// The ranges that differ, in words.
    pub(super) fn place(&self) -> String {
        let shown: Vec<String> = self
            .ranges
            .iter()
            .take(MAX_SHOWN_RANGES)
            .map(ToString::to_string)
            .collect();
        let more = if self.ranges.len() > MAX_SHOWN_RANGES {
            ", …"
        } else {
            ""
        };
        let chunks = if self.differing == 1 { "chunk" } else { "chunks" };
        format!(
            "bytes {}{more} ({} {chunks} of 4 MiB)",
            shown.join(", "),
            self.differing
        )
    }

    /// That the list is wrong where the item is not.
    pub(super) fn wrong_line(&self) -> Option<Finding> {
        let (line, digest, found) = self.first_line?;
        let found = match found {
            ChunkLine::Digest(other) => format!("{other}  -"),
            ChunkLine::Malformed => "something that is no line of a chunk list".into(),
            ChunkLine::Missing => "no line".into(),
        };
        let place = match self.differing {
            1 => format!("line {line}"),
            many => format!("line {line}, the first of {many}"),
        };
        Some(Finding::integrity(
            &self.list,
            place,
            format!("{digest}  -"),
            found,
        ))
    }
}
