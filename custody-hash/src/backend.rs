//! The SHA-256 compression function (FIPS 180-4, section 6.2.2), behind one door.
//!
//! A [`Kernels`] is a family of functions that all compute it, for one message or for several at once. Everything else
//! in the crate asks [`kernels`] for the family that suits this processor, which is found out once when it runs.
//! `--cfg custody_hash_backend="…"` forces one. This is the only place with unsafe code: each kernel is a file, each
//! unsafe block one operation, and [`Lanes`] the only thing that holds pointers.

use std::sync::LazyLock;

mod constants;
mod lanes;
mod sha2_crate;
#[cfg(any(test, fuzzing, custody_hash_backend = "soft"))]
mod soft;
#[cfg(target_arch = "x86_64")]
mod x86_64;

mod many;

pub(crate) use constants::INITIAL;
pub(crate) use lanes::{Block, Lanes, State};
pub(crate) use many::{Strand, compress_strands};

/// Bytes in one SHA-256 block.
pub(crate) const BLOCK_BYTES: usize = 64;

/// A kernel that takes one block of each of `N` messages in a step. Each message has `C` states, which all take in
/// the same blocks: two of them, a whole image's and its chunk's, share the work of one message schedule.
pub(crate) type Kernel<const N: usize, const C: usize> = fn(&mut [[State; C]; N], Lanes<'_, N>);

/// A kernel that takes in so many blocks of zeros, whose schedule is known beforehand.
pub(crate) type ZeroKernel<const N: usize> = fn(&mut [State; N], u64);

/// The kernels for one kind of processor. What is `None` is done by the ones that are there.
#[derive(Debug)]
pub(crate) struct Kernels {
    /// How logs name it.
    pub(crate) name: &'static str,
    pub(crate) one: Kernel<1, 1>,
    pub(crate) two: Option<Kernel<2, 1>>,
    pub(crate) four: Option<Kernel<4, 1>>,
    pub(crate) sixteen: Option<Wide>,
    pub(crate) fused_one: Option<Kernel<1, 2>>,
    pub(crate) fused_two: Option<Kernel<2, 2>>,
    pub(crate) zeros_one: Option<ZeroKernel<1>>,
    pub(crate) zeros_four: Option<ZeroKernel<4>>,
}

/// The kernel of sixteen lanes, and from how many lanes on it is worth it: the others then idle.
#[derive(Debug)]
pub(crate) struct Wide {
    pub(crate) kernel: Kernel<16, 1>,
    pub(crate) from_lanes: usize,
}

/// A message whose whole-image state and chunk state take in the same blocks.
#[derive(Debug)]
pub(crate) struct FusedStrand<'a> {
    pub(crate) states: [&'a mut State; 2],
    pub(crate) blocks: &'a [Block],
}

/// The family that this process uses.
pub(crate) fn kernels() -> &'static Kernels {
    static SELECTED: LazyLock<&'static Kernels> = LazyLock::new(select);
    &SELECTED
}

/// Names the SHA-256 implementation that this process uses: `sha_ni_avx512`, `sha_ni` or `avx512` after what the
/// processor has; `sha2`, the `sha2` crate's compression function, on any other.
///
/// A build with `--cfg custody_hash_backend="…"` uses the one it names, or `soft`; one that this processor cannot run
/// falls back to `sha2`, and this name then says so.
#[must_use]
pub fn backend_name() -> &'static str {
    kernels().name
}

fn select() -> &'static Kernels {
    let all = runnable();
    let best = all.iter().copied().find(|family| is_wanted(family.name));
    best.unwrap_or(&sha2_crate::SHA2_CRATE)
}

/// Whether the build lets a family be used.
fn is_wanted(name: &str) -> bool {
    let forced = [
        ("avx512", cfg!(custody_hash_backend = "avx512")),
        ("sha2", cfg!(custody_hash_backend = "sha2")),
        ("sha_ni", cfg!(custody_hash_backend = "sha_ni")),
        ("sha_ni_avx512", cfg!(custody_hash_backend = "sha_ni_avx512")),
        ("soft", cfg!(custody_hash_backend = "soft")),
    ];
    match forced.iter().find(|(_, is_forced)| *is_forced) {
        Some((only, _)) => *only == name,
        None => true,
    }
}

/// The families that this processor can run, the fastest first.
pub(crate) fn runnable() -> Vec<&'static Kernels> {
    let mut all = Vec::new();
    #[cfg(target_arch = "x86_64")]
    all.extend(x86_64::runnable());
    all.push(&sha2_crate::SHA2_CRATE);
    #[cfg(any(test, fuzzing, custody_hash_backend = "soft"))]
    all.push(&soft::SOFT);
    all
}

impl Kernels {
    /// Runs the blocks, in order, through the compression function.
    pub(crate) fn compress(&self, state: &mut State, blocks: &[Block]) {
        let mut states = [[*state]];
        (self.one)(&mut states, Lanes::new([blocks]));
        let [[done]] = states;
        *state = done;
    }

    /// The same for two states that take in the same blocks: in no more time than for one, where the processor's
    /// rounds wait for one another.
    pub(crate) fn compress_fused(&self, strand: FusedStrand<'_>) {
        let FusedStrand {
            states: [whole, chunk],
            blocks,
        } = strand;
        match self.fused_one {
            Some(fused) => {
                let mut states = [[*whole, *chunk]];
                fused(&mut states, Lanes::new([blocks]));
                let [done] = states;
                [*whole, *chunk] = done;
            }
            None => {
                self.compress(whole, blocks);
                self.compress(chunk, blocks);
            }
        }
    }

    /// The same for two messages at once; what one of them has more of is done by itself.
    pub(crate) fn compress_fused_pair(&self, pair: [FusedStrand<'_>; 2]) {
        let [first, second] = pair;
        let both = first.blocks.len().min(second.blocks.len());
        let (first_now, first_later) = first.blocks.split_at(both);
        let (second_now, second_later) = second.blocks.split_at(both);
        match self.fused_two {
            Some(fused) if both > 0 => {
                let ([whole, chunk], [other_whole, other_chunk]) = (first.states, second.states);
                let mut states = [[*whole, *chunk], [*other_whole, *other_chunk]];
                fused(&mut states, Lanes::new([first_now, second_now]));
                [[*whole, *chunk], [*other_whole, *other_chunk]] = states;
                self.compress_fused(FusedStrand {
                    states: [whole, chunk],
                    blocks: first_later,
                });
                let states = [other_whole, other_chunk];
                self.compress_fused(FusedStrand {
                    states,
                    blocks: second_later,
                });
            }
            _ => {
                self.compress_fused(first);
                self.compress_fused(second);
            }
        }
    }

    /// Takes the same number of zero blocks into any number of states.
    pub(crate) fn compress_zeros(&self, states: &mut [&mut State], blocks: u64) {
        let mut rest = states;
        if let Some(four) = self.zeros_four {
            // Three states in four lanes still end sooner than one after the other.
            while rest.len() > 1 {
                let (now, later) = rest.split_at_mut(rest.len().min(4));
                let mut lanes = [INITIAL; 4];
                for (lane, state) in lanes.iter_mut().zip(now.iter()) {
                    *lane = **state;
                }
                four(&mut lanes, blocks);
                for (state, lane) in now.iter_mut().zip(lanes) {
                    **state = lane;
                }
                rest = later;
            }
        }
        for state in rest {
            self.compress_zeros_of_one(state, blocks);
        }
    }

    fn compress_zeros_of_one(&self, state: &mut State, blocks: u64) {
        const AT_ONCE: usize = 1024;
        static ZEROS: [Block; AT_ONCE] = [[0; BLOCK_BYTES]; AT_ONCE];
        if let Some(one) = self.zeros_one {
            let mut states = [*state];
            one(&mut states, blocks);
            let [done] = states;
            *state = done;
            return;
        }
        let mut left = blocks;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(AT_ONCE).min(AT_ONCE);
            self.compress(state, ZEROS.split_at(now).0);
            left -= now as u64;
        }
    }
}

#[cfg(test)]
mod tests;
