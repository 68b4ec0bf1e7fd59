use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{index, stretch, zeros};

const PATTERN_BLOCK_BYTES: u64 = 64 * 1024;

/// Bytes that follow from a seed.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(super) length: u64,
    pub(super) allocated: Vec<Range<u64>>,
    block: Bytes,
    seed: u64,
}

impl Pattern {
    pub(super) fn new(length: u64, seed: u64, allocated: Vec<Range<u64>>) -> Self {
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
        Self {
            length,
            allocated,
            block: block.freeze(),
            seed,
        }
    }

    pub(super) fn piece(&self, offset: u64, most: u64) -> Bytes {
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
