//! Zeros without memory: one static block that every lane reads from.

use crate::sha256::Sha256;

/// Large enough that a call per block costs nothing, small enough to stay in a core's second cache level.
const ZERO_BLOCK_BYTES: usize = 64 << 10;

static ZERO_BLOCK: [u8; ZERO_BLOCK_BYTES] = [0; ZERO_BLOCK_BYTES];

/// `length_bytes` zeros, as slices of one static block.
pub(crate) fn zero_slices<'a>(length_bytes: u64) -> impl Iterator<Item = &'a [u8]> {
    let mut left_bytes = length_bytes;
    std::iter::from_fn(move || {
        let now = usize::try_from(left_bytes)
            .unwrap_or(usize::MAX)
            .min(ZERO_BLOCK_BYTES);
        left_bytes -= now as u64;
        (now > 0).then(|| ZERO_BLOCK.split_at(now).0)
    })
}

/// The SHA-256 of one chunk of zeros.
pub(crate) fn zero_chunk_digest(chunk_bytes: u64) -> [u8; 32] {
    if chunk_bytes == crate::CHUNK_BYTES {
        return crate::ZERO_CHUNK_DIGEST;
    }
    let mut sha = Sha256::default();
    sha.update_zeros(chunk_bytes);
    sha.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_slices_add_up_to_the_length() {
        for length in [0, 1, 65_535, 65_536, 65_537, 1 << 20] {
            assert_eq!(
                zero_slices(length).map(|slice| slice.len() as u64).sum::<u64>(),
                length
            );
        }
    }

    #[test]
    fn the_constant_is_the_digest_of_four_mebibytes_of_zeros() {
        use sha2::Digest as _;
        let digest: [u8; 32] = sha2::Sha256::digest(vec![0; 4 << 20]).into();
        assert_eq!(zero_chunk_digest(crate::CHUNK_BYTES), digest);
    }
}
