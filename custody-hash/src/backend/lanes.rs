//! Several messages side by side.
#![expect(
    unsafe_code,
    reason = "kernels step through all lanes with one bound for all of them"
)]

use std::{fmt, marker::PhantomData};

use super::BLOCK_BYTES;

/// A chaining value: eight words, as FIPS 180-4 names them from a to h.
pub(crate) type State = [u32; 8];

/// What one compression takes in.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// The next blocks of `N` messages, the same number of each.
///
/// Invariant: `starts` each point to `blocks` blocks that live and do not change for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<'a, const N: usize> {
    starts: [*const Block; N],
    blocks: usize,
    messages: PhantomData<&'a [Block]>,
}

impl<'a, const N: usize> Lanes<'a, N> {
    /// As many blocks of each message as the shortest has.
    pub(crate) fn new(messages: [&'a [Block]; N]) -> Self {
        Self {
            starts: messages.map(<[Block]>::as_ptr),
            blocks: messages.iter().map(|message| message.len()).min().unwrap_or(0),
            messages: PhantomData,
        }
    }

    /// All blocks of the first message.
    pub(super) fn first(&self) -> &'a [Block] {
        // SAFETY: the invariant.
        unsafe { std::slice::from_raw_parts(self.starts[0], self.blocks) }
    }

    /// How many blocks there are of each message.
    #[inline(always)]
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// One block of one message.
    ///
    /// # Safety
    /// `at` is below [`blocks`](Self::blocks). (`lane` is checked.)
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "the lane is a constant where this is called"
    )]
    pub(super) unsafe fn block(&self, lane: usize, at: usize) -> &'a Block {
        debug_assert!(at < self.blocks, "block {at} of {}", self.blocks);
        // SAFETY: the caller keeps `at` below `blocks`, so by the invariant the block lives and does not change.
        unsafe { &*self.starts[lane].add(at) }
    }
}

impl<const N: usize> fmt::Debug for Lanes<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} lanes of {} blocks", self.blocks)
    }
}
