//! The SHA-256 compression function, behind one door.
//!
//! Everything else in the crate sees [`Selected`] only. The default is the `sha2` crate, which picks the CPU's SHA
//! instructions at run time. `--cfg custody_hash_backend="soft"` forces the portable one, which is also compiled into
//! the unit tests so that both run in one binary and must agree.

#[cfg(any(test, not(custody_hash_backend = "soft")))]
mod sha2_crate;
#[cfg(any(test, custody_hash_backend = "soft"))]
mod soft;

#[cfg(not(custody_hash_backend = "soft"))]
pub(crate) use sha2_crate::Sha2Crate as Selected;
#[cfg(custody_hash_backend = "soft")]
pub(crate) use soft::Soft as Selected;

#[cfg(test)]
pub(crate) use {sha2_crate::Sha2Crate, soft::Soft};

/// Bytes in one SHA-256 block.
pub(crate) const BLOCK_BYTES: usize = 64;

/// One implementation of the SHA-256 compression function (FIPS 180-4, section 6.2.2).
pub(crate) trait Backend {
    /// How logs name it.
    const NAME: &'static str;

    /// Runs the blocks, in order, through the compression function.
    fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK_BYTES]]);
}

/// Names the SHA-256 implementation that this build uses: `sha2`, or `soft` when the build was made with
/// `--cfg custody_hash_backend="soft"`.
///
/// `sha2` itself chooses between CPU instructions and portable code when it runs; the name does not tell which.
#[must_use]
pub const fn backend_name() -> &'static str {
    Selected::NAME
}
