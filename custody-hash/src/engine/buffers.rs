//! What a pass reads into, and how much of it there is at most.

use bytes::{Bytes, BytesMut};

use crate::{Piece, image_hash::COPIED_BELOW_BYTES};

/// Large enough that handing it over costs nothing, small enough that it is still cached when it is hashed.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// Buffers of one pass, as long as what is read into them.
///
/// What is lent counts as in flight, byte for byte, so that an image of many small extents cannot hold a MiB for each
/// of them. Those that came back are kept for reads of the same length, as far as all together stay within the bytes
/// in flight: at no time are there more than these and the one that is being filled.
pub(super) struct Buffers {
    /// All that there are but the one being filled. One came back when nobody else has a part of it.
    known: Vec<Bytes>,
    limit_bytes: u64,
}

impl Buffers {
    /// For a pass that may have so many bytes in flight.
    pub(super) fn new(in_flight_bytes: u64) -> Self {
        Self {
            known: Vec::new(),
            limit_bytes: in_flight_bytes,
        }
    }

    /// A buffer for a read of that length, at most [`BUFFER_BYTES`]; it may be longer.
    pub(super) fn take(&mut self, length: usize) -> BytesMut {
        // A small piece is copied when it is pushed, and so needs no buffer of its own length.
        let small = (length as u64) < COPIED_BELOW_BYTES;
        let length = if small { BUFFER_BYTES } else { length };
        let idle = |buffer: &Bytes| buffer.len() == length && buffer.is_unique();
        let idle = self.known.iter().position(idle);
        if let Some(Ok(buffer)) = idle.map(|at| self.known.swap_remove(at).try_into_mut()) {
            return buffer;
        }
        if self.bytes() + length as u64 > self.limit_bytes {
            self.known.retain(|buffer| !buffer.is_unique());
        }
        let buffer = BytesMut::zeroed(length);
        #[cfg(test)]
        peak::note(self.bytes() + length as u64);
        buffer
    }

    /// Hands on what was filled of a buffer.
    pub(super) fn lend(&mut self, buffer: BytesMut, filled: usize) -> Piece {
        let buffer = buffer.freeze();
        let piece = buffer.slice(..filled);
        self.known.push(buffer);
        Piece::Data(piece)
    }

    fn bytes(&self) -> u64 {
        self.known.iter().map(|buffer| buffer.len() as u64).sum()
    }
}

/// The most bytes of buffers that passes on this thread had.
#[cfg(test)]
mod peak {
    use std::cell::Cell;

    thread_local! { static PEAK: Cell<u64> = const { Cell::new(0) }; }

    pub(super) fn note(bytes: u64) {
        PEAK.set(PEAK.get().max(bytes));
    }

    pub(super) fn take() -> u64 {
        PEAK.take()
    }
}

#[cfg(test)]
mod tests;
