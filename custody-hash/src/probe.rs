//! A way to the single kernels, for benches and the fuzzer. Not part of the API: anything here may change at any time.

use crate::backend::{Block, INITIAL, Kernel, Kernels, Lanes, State, runnable};

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

/// Cuts the input into messages and hashes them with every family, in lanes, fused, and as saved and resumed passes.
///
/// # Panics
/// When two of them disagree.
pub fn compare_all(input: &[u8]) {
    let (cuts, mut rest) = input.split_at(input.len().min(33));
    let mut messages = Vec::new();
    for cut in cuts {
        let (message, later) = rest.split_at(usize::from(*cut).min(rest.len()));
        messages.push(message);
        rest = later;
    }
    messages.push(rest);
    let expected: Vec<[u8; 32]> = messages.iter().map(|message| sha2_digest(message)).collect();
    for family in families() {
        let found = crate::hash_many::hash_many_with(family.0, &messages);
        assert!(found == expected, "{} disagrees with sha2", family.name());
        for probe in [
            Probe::Messages(1),
            Probe::Messages(2),
            Probe::Messages(4),
            Probe::Messages(16),
        ] {
            let Probe::Messages(count) = probe else { continue };
            let (Some(lanes), Some(found)) = (messages.get(..count), family.run(probe, &messages)) else {
                continue;
            };
            let blocks = lanes.iter().map(|lane| blocks_of(lane).len()).min().unwrap_or(0);
            for (lane, state) in lanes.iter().zip(found) {
                let mut expected = INITIAL;
                sha2::block_api::compress256(&mut expected, blocks_of(lane).split_at(blocks).0);
                assert!(
                    state == expected,
                    "{} {probe:?} disagrees with sha2",
                    family.name()
                );
            }
        }
        for probe in [Probe::Fused(1), Probe::Fused(2)] {
            let Some(found) = family.run(probe, &messages) else {
                continue;
            };
            for pair in found.as_chunks::<2>().0 {
                let [whole, chunk] = pair;
                assert!(
                    whole == chunk,
                    "{} {probe:?} disagrees with itself",
                    family.name()
                );
            }
        }
    }
}

fn sha2_digest(message: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(message).into()
}

#[cfg(test)]
mod tests {
    use crate::samples::noise;

    #[test]
    fn what_the_fuzzer_does_holds_for_a_hundred_inputs() {
        for seed in 0..100 {
            super::compare_all(&noise(seed * 97, seed as u64));
        }
    }
}
