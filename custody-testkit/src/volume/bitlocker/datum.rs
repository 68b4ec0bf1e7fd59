use aes::Aes256;
use aes::cipher::Array;
use ccm::aead::AeadInOut as _;
use ccm::consts::{U12, U16};
use ccm::{Ccm, KeyInit as _};

/// An entry of BitLocker metadata.
pub(super) fn datum(role: u16, kind: u16, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(8 + body.len()).expect("an entry is short");
    let mut bytes = Vec::new();
    for field in [size, role, kind, 1] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(body);
    bytes
}

/// An entry that holds a key for this algorithm.
pub(super) fn key(algorithm: u32, key: &[u8]) -> Vec<u8> {
    datum(0, 1, &[&algorithm.to_le_bytes(), key].concat())
}

/// An entry that holds a text.
pub(super) fn text(role: u16, text: &str) -> Vec<u8> {
    let units: Vec<u8> = text
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    datum(role, 2, &units)
}

/// Encrypts entries with keys, each time with another nonce.
pub(super) struct Sealer {
    time: u64,
    counter: u32,
}

impl Sealer {
    pub(super) const fn new(time: u64) -> Self {
        Self { time, counter: 0 }
    }

    pub(super) const fn next_counter(&self) -> u32 {
        self.counter + 1
    }

    /// An entry that holds `plain`, which this key opens.
    pub(super) fn seal(&mut self, role: u16, key: &[u8], plain: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let nonce: Vec<u8> = [&self.time.to_le_bytes()[..], &self.counter.to_le_bytes()].concat();
        let nonce: [u8; 12] = nonce.try_into().expect("eight and four bytes");
        let cipher = Ccm::<Aes256, U16, U12>::new_from_slice(key).expect("a key has 32 bytes");
        let mut bytes = plain.to_vec();
        let mac = cipher
            .encrypt_inout_detached(&Array(nonce), &[], bytes.as_mut_slice().into())
            .expect("a key is short");
        datum(role, 5, &[&nonce[..], &mac, &bytes].concat())
    }
}
