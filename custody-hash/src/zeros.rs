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

/// Whether all bytes are zero. Of data that is not it looks at half a kibibyte at most before it says so.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    const AT_ONCE: usize = 512;
    let (groups, rest) = bytes.as_chunks::<AT_ONCE>();
    // Without an early way out in the group, so that it becomes vector instructions.
    let is_zero_group = |group: &[u8; AT_ONCE]| {
        let words = group.as_chunks().0.iter();
        words.fold(0, |any, word| any | u64::from_ne_bytes(*word)) == 0
    };
    groups.iter().all(is_zero_group) && rest.iter().all(|byte| *byte == 0)
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
    fn one_bit_anywhere_is_no_zero() {
        let mut bytes = vec![0; 1_300];
        assert!(is_zero(&bytes) && is_zero(&[]));
        for at in 0..bytes.len() {
            bytes[at] = 1 << (at % 8);
            assert!(!is_zero(&bytes), "{at}");
            bytes[at] = 0;
        }
    }

    #[test]
    fn the_constant_is_the_digest_of_four_mebibytes_of_zeros() {
        use sha2::Digest as _;
        let digest: [u8; 32] = sha2::Sha256::digest(vec![0; 4 << 20]).into();
        assert_eq!(zero_chunk_digest(crate::CHUNK_BYTES), digest);
    }
}
