//! A SHA-256 state: buffering and padding around the backend's compression function.

use std::{fmt, slice};

use crate::backend::{BLOCK_BYTES, Block, INITIAL, Kernels, State, kernels};

/// Where the message length stands in the last block.
const LENGTH_AT: usize = BLOCK_BYTES - size_of::<u64>();

/// A SHA-256 in progress. Cloning it costs about a hundred bytes, which is how a prefix gets a digest of its own.
#[derive(Clone)]
pub(crate) struct Sha256 {
    state: State,
    /// The bytes that do not fill a block yet: the first `held` of it.
    block: Block,
    held: usize,
    length_bytes: u64,
    kernels: &'static Kernels,
}

impl Sha256 {
    /// The digest of one message.
    pub(crate) fn digest(message: &[u8]) -> [u8; 32] {
        let mut sha = Self::default();
        sha.update(message);
        sha.finish()
    }

    /// One that uses these kernels, whatever suits the processor best.
    pub(crate) fn with_kernels(kernels: &'static Kernels) -> Self {
        Self {
            state: INITIAL,
            block: [0; BLOCK_BYTES],
            held: 0,
            length_bytes: 0,
            kernels,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.length_bytes = self.length_bytes.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        if self.held > 0 {
            let free = self.block.split_at_mut(self.held).1;
            let (now, later) = rest.split_at(free.len().min(rest.len()));
            free.split_at_mut(now.len()).0.copy_from_slice(now);
            self.held += now.len();
            rest = later;
            if self.held < BLOCK_BYTES {
                return;
            }
            self.kernels
                .compress(&mut self.state, slice::from_ref(&self.block));
        }
        let (blocks, left) = rest.as_chunks();
        self.kernels.compress(&mut self.state, blocks);
        self.block.split_at_mut(left.len()).0.copy_from_slice(left);
        self.held = left.len();
    }

    /// Whether it stands between two blocks.
    pub(crate) fn is_at_block(&self) -> bool {
        self.held == 0
    }

    /// Whether nothing was taken in yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.length_bytes == 0
    }

    /// Bytes of the block at hand that are there.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The chaining value, for whoever takes blocks in together with others and then calls
    /// [`took_blocks`](Self::took_blocks). Only while it [stands between two blocks](Self::is_at_block).
    pub(crate) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    pub(crate) fn took_blocks(&mut self, blocks: u64) {
        self.length_bytes = self.length_bytes.wrapping_add(blocks * BLOCK_BYTES as u64);
    }

    pub(crate) fn kernels(&self) -> &'static Kernels {
        self.kernels
    }

    pub(crate) fn update_zeros(&mut self, length_bytes: u64) {
        let to_block_end = ((BLOCK_BYTES - self.held) % BLOCK_BYTES) as u64;
        let (head, rest) = match length_bytes.checked_sub(to_block_end) {
            Some(rest) => (to_block_end, rest),
            None => (length_bytes, 0),
        };
        self.update_few_zeros(head);
        let blocks = rest / BLOCK_BYTES as u64;
        self.kernels.compress_zeros(&mut [&mut self.state], blocks);
        self.length_bytes = self.length_bytes.wrapping_add(blocks * BLOCK_BYTES as u64);
        self.update_few_zeros(rest % BLOCK_BYTES as u64);
    }

    /// Fewer zeros than a block has bytes.
    fn update_few_zeros(&mut self, length_bytes: u64) {
        let few = usize::try_from(length_bytes)
            .unwrap_or(BLOCK_BYTES)
            .min(BLOCK_BYTES);
        self.update([0; BLOCK_BYTES].split_at(few).0);
    }

    /// One that took in so many bytes and has this chaining value.
    ///
    /// `tail` is what of them does not fill a block.
    pub(crate) fn resumed(state: State, length_bytes: u64, tail: &[u8]) -> Self {
        let mut block = [0; BLOCK_BYTES];
        let held = tail.len().min(BLOCK_BYTES - 1);
        block.split_at_mut(held).0.copy_from_slice(tail.split_at(held).0);
        Self {
            state,
            block,
            held,
            length_bytes,
            ..Self::default()
        }
    }

    /// What was taken in.
    pub(crate) fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// The chaining value.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The bytes of the block at hand.
    pub(crate) fn tail(&self) -> &[u8] {
        self.block.split_at(self.held).0
    }

    /// Pads and gives the digest.
    pub(crate) fn finish(mut self) -> [u8; 32] {
        let (blocks, count) = padded(self.block.split_at(self.held).0, self.length_bytes);
        self.kernels.compress(&mut self.state, blocks.split_at(count).0);
        digest_of_state(&self.state)
    }
}

/// What follows the whole blocks of a message: one block or two.
pub(crate) fn padded_tail(message: &[u8]) -> ([Block; 2], usize) {
    let (_, tail) = message.as_chunks::<BLOCK_BYTES>();
    padded(tail, message.len() as u64)
}

/// Pads less than a block, the end of a message of that length, as section 5.1.1 says. How many blocks that takes.
fn padded(tail: &[u8], length_bytes: u64) -> ([Block; 2], usize) {
    let mut blocks = [[0; BLOCK_BYTES]; 2];
    let bytes = blocks.as_flattened_mut();
    let (held, free) = bytes.split_at_mut(tail.len().min(BLOCK_BYTES - 1));
    held.copy_from_slice(tail.split_at(held.len()).0);
    if let Some(first) = free.first_mut() {
        *first = 0x80;
    }
    let count = if tail.len() >= LENGTH_AT { 2 } else { 1 };
    let length_bits = length_bytes.wrapping_mul(8);
    if let Some(last) = blocks.split_at_mut(count).0.last_mut() {
        last.split_at_mut(LENGTH_AT)
            .1
            .copy_from_slice(&length_bits.to_be_bytes());
    }
    (blocks, count)
}

/// A chaining value as the digest it is at the end.
pub(crate) fn digest_of_state(state: &State) -> [u8; 32] {
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::with_kernels(kernels())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sha256")
            .field("length_bytes", &self.length_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;
    use crate::{
        backend::{FusedStrand, runnable},
        samples::{hex, nist_vectors, noise},
    };

    fn by_all(message: &[u8]) -> Vec<(&'static str, [u8; 32])> {
        let by = |family: &'static Kernels| {
            let mut sha = Sha256::with_kernels(family);
            sha.update(message);
            (family.name, sha.finish())
        };
        runnable().into_iter().map(by).collect()
    }

    #[test]
    fn nist_vectors_come_out_of_every_backend() {
        for (message, expected) in nist_vectors() {
            for (family, digest) in by_all(&message) {
                assert_eq!(hex(&digest), expected, "{family}");
            }
        }
    }

    #[test]
    fn nist_vectors_come_out_of_both_states_of_every_fused_pass() {
        for (message, expected) in nist_vectors() {
            let (whole, _) = message.as_chunks();
            let (tail, count) = padded_tail(&message);
            for family in runnable() {
                let mut states = [INITIAL; 4];
                let [a, b, c, d] = &mut states;
                for blocks in [whole, &tail[..count]] {
                    family.compress_fused(FusedStrand {
                        states: [&mut *a, &mut *b],
                        blocks,
                    });
                }
                let [e, f] = &mut [INITIAL; 2];
                for blocks in [whole, &tail[..count]] {
                    let pair = [[&mut *c, &mut *d], [&mut *e, &mut *f]];
                    family.compress_fused_pair(pair.map(|states| FusedStrand { states, blocks }));
                }
                for state in [&*a, &*b, &*c, &*d, &*e, &*f] {
                    assert_eq!(hex(&digest_of_state(state)), expected, "{}", family.name);
                }
            }
        }
    }

    #[test]
    fn every_length_up_to_four_blocks_agrees_with_the_sha2_crate() {
        let message = noise(260, 1);
        for end in 0..=message.len() {
            let expected: [u8; 32] = sha2::Sha256::digest(&message[..end]).into();
            for (family, digest) in by_all(&message[..end]) {
                assert_eq!(digest, expected, "{end} bytes by {family}");
            }
        }
    }

    #[test]
    fn zeros_by_count_equal_zeros_by_bytes() {
        for length in [0, 1, 63, 64, 65_535, 65_536, 65_537, 200_000] {
            let mut sha = Sha256::default();
            sha.update(b"x");
            sha.update_zeros(length as u64);
            let mut message = vec![b'x'];
            message.resize(1 + length, 0);
            assert_eq!(sha.finish(), Sha256::digest(&message), "{length} zeros");
        }
    }

    proptest! {
        #[test]
        fn a_message_split_anywhere_has_one_digest(
            message in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
            cuts.sort_unstable();
            let expected: [u8; 32] = sha2::Sha256::digest(&message).into();
            for family in runnable() {
                let (mut sha, mut at) = (Sha256::with_kernels(family), 0);
                for cut in cuts.iter().copied().chain([message.len()]) {
                    sha.update(&message[at..cut]);
                    at = cut;
                }
                prop_assert_eq!(sha.finish(), expected, "{}", family.name);
            }
        }
    }
}
