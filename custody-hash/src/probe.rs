//! A way to the single kernels, for benches and the fuzzer. Not part of the API: anything here may change at any time.

use crate::{
    CHUNK_BYTES, ChunkRun, ChunkedSha256, SavedPass,
    backend::{Block, INITIAL, Kernel, Kernels, Lanes, State, runnable},
};

/// One family of kernels that this processor can run.
#[derive(Debug, Clone, Copy)]
pub struct Family(&'static Kernels);

/// A kernel of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe {
    /// So many messages with one state each: 1, 2, 4 or 16.
    Messages(usize),
    /// So many messages with two states each: 1 or 2.
    Fused(usize),
    /// So many runs of zeros: 1 or 4.
    Zeros(usize),
}

/// All families, the one that this process uses first.
#[must_use]
pub fn families() -> Vec<Family> {
    runnable().into_iter().map(Family).collect()
}

impl Family {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The states after the kernel took in the messages, from the initial one; none if the family lacks the kernel.
    /// Of the messages only whole blocks count, as many as the shortest has.
    #[must_use]
    pub fn run(self, probe: Probe, messages: &[&[u8]]) -> Option<Vec<[u32; 8]>> {
        let family = self.0;
        match probe {
            Probe::Messages(1) => run(family.one, messages),
            Probe::Messages(2) => run(family.two?, messages),
            Probe::Messages(4) => run(family.four?, messages),
            Probe::Messages(16) => run(family.sixteen.as_ref()?.kernel, messages),
            Probe::Fused(1) => run(family.fused_one?, messages),
            Probe::Fused(2) => run(family.fused_two?, messages),
            Probe::Zeros(1) => {
                let mut states = [INITIAL];
                family.zeros_one?(&mut states, blocks_of(messages.first()?).len() as u64);
                Some(states.to_vec())
            }
            Probe::Zeros(4) => {
                let mut states = [INITIAL; 4];
                family.zeros_four?(&mut states, blocks_of(messages.first()?).len() as u64);
                Some(states.to_vec())
            }
            _ => None,
        }
    }
}

fn run<const N: usize, const C: usize>(kernel: Kernel<N, C>, messages: &[&[u8]]) -> Option<Vec<State>> {
    let lanes: [&[u8]; N] = messages.get(..N)?.try_into().ok()?;
    let mut states = [[INITIAL; C]; N];
    kernel(&mut states, Lanes::new(lanes.map(blocks_of)));
    Some(states.concat())
}

fn blocks_of(message: &[u8]) -> &[Block] {
    message.as_chunks().0
}

/// The states after so many blocks of zeros each, counted from the start.
pub fn states_after_zeros(blocks: &[u64]) -> Vec<[u32; 8]> {
    let (mut state, mut at) = (INITIAL, 0);
    let states = blocks.iter().map(|blocks| {
        crate::backend::kernels().compress_zeros(&mut [&mut state], blocks - at);
        at = *blocks;
        state
    });
    states.collect()
}

/// Cuts the input into messages and hashes them with every kernel of every family: in lanes, fused, and as many zeros;
/// and each message once more in a pass that is saved at a cut and goes on from what was saved.
///
/// # Panics
/// When one of them disagrees with the `sha2` crate.
pub fn compare_all(input: &[u8]) {
    let (cuts, mut rest) = input.split_at(input.len().min(33));
    let mut messages = Vec::new();
    for cut in cuts {
        let (message, later) = rest.split_at(usize::from(*cut).min(rest.len()));
        messages.push(message);
        rest = later;
    }
    // Two long ones first, for the kernels of few lanes.
    let (front, back) = rest.split_at(rest.len() / 2);
    messages.splice(..0, [front, back]);
    families()
        .into_iter()
        .for_each(|family| compare_family(family, &messages));
    for (at, message) in messages.iter().enumerate() {
        let cut = cuts.get(at).copied().map_or(0, usize::from) * 7 + at;
        compare_resumed(message, cut.min(message.len()));
    }
}

fn compare_family(family: Family, messages: &[&[u8]]) {
    let name = family.name();
    let found = crate::hash_many::hash_many_with(family.0, messages);
    let expected: Vec<[u8; 32]> = messages.iter().map(|message| sha2_digest(message)).collect();
    assert!(found == expected, "{name} disagrees with sha2");
    for count in [1, 2, 4, 16] {
        compare_states(family, Probe::Messages(count), messages);
    }
    for count in [1, 2] {
        compare_states(family, Probe::Fused(count), messages);
    }
    let zeros: Vec<Vec<u8>> = messages.iter().map(|message| vec![0; message.len()]).collect();
    let zeros: Vec<&[u8]> = zeros.iter().map(Vec::as_slice).collect();
    for count in [1, 4] {
        compare_states(family, Probe::Zeros(count), &zeros);
    }
}

/// Compares the states after a kernel with those after the `sha2` crate's compression function.
fn compare_states(family: Family, probe: Probe, messages: &[&[u8]]) {
    let Some(found) = family.run(probe, messages) else {
        return; // no such kernel, or too few messages for it
    };
    let (lanes, states_each) = match probe {
        Probe::Messages(count) => (count, 1),
        Probe::Fused(count) => (count, 2),
        // All of them take in as many as the first message has.
        Probe::Zeros(count) => (1, count),
    };
    let lanes = messages.get(..lanes).unwrap_or_default();
    let blocks = lanes.iter().map(|lane| blocks_of(lane).len()).min().unwrap_or(0);
    assert!(found.len() == lanes.len() * states_each);
    for (lane, states) in lanes.iter().zip(found.chunks(states_each)) {
        let mut expected = INITIAL;
        sha2::block_api::compress256(&mut expected, blocks_of(lane).split_at(blocks).0);
        for state in states {
            let name = family.name();
            assert!(*state == expected, "{name} {probe:?} disagrees with sha2");
        }
    }
}

/// Compares a pass that was saved at a cut, and went on, with the digests of the message and of its chunks.
fn compare_resumed(message: &[u8], cut: usize) {
    let (before, after) = message.split_at(cut);
    let mut first = ChunkedSha256::default();
    digest::Update::update(&mut first, before);
    let mut runs = first.take_runs();
    let ended = SavedPass::from_bytes(&first.save().to_bytes()).and_then(|saved| {
        let mut second = ChunkedSha256::resume(&saved);
        digest::Update::update(&mut second, after);
        second.finish()
    });
    let whole = ended.map(|(more, digests)| {
        runs.extend(more);
        digests.stored_file
    });
    let chunks: Vec<[u8; 32]> = runs.iter().flat_map(ChunkRun::digests).collect();
    let chunk_bytes = usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX);
    let expected: Vec<[u8; 32]> = message.chunks(chunk_bytes).map(sha2_digest).collect();
    let agrees = whole.is_ok_and(|whole| whole == Some(sha2_digest(message)));
    assert!(
        agrees && chunks == expected,
        "a pass that was saved at byte {cut} disagrees with sha2"
    );
}

fn sha2_digest(message: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(message).into()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::samples::noise;

    #[test]
    fn what_the_fuzzer_does_holds_for_a_hundred_inputs() {
        for seed in 0..100 {
            compare_all(&noise(seed * 97, seed as u64));
        }
    }

    /// Right, but for a fault that is the same in both states.
    fn wrong_fused<const N: usize>(states: &mut [[State; 2]; N], lanes: Lanes<'_, N>) {
        for state in states.as_flattened_mut() {
            state[3] ^= u32::from(lanes.blocks() > 0);
        }
    }

    fn wrong_zeros<const N: usize>(states: &mut [State; N], blocks: u64) {
        for state in states {
            state[0] ^= u32::from(blocks > 0);
        }
    }

    #[test]
    fn what_is_wrong_in_any_kernel_is_found() {
        const SOUND: Kernels = Kernels {
            name: "sound",
            one: |states, lanes| (crate::backend::kernels().one)(states, lanes),
            two: None,
            four: None,
            sixteen: None,
            fused_one: None,
            fused_two: None,
            zeros_one: None,
            zeros_four: None,
        };
        static FUSED_ONE: Kernels = Kernels {
            fused_one: Some(wrong_fused),
            ..SOUND
        };
        static FUSED_TWO: Kernels = Kernels {
            fused_two: Some(wrong_fused),
            ..SOUND
        };
        static ZEROS_ONE: Kernels = Kernels {
            zeros_one: Some(wrong_zeros),
            ..SOUND
        };
        static ZEROS_FOUR: Kernels = Kernels {
            zeros_four: Some(wrong_zeros),
            ..SOUND
        };
        let sample = noise(1000, 1);
        let messages = [&sample[..500], &sample[500..]];
        static PLAIN: Kernels = SOUND;
        compare_family(Family(&PLAIN), &messages);
        for wrong in [&FUSED_ONE, &FUSED_TWO, &ZEROS_ONE, &ZEROS_FOUR] {
            let found = catch_unwind(|| compare_family(Family(wrong), &messages));
            assert!(found.is_err(), "{wrong:?}");
        }
    }
}
