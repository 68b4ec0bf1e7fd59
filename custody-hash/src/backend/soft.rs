//! Portable SHA-256, written to be read beside FIPS 180-4: no tricks, no CPU features.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is below the length of a fixed-size array, as the standard writes it"
)]

use super::{Block, Kernels, Lanes, State, constants::ROUND_CONSTANTS};

/// Works on every processor.
pub(super) static SOFT: Kernels = Kernels {
    name: "soft",
    one: compress,
    two: None,
    four: None,
    sixteen: None,
    fused_one: None,
    fused_two: None,
    zeros_one: None,
    zeros_four: None,
};

fn compress(states: &mut [[State; 1]; 1], lanes: Lanes<'_, 1>) {
    let [[state]] = states;
    for block in lanes.first() {
        compress_block(state, &schedule(block));
    }
}

/// The message schedule W (section 6.2.2, step 1).
fn schedule(block: &Block) -> [u32; 64] {
    let mut w = [0; 64];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (x, y) = (w[t - 15], w[t - 2]);
        let sigma0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let sigma1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        w[t] = sigma1
            .wrapping_add(w[t - 7])
            .wrapping_add(sigma0)
            .wrapping_add(w[t - 16]);
    }
    w
}

/// The 64 rounds and the new state (section 6.2.2, steps 2 to 4).
fn compress_block(state: &mut State, w: &[u32; 64]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (t, word) in w.iter().enumerate() {
        let big_sigma1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h
            .wrapping_add(big_sigma1)
            .wrapping_add(choice)
            .wrapping_add(ROUND_CONSTANTS.0[t / 16][t % 16])
            .wrapping_add(*word);
        let big_sigma0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = big_sigma0.wrapping_add(majority);
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
    }
    for (word, added) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(added);
    }
}
