//! AVX-512 alone: sixteen messages in vectors, for processors without SHA extensions.
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
    super::{Kernels, Lanes, State, Wide, constants::ROUND_CONSTANTS, sha2_crate},
    vectors::{expand, in_every_lane, load_blocks, xor3},
};

/// For processors with AVX-512 and no SHA extensions: single messages are left to the `sha2` crate.
pub(super) static AVX512: Kernels = Kernels {
    name: "avx512",
    one: sha2_crate::compress,
    two: None,
    four: None,
    sixteen: Some(Wide {
        kernel: x16,
        from_lanes: 4,
    }),
    fused_one: None,
    fused_two: None,
    zeros_one: None,
    zeros_four: None,
};

fn x16(states: &mut [[State; 1]; 16], lanes: Lanes<'_, 16>) {
    // SAFETY: a family is handed out only where its features were detected.
    unsafe { x16_with_features(states, lanes) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn x16_with_features(states: &mut [[State; 1]; 16], lanes: Lanes<'_, 16>) {
    let mut vectors = load_states(states);
    for at in 0..lanes.blocks() {
        let before = vectors;
        // SAFETY: `at` counts up to the number of blocks.
        let loaded = unsafe { load_blocks(&lanes, at) };
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
        let [first, later @ ..] = &ROUND_CONSTANTS.0;
        macro_rules! sixteen_rounds {
            ($constants:ident, $expand:ident: $($t:literal)*) => { $(
                sixteen_rounds!(@$expand $t);
                round::<$t>(&mut vectors, words[$t], $constants[$t]);
            )* };
            (@given $t:literal) => {};
            (@expanded $t:literal) => { expand::<$t>(&mut words); };
        }
        sixteen_rounds!(first, given: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for constants in later {
            sixteen_rounds!(constants, expanded: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        for (vector, before) in vectors.iter_mut().zip(before) {
            *vector = _mm512_add_epi32(*vector, before);
        }
    }
    store_states(states, &vectors);
}

/// A round of all lanes. The vectors stand still and the names of the variables go round: `T` is the round modulo 16.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn round<const T: usize>(vectors: &mut [__m512i; 8], word: __m512i, constant: u32) {
    let place = |variable: usize| (variable + 16 - T) % 8;
    let variable = |name: usize| vectors[place(name)];
    let [a, b, c, d] = [variable(0), variable(1), variable(2), variable(3)];
    let [e, f, g, h] = [variable(4), variable(5), variable(6), variable(7)];
    let known = _mm512_add_epi32(_mm512_add_epi32(word, in_every_lane(constant)), h);
    let choice = _mm512_ternarylogic_epi32::<0xca>(e, f, g);
    let majority = _mm512_ternarylogic_epi32::<0xe8>(a, b, c);
    let sigma1 = xor3(
        _mm512_ror_epi32::<6>(e),
        _mm512_ror_epi32::<11>(e),
        _mm512_ror_epi32::<25>(e),
    );
    let sigma0 = xor3(
        _mm512_ror_epi32::<2>(a),
        _mm512_ror_epi32::<13>(a),
        _mm512_ror_epi32::<22>(a),
    );
    let first = _mm512_add_epi32(_mm512_add_epi32(known, choice), sigma1);
    vectors[place(3)] = _mm512_add_epi32(d, first);
    vectors[place(7)] = _mm512_add_epi32(_mm512_add_epi32(first, majority), sigma0);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn load_states(states: &[[State; 1]; 16]) -> [__m512i; 8] {
    let mut vectors = [_mm512_setzero_si512(); 8];
    for (variable, vector) in vectors.iter_mut().enumerate() {
        let lanes: [u32; 16] = std::array::from_fn(|lane| states[lane][0][variable]);
        // SAFETY: the array has sixteen words.
        *vector = unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) };
    }
    vectors
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn store_states(states: &mut [[State; 1]; 16], vectors: &[__m512i; 8]) {
    for (variable, vector) in vectors.iter().enumerate() {
        let mut lanes = [0_u32; 16];
        // SAFETY: the array has sixteen words.
        unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), *vector) };
        for (state, word) in states.iter_mut().zip(lanes) {
            state[0][variable] = word;
        }
    }
}
