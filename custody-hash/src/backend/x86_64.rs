//! The kernels for x86-64, and which of them this processor can run.

use std::arch::is_x86_feature_detected as has;

use super::Kernels;

mod mix16;
mod sha_ni;
mod vectors;
mod x16;

/// The families that this processor can run, the fastest first.
///
/// Nothing but this hands them out: that is why calling one of their functions is sound.
pub(super) fn runnable() -> Vec<&'static Kernels> {
    let sha_ni = has!("sha") && has!("sse4.1") && has!("ssse3");
    let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq");
    let families = [
        (sha_ni && avx512, &sha_ni::SHA_NI_AVX512),
        (sha_ni, &sha_ni::SHA_NI),
        (avx512, &x16::AVX512),
    ];
    families
        .into_iter()
        .filter_map(|(runs, family)| runs.then_some(family))
        .collect()
}
