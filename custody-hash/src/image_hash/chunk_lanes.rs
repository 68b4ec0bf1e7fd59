//! The digests of the chunks: a lane for each, any number of them at once, collected in stream order.

use std::{collections::VecDeque, num::NonZeroU64, sync::Arc};

use super::{
    lane::{Lane, LaneHasher, LaneName, Part},
    state::ImageState,
    turn::{Turn, take_turns},
};
use crate::{
    ChunkRun, Piece, Result,
    backend::{BLOCK_BYTES, Block, Strand, compress_strands},
    chunk_cutter::{AfterCut, ChunkCutter, Cut, HashCut, LastChunk},
    chunk_run::ChunkTally,
    engine::{AnyJob, Job, ReadyQueue},
    merkle::MerkleFrontier,
    progress::Meter,
    sha256::Sha256,
    zeros::zero_chunk_digest,
};

pub(crate) type ChunkLane = Lane<ChunkHasher>;

/// The chunks of one image. Holes never become lanes; a chunk becomes one with its first byte of data.
pub(crate) struct ChunkLanes {
    cutter: ChunkCutter,
    /// The chunk that is being filled.
    open: Option<Arc<ChunkLane>>,
    /// What is not in the tally yet, in stream order.
    pending: VecDeque<Pending>,
    tally: ChunkTally,
    /// Chunks that were begun or are holes.
    begun: u64,
    state: Arc<ImageState>,
    meter: Arc<Meter>,
}

enum Pending {
    Hole { chunks: u64 },
    Lane(Arc<ChunkLane>),
}

pub(crate) struct ChunkHasher(Sha256);

impl ChunkLanes {
    pub(crate) fn new(chunk_bytes: NonZeroU64, state: Arc<ImageState>, meter: Arc<Meter>) -> Self {
        Self {
            cutter: ChunkCutter::new(chunk_bytes),
            open: None,
            pending: VecDeque::new(),
            tally: ChunkTally::new(zero_chunk_digest(chunk_bytes.get())),
            begun: 0,
            state,
            meter,
        }
    }

    /// Deals a part out to the chunks that it covers.
    pub(crate) fn send(&mut self, mut part: Part, queue: &ReadyQueue) {
        while part.piece.length_bytes() > 0 {
            match self.cutter.cut(&part.piece) {
                Cut::Held => return,
                Cut::ZeroChunks { taken_bytes, chunks } => {
                    drop(part.piece.split_to(taken_bytes));
                    self.add_hole(chunks);
                }
                Cut::Hash(cut) => {
                    let (piece, charge) = (part.piece.split_to(cut.taken_bytes), part.charge.clone());
                    self.hash(cut, Part::new(piece, charge), queue);
                }
            }
        }
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self, queue: &ReadyQueue) {
        match self.cutter.end() {
            LastChunk::None => {}
            LastChunk::Open => self.end_chunk(queue),
            LastChunk::Zeros { length_bytes } => {
                let zeros = Part::new(Piece::Zero { length_bytes }, None);
                self.open_chunk().send(zeros, queue);
                self.end_chunk(queue);
            }
        }
    }

    /// What became final since the last call.
    pub(crate) fn take_runs(&mut self) -> Result<Vec<ChunkRun>> {
        while let Some(next) = self.pending.front().filter(|next| next.is_final()) {
            match next {
                Pending::Hole { chunks } => self.tally.push_zeros(*chunks),
                Pending::Lane(lane) => self.tally.push_digest(lane.take_outcome()?),
            }
            self.pending.pop_front();
        }
        Ok(self.tally.take_runs())
    }

    /// Whether the digests of all chunks so far are final.
    pub(crate) fn are_done(&self) -> bool {
        self.pending.iter().all(Pending::is_final)
    }

    pub(crate) fn abandon(&self) {
        for pending in &self.pending {
            if let Pending::Lane(lane) = pending {
                lane.abandon();
            }
        }
    }

    /// The tree over all digests that were taken.
    pub(crate) fn tree(&self) -> Result<&MerkleFrontier> {
        self.tally.tree()
    }

    fn add_hole(&mut self, more: u64) {
        self.begun += more;
        self.meter.add(more * self.cutter.chunk_bytes().get());
        match self.pending.back_mut() {
            Some(Pending::Hole { chunks }) => *chunks += more,
            _ => self.pending.push_back(Pending::Hole { chunks: more }),
        }
    }

    fn hash(&mut self, cut: HashCut, part: Part, queue: &ReadyQueue) {
        let lane = self.open_chunk();
        if cut.leading_zero_bytes > 0 {
            let length_bytes = cut.leading_zero_bytes;
            let zeros = Part::new(Piece::Zero { length_bytes }, part.charge.clone());
            lane.send(zeros, queue);
        }
        lane.send(part, queue);
        if cut.chunk == AfterCut::Ends {
            self.end_chunk(queue);
        }
    }

    fn open_chunk(&mut self) -> Arc<ChunkLane> {
        if let Some(lane) = &self.open {
            return Arc::clone(lane);
        }
        let name = LaneName::Chunk { number: self.begun };
        self.begun += 1;
        let hasher = ChunkHasher(Sha256::default());
        let lane = Lane::new(name, hasher, Arc::clone(&self.state), Arc::clone(&self.meter));
        self.pending.push_back(Pending::Lane(Arc::clone(&lane)));
        self.open.insert(lane).clone()
    }

    fn end_chunk(&mut self, queue: &ReadyQueue) {
        if let Some(lane) = self.open.take() {
            lane.end(queue);
        }
    }
}

impl Pending {
    fn is_final(&self) -> bool {
        match self {
            Self::Hole { .. } => true,
            Self::Lane(lane) => lane.is_done(),
        }
    }
}

impl LaneHasher for ChunkHasher {
    type Outcome = [u8; 32];

    fn job(lane: Arc<Lane<Self>>, _: &Piece) -> AnyJob {
        AnyJob::Chunk(lane)
    }

    fn advance(&mut self, piece: &mut Piece, budget_bytes: u64) -> u64 {
        let now = piece.split_to(budget_bytes);
        match &now {
            Piece::Data(bytes) => self.0.update(bytes),
            Piece::Zero { length_bytes } | Piece::Unread { length_bytes } => {
                self.0.update_zeros(*length_bytes);
            }
        }
        now.length_bytes()
    }

    fn finish(self) -> ([u8; 32], Vec<ChunkRun>) {
        (self.0.finish(), Vec::new())
    }
}

impl Job for ChunkLane {
    const TOGETHER: usize = 16;

    fn run(lanes: Vec<Arc<Self>>) -> Vec<Arc<Self>> {
        take_turns(lanes, advance_together)
    }

    fn fail(&self, message: &str) {
        self.fail_image(message);
    }
}

fn advance_together(turns: &mut [Turn<ChunkHasher>]) {
    let all_blocks = turns.iter().all(|turn| !blocks_ahead(turn).is_empty());
    if turns.len() == 1 || !all_blocks {
        // Zeros, and what is no whole block: until all have blocks.
        let alone = turns.iter_mut().filter(|turn| turn_is_alone(turn, all_blocks));
        alone.for_each(Turn::advance);
        return;
    }
    let counts = turns.iter().map(|turn| {
        let left = usize::try_from(turn.left_bytes).unwrap_or(usize::MAX) / BLOCK_BYTES;
        blocks_ahead(turn).len().min(left.max(1))
    });
    let count = counts.min().unwrap_or(0);
    let Some(kernels) = turns.first().map(|turn| turn.hasher.0.kernels()) else {
        return;
    };
    let strands = turns.iter_mut().filter_map(|Turn { hasher, part, .. }| {
        let Piece::Data(bytes) = &part.as_ref()?.piece else {
            return None;
        };
        let (blocks, _) = bytes.as_chunks();
        Some(Strand {
            state: hasher.0.state_mut(),
            blocks: blocks.split_at(count).0,
        })
    });
    let mut strands: Vec<_> = strands.collect();
    compress_strands(kernels, &mut strands);
    let taken_bytes = (count * BLOCK_BYTES) as u64;
    for turn in turns {
        turn.hasher.0.took_blocks(count as u64);
        if let Some(part) = &mut turn.part {
            drop(part.piece.split_to(taken_bytes));
        }
        turn.took(taken_bytes);
    }
}

/// Whole blocks that the lane can take in at once.
fn blocks_ahead(turn: &Turn<ChunkHasher>) -> &[Block] {
    match &turn.part {
        Some(Part {
            piece: Piece::Data(bytes),
            ..
        }) if turn.hasher.0.is_at_block() => bytes.as_chunks().0,
        _ => &[],
    }
}

fn turn_is_alone(turn: &Turn<ChunkHasher>, all_blocks: bool) -> bool {
    all_blocks || blocks_ahead(turn).is_empty()
}
