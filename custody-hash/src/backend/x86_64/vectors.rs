//! Sixteen messages in vectors of sixteen words: word `t` of lane `n` is element `n` of vector `t`.
#![expect(unsafe_code, reason = "loads of vectors")]
#![expect(
    clippy::indexing_slicing,
    reason = "every index is below the length of a fixed-size array"
)]

use std::arch::x86_64::*;

use super::super::{Block, Lanes};

/// One block of each lane, its words in order.
///
/// Quarters are put in their places by masked loads, which leaves the shuffle unit the transposition alone.
///
/// # Safety
/// `at` is below `lanes.blocks()`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) unsafe fn load_blocks(lanes: &Lanes<'_, 16>, at: usize) -> [__m512i; 16] {
    // SAFETY: the caller keeps `at` below the number of blocks.
    let blocks: [&Block; 16] = std::array::from_fn(|lane| unsafe { lanes.block(lane, at) });
    // Spelled out: an array that is indexed in a loop would stay in memory for good.
    let [w0, w1, w2, w3] = load_column::<0>(&blocks);
    let [w4, w5, w6, w7] = load_column::<1>(&blocks);
    let [w8, w9, w10, w11] = load_column::<2>(&blocks);
    let [w12, w13, w14, w15] = load_column::<3>(&blocks);
    [
        w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
    ]
}

/// Four words of each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn load_column<const COLUMN: usize>(blocks: &[&Block; 16]) -> [__m512i; 4] {
    // Row `n`: four words of each of the lanes n, 4 + n, 8 + n and 12 + n, one after the other.
    let first = load_row::<0, COLUMN>(blocks);
    let second = load_row::<1, COLUMN>(blocks);
    let third = load_row::<2, COLUMN>(blocks);
    let fourth = load_row::<3, COLUMN>(blocks);
    let front = _mm512_unpacklo_epi32(first, second);
    let back = _mm512_unpackhi_epi32(first, second);
    let other_front = _mm512_unpacklo_epi32(third, fourth);
    let other_back = _mm512_unpackhi_epi32(third, fourth);
    [
        _mm512_unpacklo_epi64(front, other_front),
        _mm512_unpackhi_epi64(front, other_front),
        _mm512_unpacklo_epi64(back, other_back),
        _mm512_unpackhi_epi64(back, other_back),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn load_row<const ROW: usize, const COLUMN: usize>(blocks: &[&Block; 16]) -> __m512i {
    let mut row = _mm512_zextsi128_si512(load_quarter::<COLUMN>(blocks[ROW]));
    row = _mm512_mask_broadcast_i32x4(row, 0x00f0, load_quarter::<COLUMN>(blocks[ROW + 4]));
    row = _mm512_mask_broadcast_i32x4(row, 0x0f00, load_quarter::<COLUMN>(blocks[ROW + 8]));
    row = _mm512_mask_broadcast_i32x4(row, 0xf000, load_quarter::<COLUMN>(blocks[ROW + 12]));
    let big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm512_shuffle_epi8(row, _mm512_broadcast_i32x4(big_endian))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn load_quarter<const COLUMN: usize>(block: &Block) -> __m128i {
    let bytes = &block[16 * COLUMN..16 * COLUMN + 16];
    // SAFETY: the slice has sixteen bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Word `t` of the schedule in place of word `t - 16`; `T` is `t` modulo 16.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) fn expand<const T: usize>(words: &mut [__m512i; 16]) {
    let (old, recent) = (words[(T + 1) % 16], words[(T + 14) % 16]);
    let sigma0 = xor3(
        _mm512_ror_epi32::<7>(old),
        _mm512_ror_epi32::<18>(old),
        _mm512_srli_epi32::<3>(old),
    );
    let sigma1 = xor3(
        _mm512_ror_epi32::<17>(recent),
        _mm512_ror_epi32::<19>(recent),
        _mm512_srli_epi32::<10>(recent),
    );
    let known = _mm512_add_epi32(_mm512_add_epi32(words[T], words[(T + 9) % 16]), sigma0);
    words[T] = _mm512_add_epi32(known, sigma1);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// The round constant in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) fn in_every_lane(constant: u32) -> __m512i {
    _mm512_set1_epi32(constant.cast_signed())
}
