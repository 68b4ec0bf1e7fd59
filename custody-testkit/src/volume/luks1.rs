use aes::Aes256;

use super::encrypt_sectors;
use super::key_area::{ITERATIONS, KEY_BYTES, STRIPES, key_area, pbkdf2};
use crate::fake::pattern;

/// Makes a LUKS1 volume: AES-XTS, SHA-256, one key slot.
#[derive(Debug)]
pub struct Luks1Volume {
    seed: u8,
    passphrase: Vec<u8>,
    content: Vec<u8>,
}

const PAYLOAD_AT: usize = 2 << 20;
const AREA_AT: usize = 4096;
const SLOT_IN_USE: u32 = 0x00ac_71f3;
const SLOT_FREE: u32 = 0x0000_dead;

impl Luks1Volume {
    /// A volume with this content, in whole sectors of 512 bytes, that the passphrase opens.
    #[must_use]
    pub fn new(seed: u8, passphrase: &[u8], content: Vec<u8>) -> Self {
        assert!(content.len().is_multiple_of(512), "whole sectors");
        Self {
            seed,
            passphrase: passphrase.to_vec(),
            content,
        }
    }

    /// The volume.
    #[must_use]
    pub fn make(self) -> Vec<u8> {
        let random = |purpose: u8, length| pattern(length, self.seed.wrapping_mul(31).wrapping_add(purpose));
        let volume_key: [u8; KEY_BYTES] = random(1, KEY_BYTES)
            .try_into()
            .expect("as many as were asked for");
        let (slot_salt, digest_salt) = (random(2, 32), random(3, 32));
        let mut digest = [0; 20];
        pbkdf2(&volume_key, &digest_salt, &mut digest);

        let mut header = b"LUKS\xba\xbe\x00\x01".to_vec();
        for name in ["aes", "xts-plain64", "sha256"] {
            let end = header.len() + 32;
            header.extend(name.as_bytes());
            header.resize(end, 0);
        }
        header.extend((PAYLOAD_AT as u32 / 512).to_be_bytes());
        header.extend((KEY_BYTES as u32).to_be_bytes());
        header.extend(digest);
        header.extend(&digest_salt);
        header.extend(ITERATIONS.to_be_bytes());
        header.extend(format!("5eed00{:02x}-0000-4000-8000-000000000001", self.seed).as_bytes());
        header.resize(208, 0);
        for slot in 0..8_u32 {
            let at = AREA_AT + slot as usize * (256 << 10);
            header.extend(if slot == 0 { SLOT_IN_USE } else { SLOT_FREE }.to_be_bytes());
            header.extend(if slot == 0 { ITERATIONS } else { 0 }.to_be_bytes());
            header.extend(if slot == 0 { slot_salt.as_slice() } else { &[0; 32] });
            header.extend((at as u32 / 512).to_be_bytes());
            header.extend((STRIPES as u32).to_be_bytes());
        }
        let mut image = header;
        image.resize(AREA_AT, 0);
        image.extend(key_area(&self.passphrase, &slot_salt, &volume_key, self.seed));
        image.resize(PAYLOAD_AT, 0);
        let mut content = self.content;
        encrypt_sectors::<Aes256>(&volume_key, 0, &mut content);
        image.extend(content);
        image
    }
}
