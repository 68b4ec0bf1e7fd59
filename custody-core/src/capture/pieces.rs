//! An image cut into the reads that it is read by, and the holes between them.

use futures::TryStreamExt as _;

use super::extent_lists::ExtentLists;
use crate::error::{Error, Result};
use crate::extent::{ByteRange, Span};
use crate::port::ImageReader;

/// The bytes of one read.
pub(super) const READ_PIECE_BYTES: u64 = 2 * 1024 * 1024;
/// The longest zero extent that is passed on at once, so that progress and a stop are not far away.
const ZERO_PIECE_BYTES: u64 = 1024 * 1024 * 1024;

/// The shortest zero range that makes sense anywhere.
const SECTOR_BYTES: u64 = 512;

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
