//! Sixteen chunks on their way through one thread, a slice of each at a time.

use std::{
    num::NonZeroU64,
    ops::Range,
    sync::LazyLock,
    time::{Duration, Instant},
};

use crate::{
    Error, ImageAt, Result,
    backend::{INITIAL, State, Strand, compress_strands, kernels},
    sha256::Sha256,
    zeros::is_zero,
};

/// As many as the widest kernel takes.
pub(super) const LANES: usize = 16;

/// What is read of a chunk at a time: a call for each weighs little, and sixteen of them still lie near the core when
/// they are hashed.
const SLICE_BYTES: usize = 64 << 10;

/// Slices that begin at equal distances of a power of two share one set of the first cache level, which holds eight of
/// the sixteen. This much more than that distance puts each into another.
const SKEW_BYTES: usize = 320;

/// States after zeros, from the start: one for each number of slices that a chunk of the usual size has.
static AFTER_ZERO_SLICES: LazyLock<Vec<State>> = LazyLock::new(|| {
    let mut state = INITIAL;
    let slices = crate::CHUNK_BYTES / SLICE_BYTES as u64;
    let states = (0..slices).map(|_| {
        let before = state;
        kernels().compress_zeros(&mut [&mut state], (SLICE_BYTES / 64) as u64);
        before
    });
    states.collect()
});

/// Slices of sixteen chunks that take longer to read than this come from a device, and not from memory: 1 MiB at 2 GB/s.
const FROM_MEMORY: Duration = Duration::from_micros(500);

/// For so many slices a device is told beforehand what is read, once reading was that slow: telling is not free, and what
/// was told of is read as from memory.
const TOLD_SLICES: u32 = 256;

/// How far ahead of a chunk's slice: sixteen times this is what a device has in hand for each thread.
const AHEAD_BYTES: u64 = 512 << 10;

/// A thread's buffer.
#[derive(Debug)]
pub(super) struct Slots {
    bytes: Vec<u8>,
    /// For how many more slices the image is told what will be read.
    tells: u32,
}

/// One chunk.
struct Lane {
    range: Range<u64>,
    sha: Sha256,
    /// Bytes at the start that were read and are zero, while nothing else has come.
    zero_bytes: u64,
    only_zeros: bool,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; LANES * (SLICE_BYTES + SKEW_BYTES)],
            tells: 0,
        }
    }

    /// The digests of at most [`LANES`] chunks. `goes_on` is asked before every slice; none if it says no.
    pub(super) fn hash(
        &mut self,
        image: &impl ImageAt,
        chunks: &[Range<u64>],
        (chunk_bytes, zero_digest): (NonZeroU64, [u8; 32]),
        goes_on: impl Fn() -> bool,
    ) -> Result<Option<Vec<[u8; 32]>>> {
        let mut lanes: Vec<Lane> = chunks.iter().cloned().map(Lane::new).collect();
        let longest_bytes = chunks
            .iter()
            .map(|chunk| chunk.end - chunk.start)
            .max()
            .unwrap_or(0);
        let mut at_bytes = 0;
        while at_bytes < longest_bytes {
            if !goes_on() {
                return Ok(None);
            }
            self.tell(image, &lanes, at_bytes);
            self.hash_slices(image, &mut lanes, at_bytes)?;
            at_bytes += SLICE_BYTES as u64;
        }
        let digests = lanes
            .into_iter()
            .map(|lane| lane.finish(chunk_bytes, zero_digest));
        Ok(Some(digests.collect()))
    }

    /// Tells the image which slices of the chunks are read soon, where its device has been slow.
    fn tell(&mut self, image: &impl ImageAt, lanes: &[Lane], at_bytes: u64) {
        if self.tells == 0 || !at_bytes.is_multiple_of(AHEAD_BYTES) {
            return;
        }
        // At the start of chunks the first part too, of which nothing was told.
        let from_bytes = if at_bytes == 0 { 0 } else { at_bytes + AHEAD_BYTES };
        for lane in lanes {
            let start_bytes = lane.range.start.saturating_add(from_bytes);
            let end_bytes = lane.range.start.saturating_add(at_bytes + 2 * AHEAD_BYTES);
            let end_bytes = end_bytes.min(lane.range.end);
            if start_bytes < end_bytes {
                image.will_read(start_bytes..end_bytes);
            }
        }
    }

    /// Reads and hashes the slice of each chunk that begins so many bytes after its start.
    fn hash_slices(&mut self, image: &impl ImageAt, lanes: &mut [Lane], at_bytes: u64) -> Result<()> {
        let slots = self.bytes.chunks_mut(SLICE_BYTES + SKEW_BYTES);
        let (mut strands, mut tails) = (Vec::with_capacity(LANES), Vec::new());
        let begun = Instant::now();
        for (lane, slot) in lanes.iter_mut().zip(slots) {
            let start_bytes = lane.range.start.saturating_add(at_bytes);
            let length_bytes = lane.range.end.saturating_sub(start_bytes).min(SLICE_BYTES as u64);
            let slice = slot
                .split_at_mut(usize::try_from(length_bytes).unwrap_or(SLICE_BYTES))
                .0;
            if slice.is_empty() {
                continue;
            }
            let read = image.read_exact_at(slice, start_bytes);
            read.map_err(|source| Error::Read {
                at_bytes: start_bytes,
                source,
            })?;
            if lane.only_zeros && is_zero(slice) {
                lane.zero_bytes += length_bytes;
                continue;
            }
            lane.catch_up();
            let (blocks, tail) = slice.as_chunks();
            lane.sha.took_blocks(blocks.len() as u64);
            if tail.is_empty() {
                strands.push(Strand {
                    state: lane.sha.state_mut(),
                    blocks,
                });
            } else {
                // The last chunk: its blocks first, then what is left.
                tails.push((lane, blocks, tail));
            }
        }
        let is_slow = begun.elapsed() > FROM_MEMORY;
        self.tells = if is_slow {
            TOLD_SLICES
        } else {
            self.tells.saturating_sub(1)
        };
        strands.extend(tails.iter_mut().map(|(lane, blocks, _)| Strand {
            state: lane.sha.state_mut(),
            blocks,
        }));
        compress_strands(kernels(), &mut strands);
        for (lane, _, tail) in tails {
            lane.sha.update(tail);
        }
        Ok(())
    }
}

impl Lane {
    fn new(range: Range<u64>) -> Self {
        Self {
            range,
            sha: Sha256::default(),
            zero_bytes: 0,
            only_zeros: true,
        }
    }

    /// Takes in the zeros that were skipped.
    fn catch_up(&mut self) {
        if std::mem::replace(&mut self.only_zeros, false) && self.zero_bytes > 0 {
            let slices = usize::try_from(self.zero_bytes / SLICE_BYTES as u64).unwrap_or(usize::MAX);
            let known = AFTER_ZERO_SLICES.get(slices);
            match known.filter(|_| self.zero_bytes.is_multiple_of(SLICE_BYTES as u64)) {
                Some(state) => self.sha = Sha256::resumed(*state, self.zero_bytes, &[]),
                None => self.sha.update_zeros(self.zero_bytes),
            }
        }
    }

    fn finish(mut self, chunk_bytes: NonZeroU64, zero_digest: [u8; 32]) -> [u8; 32] {
        if self.only_zeros && self.zero_bytes == chunk_bytes.get() {
            return zero_digest;
        }
        self.catch_up();
        self.sha.finish()
    }
}
