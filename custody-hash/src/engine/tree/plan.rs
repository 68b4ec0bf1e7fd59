//! Which chunks are read together, and which are holes.

use std::{io, num::NonZeroU64, ops::Range};

use super::slots::LANES;
use crate::{ImageAt, image_at::next_data};

/// Walks an image from its start to its end and deals it out in batches.
#[derive(Debug)]
pub(super) struct Plan {
    length_bytes: u64,
    chunk_bytes: NonZeroU64,
    at_bytes: u64,
    /// The data that was found last.
    data: Option<Range<u64>>,
}

/// Chunks that follow one another, of which at most [`LANES`] have to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Batch {
    pub(super) spans: Vec<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Full chunks that nobody reads.
    Hole { chunks: u64 },
    /// One chunk.
    Data(Range<u64>),
}

impl Plan {
    pub(super) fn new(length_bytes: u64, chunk_bytes: NonZeroU64) -> Self {
        Self {
            length_bytes,
            chunk_bytes,
            at_bytes: 0,
            data: None,
        }
    }

    pub(super) fn chunk_bytes(&self) -> NonZeroU64 {
        self.chunk_bytes
    }

    pub(super) fn at_bytes(&self) -> u64 {
        self.at_bytes
    }

    /// The next batch; none at the end.
    pub(super) fn next(&mut self, image: &impl ImageAt) -> io::Result<Option<Batch>> {
        let (mut batch, mut data) = (Batch::default(), 0);
        while self.at_bytes < self.length_bytes && data < LANES {
            let hole_chunks = self.hole_chunks(image)?;
            if hole_chunks > 0 {
                batch.spans.push(Span::Hole { chunks: hole_chunks });
                self.at_bytes += hole_chunks * self.chunk_bytes.get();
                continue;
            }
            let end_bytes = self
                .at_bytes
                .saturating_add(self.chunk_bytes.get())
                .min(self.length_bytes);
            batch.spans.push(Span::Data(self.at_bytes..end_bytes));
            (self.at_bytes, data) = (end_bytes, data + 1);
        }
        Ok((!batch.spans.is_empty()).then_some(batch))
    }

    /// How many full chunks from here on have no data. A last chunk that is shorter is read in any case.
    fn hole_chunks(&mut self, image: &impl ImageAt) -> io::Result<u64> {
        if self.data.as_ref().is_none_or(|data| data.end <= self.at_bytes) {
            let found = next_data(image, self.at_bytes)?;
            self.data = Some(found.unwrap_or(u64::MAX..u64::MAX));
        }
        let start_bytes = self.data.as_ref().map_or(self.at_bytes, |data| data.start);
        let hole_bytes = start_bytes.min(self.length_bytes).saturating_sub(self.at_bytes);
        Ok(hole_bytes / self.chunk_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MappedImage;

    #[test]
    fn holes_are_counted_and_data_is_dealt_out_in_order() {
        let image = MappedImage::new(Vec::new(), vec![25..26, 95..300]);
        let mut plan = Plan::new(305, NonZeroU64::new(10).unwrap());
        let first = plan.next(&image).unwrap().unwrap().spans;
        assert_eq!(first[0], Span::Hole { chunks: 2 });
        assert_eq!(first[1], Span::Data(20..30));
        assert_eq!(first[2], Span::Hole { chunks: 6 });
        assert_eq!(first[3], Span::Data(90..100));
        assert_eq!(first.len(), LANES + 2);
        let second = plan.next(&image).unwrap().unwrap().spans;
        assert_eq!(
            second.last(),
            Some(&Span::Data(300..305)),
            "too short to be a hole"
        );
        assert_eq!(plan.next(&image).unwrap(), None);
    }

    #[test]
    fn nothing_but_a_hole_is_one_span() {
        let image = MappedImage::new(Vec::new(), Vec::new());
        let mut plan = Plan::new(1 << 60, NonZeroU64::new(4 << 20).unwrap());
        let batch = plan.next(&image).unwrap().unwrap();
        assert_eq!(batch.spans, [Span::Hole { chunks: 1 << 38 }]);
        assert_eq!(plan.next(&image).unwrap(), None);
    }
}
