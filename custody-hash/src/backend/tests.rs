//! Every kernel of every family that this processor can run, against the `sha2` crate's compression function.

use proptest::prelude::*;

use super::*;
use crate::samples::noise;

/// Messages of so many blocks each, at an odd address.
struct Messages {
    bytes: Vec<u8>,
    blocks: Vec<usize>,
}

impl Messages {
    fn new(blocks: &[usize], seed: u64) -> Self {
        let length = blocks.iter().sum::<usize>() * BLOCK_BYTES;
        Self {
            bytes: noise(length + 1, seed),
            blocks: blocks.to_vec(),
        }
    }

    fn all(&self) -> Vec<&[Block]> {
        let mut rest = self.bytes[1..].as_chunks().0;
        let each = self.blocks.iter().map(|blocks| {
            let (message, later) = rest.split_at(*blocks);
            rest = later;
            message
        });
        each.collect()
    }
}

fn state(seed: usize) -> State {
    std::array::from_fn(|word| {
        INITIAL[word].wrapping_add(
            u32::try_from(seed * 977 + word)
                .unwrap()
                .wrapping_mul(0x9e37_79b1),
        )
    })
}

fn expected(mut state: State, blocks: &[Block]) -> State {
    sha2::block_api::compress256(&mut state, blocks);
    state
}

fn check<const N: usize, const C: usize>(kernel: Kernel<N, C>, blocks: usize, name: &str) {
    let messages = Messages::new(&[blocks; N], (blocks * N + C) as u64);
    let lanes: [&[Block]; N] = messages.all().try_into().unwrap();
    let before: [[State; C]; N] = std::array::from_fn(|lane| std::array::from_fn(|of| state(lane * C + of)));
    let mut states = before;
    kernel(&mut states, Lanes::new(lanes));
    for lane in 0..N {
        let expected = before[lane].map(|state| expected(state, lanes[lane]));
        assert_eq!(
            states[lane], expected,
            "{name}: lane {lane} of {N} x {C}, {blocks} blocks"
        );
    }
}

#[test]
fn every_kernel_agrees_with_the_sha2_crate() {
    for family in runnable() {
        let name = family.name;
        for blocks in (0..20).chain([63, 64, 65, 1023, 1024, 1025]) {
            check(family.one, blocks, name);
            family.two.iter().for_each(|kernel| check(*kernel, blocks, name));
            family.four.iter().for_each(|kernel| check(*kernel, blocks, name));
            family
                .sixteen
                .iter()
                .for_each(|wide| check(wide.kernel, blocks, name));
            family
                .fused_one
                .iter()
                .for_each(|kernel| check(*kernel, blocks, name));
            family
                .fused_two
                .iter()
                .for_each(|kernel| check(*kernel, blocks, name));
        }
    }
}

#[test]
fn blocks_of_zeros_need_no_schedule() {
    for family in runnable() {
        for blocks in [0_u32, 1, 2, 63, 1025] {
            let zeros = vec![[0; BLOCK_BYTES]; blocks as usize];
            for count in 0..10 {
                let mut states: Vec<State> = (0..count).map(state).collect();
                let mut borrowed: Vec<&mut State> = states.iter_mut().collect();
                family.compress_zeros(&mut borrowed, u64::from(blocks));
                let expected: Vec<State> = (0..count).map(|seed| expected(state(seed), &zeros)).collect();
                assert_eq!(
                    states, expected,
                    "{}: {blocks} blocks, {count} states",
                    family.name
                );
            }
        }
    }
}

#[test]
fn the_fused_pair_may_be_of_two_lengths() {
    for family in runnable() {
        for lengths in [[0, 0], [0, 3], [3, 0], [5, 9], [9, 5], [4, 4]] {
            let messages = Messages::new(&lengths, 7);
            let lanes = messages.all();
            let mut states: [State; 4] = std::array::from_fn(state);
            let [a, b, c, d] = &mut states;
            family.compress_fused_pair([
                FusedStrand {
                    states: [a, b],
                    blocks: lanes[0],
                },
                FusedStrand {
                    states: [c, d],
                    blocks: lanes[1],
                },
            ]);
            let expected: [State; 4] = std::array::from_fn(|at| expected(state(at), lanes[at / 2]));
            assert_eq!(states, expected, "{}: {lengths:?} blocks", family.name);
        }
    }
}

fn check_strands(blocks: &[usize], seed: u64) -> Result<(), TestCaseError> {
    let messages = Messages::new(blocks, seed);
    let lanes = messages.all();
    let expected: Vec<State> = lanes
        .iter()
        .enumerate()
        .map(|(at, blocks)| expected(state(at), blocks))
        .collect();
    for family in runnable() {
        let mut states: Vec<State> = (0..lanes.len()).map(state).collect();
        let strands = states.iter_mut().zip(&lanes);
        let mut strands: Vec<Strand<'_>> = strands.map(|(state, blocks)| Strand { state, blocks }).collect();
        compress_strands(family, &mut strands);
        prop_assert_eq!(&states, &expected, "{}", family.name);
    }
    Ok(())
}

#[test]
fn every_number_of_strands_finds_its_kernels() {
    for count in 0..40 {
        check_strands(&vec![9; count], 11).unwrap();
        let uneven: Vec<usize> = (0..count).map(|at| at * 7 % 13).collect();
        check_strands(&uneven, 12).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn strands_of_any_lengths_agree_with_the_sha2_crate(
        blocks in proptest::collection::vec(prop_oneof![Just(0_usize), 1..8_usize, 8..200_usize], 0..40),
        seed in any::<u64>(),
    ) {
        check_strands(&blocks, seed)?;
    }
}

#[test]
fn a_forced_backend_is_the_one_that_runs() {
    let forced = option_env!("CUSTODY_HASH_FORCED_BACKEND");
    if let Some(forced) = forced {
        assert_eq!(backend_name(), forced);
    }
    assert!(runnable().iter().any(|family| family.name == backend_name()));
}
