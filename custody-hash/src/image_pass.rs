//! One image's whole digest and chunk digests in one pass: both take in the same blocks, so they share the work.

use std::num::NonZeroU64;

use crate::{
    Piece,
    backend::{BLOCK_BYTES, Block, FusedStrand, Kernels, State},
    chunk_cutter::{AfterCut, ChunkCutter, Cut, LastChunk},
    chunk_run::ChunkTally,
    sha256::Sha256,
    whole_hasher::{WholeDigestPair, WholeHasher},
    zeros::zero_chunk_digest,
};

/// Where a stream stands: the state of its whole digest, that of the chunk at hand, and the chunks that are final.
#[derive(Debug, Clone)]
pub(crate) struct ImagePass {
    pub(crate) whole: WholeHasher,
    pub(crate) cutter: ChunkCutter,
    pub(crate) chunk: Sha256,
    pub(crate) tally: ChunkTally,
}

/// What a pass does next with the piece at hand. Passes of several images do it together where they can.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// Whole blocks that both states take in.
    Blocks(&'a [Block]),
    /// So many blocks of zeros, which the states named by [`ImagePass::zero_states`] take in.
    Zeros { blocks: u64 },
    /// Something that is not a whole block, or a boundary: for [`ImagePass::step_alone`].
    Odd,
}

impl ImagePass {
    pub(crate) fn new(disk_data_bytes: Option<u64>, chunk_bytes: NonZeroU64) -> Self {
        Self::of(disk_data_bytes, chunk_bytes, zero_chunk_digest(chunk_bytes.get()))
    }

    pub(crate) fn of(
        disk_data_bytes: Option<u64>,
        chunk_bytes: NonZeroU64,
        zero_chunk_digest: [u8; 32],
    ) -> Self {
        Self {
            whole: WholeHasher::new(disk_data_bytes),
            cutter: ChunkCutter::new(chunk_bytes),
            chunk: Sha256::default(),
            tally: ChunkTally::new(zero_chunk_digest),
        }
    }

    /// Takes a piece in, all of it.
    pub(crate) fn push(&mut self, piece: &Piece) {
        match piece {
            Piece::Data(bytes) => self.update(bytes),
            Piece::Zero { .. } | Piece::Unread { .. } => {
                let mut rest = piece.clone();
                while rest.length_bytes() > 0 {
                    self.advance(&mut rest, u64::MAX);
                }
            }
        }
    }

    /// Takes bytes in, all of them.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.advance_bytes(rest, u64::MAX);
            rest = rest.split_at(taken).1;
        }
    }

    /// Takes in some of a piece that is not empty, at most about `budget_bytes`, and cuts it off its front.
    pub(crate) fn advance(&mut self, piece: &mut Piece, budget_bytes: u64) -> u64 {
        let taken_bytes = match piece {
            Piece::Data(bytes) => self.advance_bytes(bytes, budget_bytes) as u64,
            Piece::Zero { length_bytes } => self.advance_zeros(*length_bytes, ZeroWord::Known, budget_bytes),
            Piece::Unread { length_bytes } => {
                self.advance_zeros(*length_bytes, ZeroWord::Unread, budget_bytes)
            }
        };
        drop(piece.split_to(taken_bytes));
        taken_bytes
    }

    /// What comes next of bytes that are not empty.
    pub(crate) fn next_of_bytes<'a>(&self, bytes: &'a [u8]) -> Step<'a> {
        if !self.whole.sha.is_at_block() || !self.chunk.is_at_block() || !self.cutter.is_in_step() {
            return Step::Odd;
        }
        let up_to_bytes = self.cutter.left_bytes().min(self.whole.left_bytes());
        let up_to = usize::try_from(up_to_bytes)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        match bytes.split_at(up_to).0.as_chunks().0 {
            [] => Step::Odd,
            blocks => Step::Blocks(blocks),
        }
    }

    /// What comes next of a run of zeros.
    pub(crate) fn next_of_zeros(&self, length_bytes: u64, word: ZeroWord) -> Step<'static> {
        if self.jump(length_bytes, word).is_some() {
            return Step::Odd;
        }
        let both = self.zeros_go_into_chunk(word);
        if !self.whole.sha.is_at_block() || both && !(self.chunk.is_at_block() && self.cutter.is_in_step()) {
            return Step::Odd;
        }
        let chunk_bytes = if both { self.cutter.left_bytes() } else { u64::MAX };
        let blocks = length_bytes.min(chunk_bytes).min(self.whole.left_bytes()) / BLOCK_BYTES as u64;
        match blocks {
            0 => Step::Odd,
            blocks => Step::Zeros { blocks },
        }
    }

    /// The states that take in the blocks of a step.
    pub(crate) fn block_states(&mut self) -> [&mut State; 2] {
        [self.whole.sha.state_mut(), self.chunk.state_mut()]
    }

    /// The states that take in zeros: the chunk's only if there is data in the chunk.
    pub(crate) fn zero_states(&mut self, word: ZeroWord) -> impl Iterator<Item = &mut State> {
        let chunk = self.zeros_go_into_chunk(word).then_some(self.chunk.state_mut());
        std::iter::once(self.whole.sha.state_mut()).chain(chunk)
    }

    /// Says that both states took in so many blocks.
    pub(crate) fn took_blocks(&mut self, blocks: usize) {
        let length_bytes = (blocks * BLOCK_BYTES) as u64;
        self.chunk.took_blocks(blocks as u64);
        self.whole.took_blocks(blocks as u64);
        let cut = self.cutter.cut_bytes(length_bytes);
        self.after_cut(cut.chunk);
    }

    /// Says that the states took in so many blocks of zeros.
    pub(crate) fn took_zeros(&mut self, blocks: u64, word: ZeroWord) {
        if self.zeros_go_into_chunk(word) {
            self.took_blocks(usize::try_from(blocks).unwrap_or(usize::MAX));
        } else {
            self.whole.took_blocks(blocks);
            self.cut_hole(blocks * BLOCK_BYTES as u64);
        }
    }

    /// Ends the stream: the chunk at hand becomes final, and so do the whole digests.
    pub(crate) fn end(mut self) -> (WholeDigestPair, ChunkTally) {
        match self.cutter.end() {
            LastChunk::None => {}
            LastChunk::Open => self.after_cut(AfterCut::Ends),
            LastChunk::Zeros { length_bytes } => {
                self.chunk.update_zeros(length_bytes);
                self.after_cut(AfterCut::Ends);
            }
        }
        (self.whole.finish(), self.tally)
    }

    pub(crate) fn kernels(&self) -> &'static Kernels {
        self.chunk.kernels()
    }

    fn advance_bytes(&mut self, bytes: &[u8], budget_bytes: u64) -> usize {
        let budget = usize::try_from(budget_bytes)
            .unwrap_or(usize::MAX)
            .max(BLOCK_BYTES);
        let bytes = bytes.split_at(budget.min(bytes.len())).0;
        match self.next_of_bytes(bytes) {
            Step::Blocks(blocks) => {
                let (kernels, states) = (self.kernels(), self.block_states());
                kernels.compress_fused(FusedStrand { states, blocks });
                self.took_blocks(blocks.len());
                blocks.len() * BLOCK_BYTES
            }
            Step::Zeros { .. } | Step::Odd => self.step_alone(bytes),
        }
    }

    fn advance_zeros(&mut self, length_bytes: u64, word: ZeroWord, budget_bytes: u64) -> u64 {
        if let Some((blocks, state)) = self.jump(length_bytes, word) {
            *self.whole.sha.state_mut() = state;
            self.took_zeros(blocks, word);
            return blocks * BLOCK_BYTES as u64;
        }
        let length_bytes = length_bytes.min(budget_bytes.max(BLOCK_BYTES as u64));
        match self.next_of_zeros(length_bytes, word) {
            Step::Zeros { blocks } => {
                let kernels = self.kernels();
                let mut states: Vec<_> = self.zero_states(word).collect();
                kernels.compress_zeros(&mut states, blocks);
                self.took_zeros(blocks, word);
                blocks * BLOCK_BYTES as u64
            }
            Step::Blocks(_) | Step::Odd => self.step_zeros_alone(length_bytes, word),
        }
    }

    /// Zeros at the very start come from the one state that every stream starts from: a table knows where they lead.
    fn jump(&self, length_bytes: u64, word: ZeroWord) -> Option<(u64, State)> {
        if word == ZeroWord::Unread || !self.whole.sha.is_untouched() {
            return None;
        }
        crate::first_zeros::after_at_most(length_bytes.min(self.whole.left_bytes()) / BLOCK_BYTES as u64)
    }

    /// Takes in up to a block's or a boundary's end of bytes, one state after the other.
    fn step_alone(&mut self, bytes: &[u8]) -> usize {
        // In one go where the states are out of step for good: chunks that are no whole blocks.
        let up_to = self
            .bytes_to_block_end()
            .unwrap_or(u64::MAX)
            .min(self.whole.left_bytes());
        let up_to = usize::try_from(up_to).unwrap_or(usize::MAX).min(bytes.len());
        let cut = self.cutter.cut_bytes(up_to as u64);
        let taken = usize::try_from(cut.taken_bytes).unwrap_or(up_to);
        let now = bytes.split_at(taken).0;
        self.chunk.update_zeros(cut.leading_zero_bytes);
        self.chunk.update(now);
        self.whole.update(now);
        self.after_cut(cut.chunk);
        taken
    }

    fn step_zeros_alone(&mut self, length_bytes: u64, word: ZeroWord) -> u64 {
        let up_to_bytes = self.bytes_to_block_end().unwrap_or(u64::MAX);
        let up_to_bytes = up_to_bytes.min(self.whole.left_bytes()).min(length_bytes);
        let taken_bytes = if self.zeros_go_into_chunk(word) {
            let cut = self.cutter.cut_bytes(up_to_bytes);
            self.chunk.update_zeros(cut.leading_zero_bytes + cut.taken_bytes);
            self.after_cut(cut.chunk);
            cut.taken_bytes
        } else {
            self.cut_hole(up_to_bytes);
            up_to_bytes
        };
        self.whole.update_zeros(taken_bytes);
        taken_bytes
    }

    /// How many bytes end the block at hand, if both states are in step after it; none if they never are, or if no
    /// block has begun.
    fn bytes_to_block_end(&self) -> Option<u64> {
        let held = self.whole.sha.held();
        let goes_on = self.cutter.is_in_step();
        (!goes_on || held > 0 && held == self.chunk.held()).then_some((BLOCK_BYTES - held) as u64)
    }

    /// Whether zeros belong to a chunk of which bytes are hashed, or make it one.
    fn zeros_go_into_chunk(&self, word: ZeroWord) -> bool {
        word == ZeroWord::Unread || self.cutter.is_open()
    }

    fn cut_hole(&mut self, length_bytes: u64) {
        let mut rest = Piece::Zero { length_bytes };
        while rest.length_bytes() > 0 {
            match self.cutter.cut(&rest) {
                Cut::ZeroChunks { taken_bytes, chunks } => {
                    drop(rest.split_to(taken_bytes));
                    self.tally.push_zeros(chunks);
                }
                // The cutter is closed and counts them; it never wants known zeros hashed.
                Cut::Held | Cut::Hash(_) => return,
            }
        }
    }

    fn after_cut(&mut self, chunk: AfterCut) {
        if chunk == AfterCut::Ends {
            self.tally.push_digest(std::mem::take(&mut self.chunk).finish());
        }
    }
}

/// Who says that bytes are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZeroWord {
    /// The map of the image.
    Known,
    /// Nobody: they could not be read.
    Unread,
}
