//! The `sha2` crate's compression function: SHA-NI or the ARMv8 SHA extension where the CPU has it.

use super::{BLOCK_BYTES, Backend};

#[derive(Debug)]
pub(crate) struct Sha2Crate;

impl Backend for Sha2Crate {
    const NAME: &'static str = "sha2";

    fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) {
        sha2::block_api::compress256(state, blocks);
    }
}
