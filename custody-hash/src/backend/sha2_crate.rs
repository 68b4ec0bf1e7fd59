//! The `sha2` crate's compression function: what runs where there is no kernel of ours. It uses the ARMv8 SHA
//! extension where the processor has it.

use super::{Kernels, Lanes, State};

/// Works on every processor.
pub(super) static SHA2_CRATE: Kernels = Kernels {
    name: "sha2",
    one: compress,
    two: None,
    four: None,
    sixteen: None,
    fused_one: None,
    fused_two: None,
    zeros_one: None,
    zeros_four: None,
};

pub(super) fn compress(states: &mut [[State; 1]; 1], lanes: Lanes<'_, 1>) {
    let [[state]] = states;
    sha2::block_api::compress256(state, lanes.first());
}
