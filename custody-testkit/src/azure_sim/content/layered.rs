use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::{Content, index, zeros};

/// Writes over a base.
#[derive(Clone, Debug)]
pub(crate) struct Layered {
    base: Content,
    pub(super) length: u64,
    pieces: BTreeMap<u64, Piece>,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
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

impl Layered {
    pub(super) fn over(base: Content) -> Self {
        Self {
            length: base.length(),
            base,
            pieces: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, offset: u64, piece: Piece) {
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

    pub(super) fn piece(&self, offset: u64, most: u64) -> io::Result<Bytes> {
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

    pub(super) fn allocated(&self) -> Vec<Range<u64>> {
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
