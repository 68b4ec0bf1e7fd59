//! The SHA extensions: one, two or four messages at once, with one state each or, fused, with two.
//!
//! Every round of a message waits four cycles for the one before it; the unit can begin one a cycle. So one message is
//! as slow as that wait, and other chains, of other messages or of a second state of the same message, run in its
//! shadow. The schedule costs two of the twelve instructions that the unit does for four rounds, whoever uses it.
//!
//! The same code is compiled twice. With AVX-512VL there are 32 registers and no instruction has the legacy encoding
//! but the SHA ones: beside the wide kernels that is a fifth faster, and the fused pair does not spill.
#![expect(
    unsafe_code,
    reason = "instructions of the processor, each behind the features of its family"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a constant below the length of a fixed-size array"
)]

use std::arch::x86_64::*;

use super::super::{Kernels, Lanes, State, Wide, constants::ROUND_CONSTANTS};

/// For processors with SHA extensions and no AVX-512.
pub(super) static SHA_NI: Kernels = Kernels {
    name: "sha_ni",
    one: sse::one,
    two: Some(sse::two),
    four: Some(sse::four),
    sixteen: None,
    fused_one: Some(sse::fused_one),
    // With 16 registers a fused pair spills so much that one after the other is faster.
    fused_two: None,
    zeros_one: Some(sse::zeros_one),
    zeros_four: Some(sse::zeros_four),
};

/// For processors with both.
pub(super) static SHA_NI_AVX512: Kernels = Kernels {
    name: "sha_ni_avx512",
    one: avx512::one,
    two: Some(avx512::two),
    four: Some(avx512::four),
    sixteen: Some(Wide {
        kernel: super::mix16::mix16,
        from_lanes: 15,
    }),
    fused_one: Some(avx512::fused_one),
    fused_two: Some(avx512::fused_two),
    zeros_one: Some(avx512::zeros_one),
    zeros_four: Some(avx512::zeros_four),
};

/// A state as the rounds want it: a, b, e, f in the first vector from the top, c, d, g, h in the second.
pub(super) type Chain = [__m128i; 2];

/// All of a family's kernels, compiled for these features.
macro_rules! family {
    ($features:literal, $registers:literal) => {
        use super::*;
        /// How many vector registers there are.
        const REGISTERS: usize = $registers;

        #[inline]
        #[target_feature(enable = $features)]
        fn load_words(words: &[u32; 4]) -> __m128i {
            // SAFETY: four words are as large as a vector.
            unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn store_words(words: &mut [u32; 4], vector: __m128i) {
            // SAFETY: four words are as large as a vector.
            unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), vector) }
        }

        /// Four words of a message, which has the most significant byte of each first.
        #[inline]
        #[target_feature(enable = $features)]
        fn load_message(bytes: &[u8; 16]) -> __m128i {
            // SAFETY: sixteen bytes are as large as a vector.
            let vector = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            _mm_shuffle_epi8(
                vector,
                _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3),
            )
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(in crate::backend) fn load_state(state: &State) -> Chain {
            let words = state.as_chunks().0;
            let dcba = _mm_shuffle_epi32::<0x1b>(load_words(&words[0]));
            let hgfe = _mm_shuffle_epi32::<0x1b>(load_words(&words[1]));
            [_mm_unpackhi_epi64(hgfe, dcba), _mm_unpacklo_epi64(hgfe, dcba)]
        }

        #[inline]
        #[target_feature(enable = $features)]
        pub(in crate::backend) fn store_state(state: &mut State, chain: Chain) {
            let [abef, cdgh] = chain;
            let (dcba, hgfe) = (_mm_unpackhi_epi64(cdgh, abef), _mm_unpacklo_epi64(cdgh, abef));
            let words = state.as_chunks_mut().0;
            store_words(&mut words[0], _mm_shuffle_epi32::<0x1b>(dcba));
            store_words(&mut words[1], _mm_shuffle_epi32::<0x1b>(hgfe));
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn round_constants<const QUAD: usize>() -> __m128i {
            load_words(&ROUND_CONSTANTS.0[QUAD / 4].as_chunks().0[QUAD % 4])
        }

        /// Four rounds of every chain, and the four words of the schedule that come sixteen rounds later.
        #[inline]
        #[target_feature(enable = $features)]
        fn four_rounds<const N: usize, const C: usize, const QUAD: usize>(
            chains: &mut [[Chain; C]; N],
            words: &mut [[__m128i; 4]; N],
        ) {
            let constants = round_constants::<QUAD>();
            if N * C <= 2 || C > 1 && REGISTERS >= 32 {
                let mut sums = [constants; N];
                for lane in 0..N {
                    sums[lane] = _mm_add_epi32(words[lane][QUAD % 4], constants);
                }
                for lane in 0..N {
                    for chain in &mut chains[lane] {
                        chain[1] = _mm_sha256rnds2_epu32(chain[1], chain[0], sums[lane]);
                    }
                }
                if QUAD < 12 {
                    for lane in 0..N {
                        let ago = |quads: usize| words[lane][(QUAD + 4 - quads) % 4];
                        let (oldest, older, old, newest) = (ago(4), ago(3), ago(2), ago(1));
                        let seven_ago = _mm_alignr_epi8::<4>(newest, old);
                        let partial = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, older), seven_ago);
                        words[lane][QUAD % 4] = _mm_sha256msg2_epu32(partial, newest);
                    }
                }
                for lane in 0..N {
                    let upper = _mm_shuffle_epi32::<0x0e>(sums[lane]);
                    for chain in &mut chains[lane] {
                        chain[0] = _mm_sha256rnds2_epu32(chain[0], chain[1], upper);
                    }
                }
                return;
            }
            // Else a lane goes after the other, so that few values are alive at once; the processor still overlaps
            // them.
            for lane in 0..N {
                let sum = _mm_add_epi32(words[lane][QUAD % 4], constants);
                for chain in &mut chains[lane] {
                    chain[1] = _mm_sha256rnds2_epu32(chain[1], chain[0], sum);
                }
                if QUAD < 12 {
                    let ago = |quads: usize| words[lane][(QUAD + 4 - quads) % 4];
                    let (oldest, older, old, newest) = (ago(4), ago(3), ago(2), ago(1));
                    let seven_ago = _mm_alignr_epi8::<4>(newest, old);
                    let partial = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, older), seven_ago);
                    words[lane][QUAD % 4] = _mm_sha256msg2_epu32(partial, newest);
                }
                let upper = _mm_shuffle_epi32::<0x0e>(sum);
                for chain in &mut chains[lane] {
                    chain[0] = _mm_sha256rnds2_epu32(chain[0], chain[1], upper);
                }
            }
        }

        /// All blocks of `N` messages into their `C` states each.
        #[inline]
        #[target_feature(enable = $features)]
        fn messages<const N: usize, const C: usize>(states: &mut [[State; C]; N], lanes: Lanes<'_, N>) {
            let zero = _mm_setzero_si128();
            let mut chains = [[[zero; 2]; C]; N];
            for lane in 0..N {
                for chain in 0..C {
                    chains[lane][chain] = load_state(&states[lane][chain]);
                }
            }
            for at in 0..lanes.blocks() {
                let before = chains;
                let mut words = [[zero; 4]; N];
                for lane in 0..N {
                    // SAFETY: `at` counts up to the number of blocks.
                    let block = unsafe { lanes.block(lane, at) };
                    for quad in 0..4 {
                        words[lane][quad] = load_message(&block.as_chunks().0[quad]);
                    }
                }
                four_rounds::<N, C, 0>(&mut chains, &mut words);
                four_rounds::<N, C, 1>(&mut chains, &mut words);
                four_rounds::<N, C, 2>(&mut chains, &mut words);
                four_rounds::<N, C, 3>(&mut chains, &mut words);
                four_rounds::<N, C, 4>(&mut chains, &mut words);
                four_rounds::<N, C, 5>(&mut chains, &mut words);
                four_rounds::<N, C, 6>(&mut chains, &mut words);
                four_rounds::<N, C, 7>(&mut chains, &mut words);
                four_rounds::<N, C, 8>(&mut chains, &mut words);
                four_rounds::<N, C, 9>(&mut chains, &mut words);
                four_rounds::<N, C, 10>(&mut chains, &mut words);
                four_rounds::<N, C, 11>(&mut chains, &mut words);
                four_rounds::<N, C, 12>(&mut chains, &mut words);
                four_rounds::<N, C, 13>(&mut chains, &mut words);
                four_rounds::<N, C, 14>(&mut chains, &mut words);
                four_rounds::<N, C, 15>(&mut chains, &mut words);
                for lane in 0..N {
                    for chain in 0..C {
                        for half in 0..2 {
                            chains[lane][chain][half] =
                                _mm_add_epi32(chains[lane][chain][half], before[lane][chain][half]);
                        }
                    }
                }
            }
            for lane in 0..N {
                for chain in 0..C {
                    store_state(&mut states[lane][chain], chains[lane][chain]);
                }
            }
        }

        /// Blocks of zeros: every word of their schedule is zero, so that only the round constants are left.
        #[inline]
        #[target_feature(enable = $features)]
        fn zeros<const N: usize>(states: &mut [State; N], blocks: u64) {
            let mut chains = [[_mm_setzero_si128(); 2]; N];
            for lane in 0..N {
                chains[lane] = load_state(&states[lane]);
            }
            for _ in 0..blocks {
                let before = chains;
                for row in &ROUND_CONSTANTS.0 {
                    for quad in 0..4 {
                        let lower = load_words(&row.as_chunks().0[quad]);
                        let upper = _mm_shuffle_epi32::<0x0e>(lower);
                        for chain in &mut chains {
                            chain[1] = _mm_sha256rnds2_epu32(chain[1], chain[0], lower);
                        }
                        for chain in &mut chains {
                            chain[0] = _mm_sha256rnds2_epu32(chain[0], chain[1], upper);
                        }
                    }
                }
                for lane in 0..N {
                    for half in 0..2 {
                        chains[lane][half] = _mm_add_epi32(chains[lane][half], before[lane][half]);
                    }
                }
            }
            for lane in 0..N {
                store_state(&mut states[lane], chains[lane]);
            }
        }

        family!(@kernel $features, one, messages::<1, 1>, [[State; 1]; 1], Lanes<'_, 1>);
        family!(@kernel $features, two, messages::<2, 1>, [[State; 1]; 2], Lanes<'_, 2>);
        family!(@kernel $features, four, messages::<4, 1>, [[State; 1]; 4], Lanes<'_, 4>);
        family!(@kernel $features, fused_one, messages::<1, 2>, [[State; 2]; 1], Lanes<'_, 1>);
        family!(@kernel $features, zeros_one, zeros::<1>, [State; 1], u64);
        family!(@kernel $features, zeros_four, zeros::<4>, [State; 4], u64);
    };
    (@kernel $features:literal, $name:ident, $body:expr, $states:ty, $input:ty) => {
        pub(super) fn $name(states: &mut $states, input: $input) {
            #[target_feature(enable = $features)]
            fn with_features(states: &mut $states, input: $input) {
                $body(states, input);
            }
            // SAFETY: a family is handed out only where its features were detected.
            unsafe { with_features(states, input) }
        }
    };
}

mod sse {
    family!("sha,sse4.1,ssse3", 16);
}

pub(super) mod avx512 {
    family!("sha,avx512f,avx512bw,avx512vl,avx512dq", 32);
    family!(@kernel "sha,avx512f,avx512bw,avx512vl,avx512dq", fused_two, messages::<2, 2>, [[State; 2]; 2], Lanes<'_, 2>);
}
