//! Sixteen messages: the schedule in vectors, the rounds by the SHA extensions, woven into one another.
//!
//! The schedule is what the SHA unit is slow at, two cycles for four words of one message; a vector makes a word of
//! sixteen. While the rounds of one block run, four lanes at a time, the vectors make the schedule of the next: each
//! half keeps busy what the other leaves idle.
#![expect(
    unsafe_code,
    reason = "instructions of the processor, each behind the features of its family"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "every index is below the length of a fixed-size array"
)]

use std::arch::x86_64::*;

use super::{
    super::{Lanes, State, constants::ROUND_CONSTANTS},
    sha_ni::{
        Chain,
        avx512::{load_state, store_state},
    },
    vectors::{expand, in_every_lane, load_blocks},
};

/// Words of the schedule of sixteen lanes, round constants added, in pairs: what two rounds of one lane take.
///
/// Pair `p` of lane `n` is in row `p`. Unpacking puts the first two lanes of every four into the first half of a row
/// and the others into its second half.
#[repr(align(64))]
struct Schedule([[[u64; 8]; 2]; 32]);

const EMPTY: Schedule = Schedule([[[0; 8]; 2]; 32]);

/// Lanes whose rounds run at once: enough chains that the SHA unit never waits.
const AT_ONCE: usize = 4;

pub(super) fn mix16(states: &mut [[State; 1]; 16], lanes: Lanes<'_, 16>) {
    // SAFETY: a family is handed out only where its features were detected.
    unsafe { mix16_with_features(states, lanes) }
}

#[target_feature(enable = "sha,avx512f,avx512bw,avx512vl,avx512dq")]
fn mix16_with_features(states: &mut [[State; 1]; 16], lanes: Lanes<'_, 16>) {
    if lanes.blocks() == 0 {
        return;
    }
    let mut chains = [[_mm_setzero_si128(); 2]; 16];
    for (chain, [state]) in chains.iter_mut().zip(states.iter()) {
        *chain = load_state(state);
    }
    let (mut first, mut second) = (EMPTY, EMPTY);
    let (mut now, mut next) = (&mut first, &mut second);
    make_schedule(&lanes, now);
    for at in 0..lanes.blocks() {
        // After the last block its schedule is made once more, and not used.
        let ahead = (at + 1).min(lanes.blocks() - 1);
        // SAFETY: `ahead` is at most the last block.
        let loaded = unsafe { load_blocks(&lanes, ahead) };
        // Taken apart and put together, so that they live in registers and not where they were returned.
        let [
            w0,
            w1,
            w2,
            w3,
            w4,
            w5,
            w6,
            w7,
            w8,
            w9,
            w10,
            w11,
            w12,
            w13,
            w14,
            w15,
        ] = loaded;
        let mut words = [
            w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
        ];
        let mut even = words[0];
        for group in 0..4 {
            let mut four: [Chain; AT_ONCE] = std::array::from_fn(|lane| chains[AT_ONCE * group + lane]);
            macro_rules! steps {
                ($($t:literal)*) => { $(
                    for (lane, chain) in four.iter_mut().enumerate() {
                        chain[1] = _mm_sha256rnds2_epu32(chain[1], chain[0], pair(now, 2 * $t, group, lane));
                    }
                    // A branch at every step, always foreseen: it also keeps the compiler from moving the loads of
                    // many steps together, which costs more registers than there are.
                    if group > 0 {
                        expand::<$t>(&mut words);
                    }
                    let word = _mm512_add_epi32(words[$t], in_every_lane(ROUND_CONSTANTS.0[group][$t]));
                    if $t % 2 == 0 {
                        even = word;
                    } else {
                        store_pair(&mut next.0[8 * group + $t / 2], even, word);
                    }
                    for (lane, chain) in four.iter_mut().enumerate() {
                        chain[0] = _mm_sha256rnds2_epu32(chain[0], chain[1], pair(now, 2 * $t + 1, group, lane));
                    }
                )* };
            }
            steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            for (lane, chain) in four.into_iter().enumerate() {
                for (half, done) in chain.into_iter().enumerate() {
                    let before = &mut chains[AT_ONCE * group + lane][half];
                    *before = _mm_add_epi32(*before, done);
                }
            }
        }
        std::mem::swap(&mut now, &mut next);
    }
    for ([state], chain) in states.iter_mut().zip(chains) {
        store_state(state, chain);
    }
}

/// The schedule of the first block, with nothing to do beside it.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn make_schedule(lanes: &Lanes<'_, 16>, schedule: &mut Schedule) {
    // SAFETY: the caller has at least one block.
    let mut words = unsafe { load_blocks(lanes, 0) };
    for (group, constants) in ROUND_CONSTANTS.0.iter().enumerate() {
        if group > 0 {
            macro_rules! expand_all {
                ($($t:literal)*) => { $( expand::<$t>(&mut words); )* };
            }
            expand_all!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        for at in 0..8 {
            let even = _mm512_add_epi32(words[2 * at], in_every_lane(constants[2 * at]));
            let odd = _mm512_add_epi32(words[2 * at + 1], in_every_lane(constants[2 * at + 1]));
            store_pair(&mut schedule.0[8 * group + at], even, odd);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn store_pair(row: &mut [[u64; 8]; 2], even: __m512i, odd: __m512i) {
    let [front, back] = row;
    // SAFETY: half a row is as large as a vector.
    unsafe { _mm512_storeu_si512(front.as_mut_ptr().cast(), _mm512_unpacklo_epi32(even, odd)) };
    // SAFETY: as before.
    unsafe { _mm512_storeu_si512(back.as_mut_ptr().cast(), _mm512_unpackhi_epi32(even, odd)) };
}

/// What the next two rounds of a lane take, where `lane` is its number within its group of four.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn pair(schedule: &Schedule, row: usize, group: usize, lane: usize) -> __m128i {
    let word = schedule.0[row][lane / 2][2 * group + lane % 2];
    _mm_cvtsi64_si128(word.cast_signed())
}
