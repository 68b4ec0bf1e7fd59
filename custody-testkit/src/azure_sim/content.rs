use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

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

/// Bytes that follow from a seed.
#[derive(Debug)]
pub(crate) struct Pattern {
    length: u64,
    allocated: Vec<Range<u64>>,
    block: Bytes,
    seed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Layered {
    base: Content,
    length: u64,
    pieces: BTreeMap<u64, Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Data(Bytes),
    Cleared(u64),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Data(bytes) => bytes.len() as u64,
            Self::Cleared(length) => *length,
        }
    }

    fn part(&self, from: u64, to: u64) -> Self {
        match self {
            Self::Data(bytes) => Self::Data(bytes.slice(index(from)..index(to))),
            Self::Cleared(_) => Self::Cleared(to - from),
        }
    }
}

const PATTERN_BLOCK_BYTES: u64 = 64 * 1024;
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
        let allocated = super::host_file::data_ranges(&file, length)?;
        Ok(Self::File(Arc::new(HostFile {
            file,
            length,
            allocated,
        })))
    }

    /// Bytes from a seed in the ranges, zeros elsewhere.
    pub(crate) fn of_pattern(length: u64, seed: u64, allocated: Vec<Range<u64>>) -> Self {
        let mut block = BytesMut::with_capacity(index(PATTERN_BLOCK_BYTES));
        let mut state = seed ^ 0x9E37_79B9_7F4A_7C15;
        while (block.len() as u64) < PATTERN_BLOCK_BYTES {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            block.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        Self::Pattern(Arc::new(Pattern {
            length,
            allocated,
            block: block.freeze(),
            seed,
        }))
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
            let length = self.length();
            let base = std::mem::replace(self, Self::Zeros(0));
            *self = Self::Layered(Arc::new(Layered {
                base,
                length,
                pieces: BTreeMap::new(),
            }));
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
        super::host_file::read_at(&self.file, offset, &mut buffer)?;
        Ok(buffer.into())
    }
}

impl Pattern {
    fn piece(&self, offset: u64, most: u64) -> Bytes {
        const NUMBER_BYTES: u64 = 16;
        let (data, until) = stretch(&self.allocated, offset);
        let most = most.min(until - offset);
        if !data {
            return zeros(most);
        }
        // Each block begins with its number, so that no two are alike; what follows is shared.
        let within = offset % PATTERN_BLOCK_BYTES;
        if within < NUMBER_BYTES {
            let number = offset / PATTERN_BLOCK_BYTES;
            let mut head = self.seed.to_be_bytes().to_vec();
            head.extend_from_slice(&number.to_be_bytes());
            let to = NUMBER_BYTES.min(within + most);
            return Bytes::copy_from_slice(&head[index(within)..index(to)]);
        }
        self.block
            .slice(index(within)..index(PATTERN_BLOCK_BYTES.min(within + most)))
    }
}

impl Layered {
    fn put(&mut self, offset: u64, piece: Piece) {
        let end = offset + piece.length();
        self.length = self.length.max(end);
        let before = self.pieces.range(..offset).next_back().map(|(start, _)| *start);
        let within = self.pieces.range(offset..end).map(|(start, _)| *start);
        for start in before.into_iter().chain(within).collect::<Vec<_>>() {
            let old_end = start + self.pieces[&start].length();
            if old_end <= offset {
                continue;
            }
            let old = self.pieces.remove(&start).expect("listed above");
            if start < offset {
                self.pieces.insert(start, old.part(0, offset - start));
            }
            if old_end > end {
                self.pieces.insert(end, old.part(end - start, old_end - start));
            }
        }
        self.pieces.insert(offset, piece);
    }

    fn piece(&self, offset: u64, most: u64) -> io::Result<Bytes> {
        if let Some((start, piece)) = self.pieces.range(..=offset).next_back()
            && offset < start + piece.length()
        {
            let (from, to) = (offset - start, piece.length().min(offset - start + most));
            return Ok(match piece {
                Piece::Data(bytes) => bytes.slice(index(from)..index(to)),
                Piece::Cleared(_) => zeros(to - from),
            });
        }
        let until = self
            .pieces
            .range(offset..)
            .next()
            .map_or(u64::MAX, |(start, _)| *start);
        let most = most.min(until - offset);
        if offset >= self.base.length() {
            return Ok(zeros(most));
        }
        self.base.piece(offset, most)
    }

    fn allocated(&self) -> Vec<Range<u64>> {
        let mut found = Vec::new();
        let mut uncovered = 0;
        let base = self.base.allocated();
        let take_base = |from: u64, to: u64, found: &mut Vec<Range<u64>>| {
            let first = base.partition_point(|range| range.end <= from);
            for range in base[first..].iter().take_while(|range| range.start < to) {
                found.push(range.start.max(from)..range.end.min(to));
            }
        };
        for (start, piece) in &self.pieces {
            take_base(uncovered, *start, &mut found);
            uncovered = start + piece.length();
            if matches!(piece, Piece::Data(_)) {
                found.push(*start..uncovered);
            }
        }
        take_base(uncovered, u64::MAX, &mut found);
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_write_to_a_disk_leaves_its_snapshot_as_it_was() {
        let mut disk = Content::of_pattern(1 << 20, 7, vec![0..4096]);
        let snapshot = disk.clone();
        let before = snapshot.read(0..8192).unwrap();
        disk.write(512, Bytes::from_static(&[0xAA; 512]));
        disk.clear(0..512);
        assert_eq!(snapshot.read(0..8192).unwrap(), before);
        assert_eq!(disk.read(512..1024).unwrap(), [0xAA; 512][..]);
        assert_eq!(disk.allocated(), vec![512..4096]);
    }

    #[test]
    fn a_partly_copied_whole_reads_as_zeros_behind_what_is_done() {
        let whole = Arc::new(Content::of_pattern(8192, 1, vec![0..8192]));
        let partial = Content::Partial {
            whole: Arc::clone(&whole),
            done: 4096,
        };
        assert_eq!(partial.read(0..4096).unwrap(), whole.read(0..4096).unwrap());
        assert_eq!(partial.read(4096..8192).unwrap(), [0; 4096][..]);
        assert_eq!(partial.allocated(), vec![0..4096]);
    }

    #[test]
    fn four_tebibytes_of_nothing_cost_nothing() {
        let mut content = Content::Zeros(4 << 40);
        content.write((4 << 40) - 512, Bytes::from_static(&[1; 512]));
        assert_eq!(content.length(), 4 << 40);
        assert_eq!(content.allocated(), vec![(4 << 40) - 512..4 << 40]);
    }

    proptest! {
        #[test]
        fn layered_writes_read_like_a_plain_array(
            acts in prop::collection::vec((0_u16..64, 1_u16..16, any::<Option<u8>>()), 0..24)
        ) {
            let base = Content::of_pattern(64 * 512, 3, vec![1024..9000]);
            let mut plain = base.read(0..64 * 512).unwrap().to_vec();
            let mut content = base;
            for (start, count, value) in acts {
                let from = u64::from(start) * 512;
                let to = (from + u64::from(count) * 512).min(64 * 512);
                match value {
                    Some(byte) => content.write(from, vec![byte; index(to - from)].into()),
                    None => content.clear(from..to),
                }
                plain[index(from)..index(to)].fill(value.unwrap_or(0));
            }
            prop_assert_eq!(&content.read(0..64 * 512).unwrap()[..], &plain[..]);
            let allocated = content.allocated();
            for (at, byte) in plain.iter().enumerate() {
                let listed = allocated.iter().any(|range| range.contains(&(at as u64)));
                prop_assert!(listed || *byte == 0);
            }
        }
    }
}
