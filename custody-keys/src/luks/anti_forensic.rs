use super::slot_hash::SlotHash;
use crate::secret_bytes::SecretBytes;

/// Puts a key together that was split over `stripes` stripes, so that losing any of them loses the key.
///
/// Source: "LUKS1 On-Disk Format Specification" 1.2.3, section 2.4. Read 2026-11-28.
pub(super) fn merge(material: &[u8], key_bytes: usize, stripes: usize, hash: SlotHash) -> SecretBytes {
    let mut key = SecretBytes::zeroed(key_bytes);
    let mut block = SecretBytes::zeroed(hash.digest_bytes());
    for (number, stripe) in (1..).zip(material.chunks_exact(key_bytes.max(1)).take(stripes)) {
        for (to, from) in key.expose_mut().iter_mut().zip(stripe) {
            *to ^= from;
        }
        if number < stripes {
            diffuse(key.expose_mut(), block.expose_mut(), hash);
        }
    }
    key
}

fn diffuse(key: &mut [u8], block: &mut [u8], hash: SlotHash) {
    for (number, part) in (0_u32..).zip(key.chunks_mut(hash.digest_bytes())) {
        hash.digest_into(&[&number.to_be_bytes(), part], block);
        for (to, from) in part.iter_mut().zip(block.iter()) {
            *to = *from;
        }
    }
}
