//! The stream of an image: its whole digest and its chunk digests, several images at once.

use std::sync::Arc;

use super::{
    lane::{Lane, LaneHasher},
    turn::{Turn, take_turns},
};
use crate::{
    ChunkRun, Piece, Result,
    backend::{BLOCK_BYTES, FusedStrand},
    engine::{AnyJob, Job},
    image_pass::{ImagePass, Step, ZeroWord},
    merkle::MerkleFrontier,
    whole_hasher::WholeDigestPair,
};

pub(crate) type ImageLane = Lane<ImagePass>;

/// What a stream came to.
#[derive(Debug)]
pub(crate) struct ImageOutcome {
    pub(crate) whole: WholeDigestPair,
    pub(crate) tree: Result<MerkleFrontier>,
}

impl LaneHasher for ImagePass {
    type Outcome = ImageOutcome;

    fn job(lane: Arc<Lane<Self>>, ahead: &Piece) -> AnyJob {
        match ahead {
            Piece::Data(_) => AnyJob::Image(lane),
            Piece::Zero { .. } | Piece::Unread { .. } => AnyJob::Zeros(lane),
        }
    }

    fn advance(&mut self, piece: &mut Piece, budget_bytes: u64) -> u64 {
        self.advance(piece, budget_bytes)
    }

    fn take_runs(&mut self) -> Vec<ChunkRun> {
        self.tally.take_runs()
    }

    fn finish(self) -> (ImageOutcome, Vec<ChunkRun>) {
        let (whole, mut tally) = self.end();
        let tree = tally.tree().cloned();
        (ImageOutcome { whole, tree }, tally.take_runs())
    }
}

impl Job for ImageLane {
    /// Four runs of zeros take as long as one. Of streams with data the queue gives two.
    const TOGETHER: usize = 4;

    fn run(lanes: Vec<Arc<Self>>) -> Vec<Arc<Self>> {
        take_turns(lanes, advance_together)
    }

    fn fail(&self, message: &str) {
        self.fail_image(message);
    }
}

/// How the piece at hand of an image goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Blocks(usize),
    Zeros(u64),
    Odd,
}

fn advance_together(turns: &mut [Turn<ImagePass>]) {
    let aheads: Vec<Ahead> = turns.iter().map(ahead).collect();
    let zeros = aheads
        .iter()
        .filter(|ahead| matches!(ahead, Ahead::Zeros(_)))
        .count();
    match turns {
        [first, second] if zeros == 0 && !aheads.contains(&Ahead::Odd) => advance_pair(first, second),
        all if all.len() > 1 && zeros == all.len() => advance_zeros(all, &aheads),
        all => {
            // Whoever is at a boundary, or in zeros beside others' data, goes on alone until they can go together.
            let mut alone = false;
            for (turn, ahead) in all.iter_mut().zip(&aheads) {
                if !matches!(ahead, Ahead::Blocks(_)) {
                    turn.advance();
                    alone = true;
                }
            }
            if !alone {
                all.iter_mut().for_each(Turn::advance);
            }
        }
    }
}

fn ahead(turn: &Turn<ImagePass>) -> Ahead {
    let Some(part) = &turn.part else {
        return Ahead::Odd;
    };
    let step = match &part.piece {
        Piece::Data(bytes) => turn.hasher.next_of_bytes(bytes),
        Piece::Zero { length_bytes } => turn.hasher.next_of_zeros(*length_bytes, ZeroWord::Known),
        Piece::Unread { length_bytes } => turn.hasher.next_of_zeros(*length_bytes, ZeroWord::Unread),
    };
    match step {
        Step::Blocks(blocks) => Ahead::Blocks(blocks.len()),
        Step::Zeros { blocks } => Ahead::Zeros(blocks),
        Step::Odd => Ahead::Odd,
    }
}

/// Two images with blocks of data ahead.
fn advance_pair(first: &mut Turn<ImagePass>, second: &mut Turn<ImagePass>) {
    let most = usize::try_from(first.left_bytes.min(second.left_bytes)).unwrap_or(usize::MAX);
    let most = (most / BLOCK_BYTES).max(1);
    let kernels = first.hasher.kernels();
    let (Some(first_part), Some(second_part)) = (&mut first.part, &mut second.part) else {
        return;
    };
    let (Piece::Data(first_bytes), Piece::Data(second_bytes)) = (&first_part.piece, &second_part.piece)
    else {
        return;
    };
    let steps = (
        first.hasher.next_of_bytes(first_bytes),
        second.hasher.next_of_bytes(second_bytes),
    );
    let (Step::Blocks(first_blocks), Step::Blocks(second_blocks)) = steps else {
        return;
    };
    let count = first_blocks.len().min(second_blocks.len()).min(most);
    let strands = [
        FusedStrand {
            states: first.hasher.block_states(),
            blocks: first_blocks.split_at(count).0,
        },
        FusedStrand {
            states: second.hasher.block_states(),
            blocks: second_blocks.split_at(count).0,
        },
    ];
    kernels.compress_fused_pair(strands);
    let taken_bytes = (count * BLOCK_BYTES) as u64;
    for turn in [first, second] {
        turn.hasher.took_blocks(count);
        if let Some(part) = &mut turn.part {
            drop(part.piece.split_to(taken_bytes));
        }
        turn.took(taken_bytes);
    }
}

/// Several images, all in runs of zeros.
fn advance_zeros(turns: &mut [Turn<ImagePass>], aheads: &[Ahead]) {
    let each = aheads.iter().map(|ahead| match ahead {
        Ahead::Zeros(blocks) => *blocks,
        Ahead::Blocks(_) | Ahead::Odd => 0,
    });
    let left_bytes = turns.iter().map(|turn| turn.left_bytes).min().unwrap_or(0);
    let blocks = each
        .min()
        .unwrap_or(0)
        .min((left_bytes / BLOCK_BYTES as u64).max(1));
    let Some(kernels) = turns.first().map(|turn| turn.hasher.kernels()) else {
        return;
    };
    let words: Vec<ZeroWord> = turns.iter().map(zero_word).collect();
    let mut states: Vec<_> = turns
        .iter_mut()
        .zip(&words)
        .flat_map(|(turn, word)| turn.hasher.zero_states(*word))
        .collect();
    kernels.compress_zeros(&mut states, blocks);
    for (turn, word) in turns.iter_mut().zip(words) {
        turn.hasher.took_zeros(blocks, word);
        let taken_bytes = blocks * BLOCK_BYTES as u64;
        if let Some(part) = &mut turn.part {
            drop(part.piece.split_to(taken_bytes));
        }
        turn.took(taken_bytes);
    }
}

fn zero_word(turn: &Turn<ImagePass>) -> ZeroWord {
    match &turn.part {
        Some(part) if matches!(part.piece, Piece::Unread { .. }) => ZeroWord::Unread,
        _ => ZeroWord::Known,
    }
}
