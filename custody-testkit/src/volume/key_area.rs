use aes::Aes256;
use hmac::Hmac;
use sha2::{Digest as _, Sha256};

use super::encrypt_sectors;
use crate::fake::pattern;

/// What both versions of LUKS use: SHA-256 everywhere, AES-XTS with keys of 512 bits, 4000 stripes.
pub(super) const KEY_BYTES: usize = 64;
pub(super) const STRIPES: usize = 4000;
/// As few as are taken: these volumes protect nothing.
pub(super) const ITERATIONS: u32 = 1000;

pub(super) fn pbkdf2(password: &[u8], salt: &[u8], out: &mut [u8]) {
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, ITERATIONS, out).expect("HMAC takes keys of any length");
}

/// The volume's key, split and encrypted by the passphrase: the bytes of a key slot's area.
pub(super) fn key_area(passphrase: &[u8], salt: &[u8], volume_key: &[u8; KEY_BYTES], seed: u8) -> Vec<u8> {
    let mut area = pattern((STRIPES - 1) * KEY_BYTES, seed);
    let mut last = [0; KEY_BYTES];
    for stripe in area.chunks_exact(KEY_BYTES) {
        xor(&mut last, stripe);
        for (number, part) in (0_u32..).zip(last.chunks_exact_mut(32)) {
            let digest = Sha256::new()
                .chain_update(number.to_be_bytes())
                .chain_update(&*part)
                .finalize();
            part.copy_from_slice(&digest);
        }
    }
    xor(&mut last, volume_key);
    area.extend(last);
    area.resize(area.len().next_multiple_of(512), 0);
    let mut slot_key = [0; KEY_BYTES];
    pbkdf2(passphrase, salt, &mut slot_key);
    encrypt_sectors::<Aes256>(&slot_key, 0, &mut area);
    area
}

fn xor(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}
