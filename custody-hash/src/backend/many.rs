//! Any number of messages of any length, in the widest kernels that they fill.

use super::{Block, INITIAL, Kernel, Kernels, Lanes, State};

/// A message: its state and the blocks that it has yet to take in.
#[derive(Debug)]
pub(crate) struct Strand<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) blocks: &'a [Block],
}

/// Below this many blocks the wide kernels do not earn back what they begin and end with.
const FEW_BLOCKS: usize = 4;

/// Strands that are looked over for each kernel call: enough to fill the widest one to the end, few enough that looking
/// costs little beside hashing, however many strands there are.
const GROUP: usize = 64;

/// Takes all blocks of all strands in. The order of the strands is left as it happens to be.
///
/// The longest go first and together, so that lanes run empty as late as can be: `n` strands of one length use the
/// widest kernel to their end, and strands of any lengths never more kernel calls than there are strands.
pub(crate) fn compress_strands(kernels: &Kernels, strands: &mut [Strand<'_>]) {
    if strands.len() > GROUP {
        // Those of about one length come into one group.
        strands.sort_unstable_by_key(|strand| std::cmp::Reverse(strand.blocks.len()));
    }
    for group in strands.chunks_mut(GROUP) {
        compress_group(kernels, group);
    }
}

fn compress_group(kernels: &Kernels, strands: &mut [Strand<'_>]) {
    loop {
        strands.sort_unstable_by_key(|strand| std::cmp::Reverse(strand.blocks.len()));
        let live = strands
            .iter()
            .take_while(|strand| !strand.blocks.is_empty())
            .count();
        let (live, _) = strands.split_at_mut(live);
        let Some(longest) = live.first() else {
            return;
        };
        let wide = kernels.sixteen.as_ref();
        let wide = wide.filter(|wide| live.len() >= wide.from_lanes && longest.blocks.len() >= FEW_BLOCKS);
        match (wide, kernels.four, kernels.two, live.len()) {
            (Some(wide), ..) => advance(wide.kernel, live),
            (None, Some(four), _, 3..) => advance(four, live),
            (None, _, Some(two), 2..) => advance(two, live),
            _ => advance(kernels.one, live),
        }
    }
}

/// Runs the first `N` strands as far as the shortest of them goes. Lanes without a strand hash another's blocks in vain.
fn advance<const N: usize>(kernel: Kernel<N, 1>, strands: &mut [Strand<'_>]) {
    let taken = strands.len().min(N);
    let (now, _) = strands.split_at_mut(taken);
    let shortest = now.last().map_or(0, |strand| strand.blocks.len());
    let mut states = [[INITIAL]; N];
    let mut messages: [&[Block]; N] = [&[]; N];
    if let Some(first) = now.first() {
        messages = [first.blocks.split_at(shortest.min(first.blocks.len())).0; N];
    }
    for ((strand, [state]), message) in now.iter_mut().zip(&mut states).zip(&mut messages) {
        let (blocks, later) = strand.blocks.split_at(shortest.min(strand.blocks.len()));
        (*state, *message, strand.blocks) = (*strand.state, blocks, later);
    }
    kernel(&mut states, Lanes::new(messages));
    for (strand, [state]) in now.iter_mut().zip(states) {
        *strand.state = state;
    }
}
