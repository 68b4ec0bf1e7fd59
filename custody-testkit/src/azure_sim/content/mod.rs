mod layered;
mod pattern;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use self::layered::{Layered, Piece};
use self::pattern::Pattern;

/// The bytes of a disk or a blob. Sparse: only what was written takes memory. Clones share what they hold, so a
/// snapshot of a disk costs nothing and later writes to the disk leave it as it was.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing was ever written.
    Zeros(u64),
    /// A file of the host, read as it is asked for.
    File(Arc<HostFile>),
    /// Reproducible bytes in some ranges, zeros in the others.
    Pattern(Arc<Pattern>),
    /// Parts, one behind the other.
    Joined(Arc<Vec<Content>>),
    /// The first `done` bytes of a whole that is being copied; the rest reads as zeros.
    Partial { whole: Arc<Content>, done: u64 },
    /// Writes over a base.
    Layered(Arc<Layered>),
}

/// A file of the host and the ranges in it that hold data.
#[derive(Debug)]
pub(crate) struct HostFile {
    file: File,
    length: u64,
    allocated: Vec<Range<u64>>,
}

const ZERO_BLOCK_BYTES: usize = 256 * 1024;
static ZERO_BLOCK: [u8; ZERO_BLOCK_BYTES] = [0; ZERO_BLOCK_BYTES];

/// A length in memory; what is held in memory fits.
pub(crate) fn index(length: u64) -> usize {
    usize::try_from(length).expect("fits in memory")
}

impl Content {
    /// Everything as given.
    pub(crate) fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let mut content = Self::Zeros(bytes.len() as u64);
        content.write(0, bytes);
        content
    }

    /// A file of the host. Holes of the file are holes of the content.
    pub(crate) fn of_file(path: &std::path::Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let allocated = crate::azure_sim::host_file::data_ranges(&file, length)?;
        Ok(Self::File(Arc::new(HostFile {
            file,
            length,
            allocated,
        })))
    }

    /// Bytes from a seed in the ranges, zeros elsewhere.
    pub(crate) fn of_pattern(length: u64, seed: u64, allocated: Vec<Range<u64>>) -> Self {
        Self::Pattern(Arc::new(Pattern::new(length, seed, allocated)))
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Zeros(length) => *length,
            Self::File(file) => file.length,
            Self::Pattern(pattern) => pattern.length,
            Self::Joined(parts) => parts.iter().map(Self::length).sum(),
            Self::Partial { whole, .. } => whole.length(),
            Self::Layered(layered) => layered.length,
        }
    }

    /// Some bytes from `offset` on: at least one and at most `most`, and never beyond the end.
    pub(crate) fn piece(&self, offset: u64, most: u64) -> io::Result<Bytes> {
        let most = most.min(self.length().saturating_sub(offset));
        if most == 0 {
            return Ok(Bytes::new());
        }
        match self {
            Self::Zeros(_) => Ok(zeros(most)),
            Self::File(file) => file.piece(offset, most),
            Self::Pattern(pattern) => Ok(pattern.piece(offset, most)),
            Self::Joined(parts) => {
                let mut start = 0;
                for part in parts.iter() {
                    let end = start + part.length();
                    if offset < end {
                        return part.piece(offset - start, most.min(end - offset));
                    }
                    start = end;
                }
                Ok(Bytes::new())
            }
            Self::Partial { whole, done } if offset < *done => whole.piece(offset, most.min(*done - offset)),
            Self::Partial { .. } => Ok(zeros(most)),
            Self::Layered(layered) => layered.piece(offset, most),
        }
    }

    /// All bytes of a range, in one piece of memory.
    pub(crate) fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let mut offset = range.start;
        let first = self.piece(offset, range.end - offset)?;
        if first.len() as u64 >= range.end.min(self.length()).saturating_sub(offset) {
            return Ok(first);
        }
        let mut all = BytesMut::from(&first[..]);
        offset += first.len() as u64;
        while offset < range.end.min(self.length()) {
            let piece = self.piece(offset, range.end - offset)?;
            offset += piece.len() as u64;
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// What was written, in order, without overlaps, neighbours joined.
    pub(crate) fn allocated(&self) -> Vec<Range<u64>> {
        let mut found = Vec::new();
        self.collect_allocated(0, &mut found);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in found {
            match joined.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        joined
    }

    fn collect_allocated(&self, shift: u64, found: &mut Vec<Range<u64>>) {
        let mut push = |range: &Range<u64>| found.push(range.start + shift..range.end + shift);
        match self {
            Self::Zeros(_) => {}
            Self::File(file) => file.allocated.iter().for_each(push),
            Self::Pattern(pattern) => pattern.allocated.iter().for_each(push),
            Self::Joined(parts) => {
                let mut start = shift;
                for part in parts.iter() {
                    part.collect_allocated(start, found);
                    start += part.length();
                }
            }
            Self::Partial { whole, done } => {
                for range in whole.allocated() {
                    if range.start < *done {
                        push(&(range.start..range.end.min(*done)));
                    }
                }
            }
            Self::Layered(layered) => layered.allocated().iter().for_each(push),
        }
    }

    /// Puts bytes at an offset; the content grows when they reach beyond its end.
    pub(crate) fn write(&mut self, offset: u64, bytes: Bytes) {
        if !bytes.is_empty() {
            self.layer().put(offset, Piece::Data(bytes));
        }
    }

    /// Makes a range as if it had never been written.
    pub(crate) fn clear(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.layer()
                .put(range.start, Piece::Cleared(range.end - range.start));
        }
    }

    fn layer(&mut self) -> &mut Layered {
        if !matches!(self, Self::Layered(_)) {
            let base = std::mem::replace(self, Self::Zeros(0));
            *self = Self::Layered(Arc::new(Layered::over(base)));
        }
        let Self::Layered(layered) = self else {
            panic!("made a layer above")
        };
        Arc::make_mut(layered)
    }
}

fn zeros(most: u64) -> Bytes {
    let length = usize::try_from(most)
        .unwrap_or(ZERO_BLOCK_BYTES)
        .min(ZERO_BLOCK_BYTES);
    Bytes::from_static(&ZERO_BLOCK[..length])
}

/// Whether an offset lies in one of the ranges, and how far that stays so.
fn stretch(ranges: &[Range<u64>], offset: u64) -> (bool, u64) {
    let next = ranges.partition_point(|range| range.end <= offset);
    match ranges.get(next) {
        Some(range) if range.start <= offset => (true, range.end),
        Some(range) => (false, range.start),
        None => (false, u64::MAX),
    }
}

impl HostFile {
    fn piece(&self, offset: u64, most: u64) -> io::Result<Bytes> {
        let (data, until) = stretch(&self.allocated, offset);
        let most = most.min(until - offset);
        if !data {
            return Ok(zeros(most));
        }
        let mut buffer = vec![
            0;
            usize::try_from(most)
                .unwrap_or(ZERO_BLOCK_BYTES)
                .min(ZERO_BLOCK_BYTES)
        ];
        crate::azure_sim::host_file::read_at(&self.file, offset, &mut buffer)?;
        Ok(buffer.into())
    }
}
