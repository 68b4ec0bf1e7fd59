use super::anti_forensic;
use super::area_cipher::SECTOR_BYTES;
use super::cipher_spec::CipherSpec;
use super::password_hash::PasswordHash;
use super::slot_hash::SlotHash;
use crate::error::{Error, Result};
use crate::secret_bytes::SecretBytes;

/// A key slot: the volume's key, split and encrypted by what a passphrase makes.
#[derive(Debug, Clone)]
pub(crate) struct KeySlot {
    /// Bytes of the volume's key.
    pub(super) key_bytes: usize,
    pub(super) password_hash: PasswordHash,
    /// Where the slot's area lies in the header.
    pub(super) area_at: u64,
    pub(super) cipher: CipherSpec,
    /// Bytes of the key that encrypts the area.
    pub(super) area_key_bytes: usize,
    pub(super) stripes: usize,
    pub(super) split_hash: SlotHash,
    /// What a key is checked against: it opens the volume when it fits one of them.
    pub(super) digests: Vec<KeyDigest>,
}

/// A digest of the volume's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDigest {
    pub(super) hash: SlotHash,
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) digest: Vec<u8>,
}

/// The most that a key slot takes in the header. The usual one has 4000 stripes of 64 bytes, 250 KiB.
const MAX_AREA_BYTES: u64 = 4 << 20;
const MAX_KEY_BYTES: usize = 512;
/// Of SHA-1, the shortest hash. A shorter digest fits keys by chance, and a header that is forged may hold many.
const MIN_DIGEST_BYTES: usize = 20;
const MAX_DIGEST_BYTES: usize = 512;
const WHAT: &str = "LUKS key slot";

impl KeySlot {
    /// Refuses sizes that no slot has.
    pub(super) fn checked(self) -> Result<Self> {
        for (field, value) in [
            ("the length of the volume's key", self.key_bytes),
            ("the length of its own key", self.area_key_bytes),
        ] {
            if value == 0 || value > MAX_KEY_BYTES {
                return Err(Error::field(WHAT, field, value, "1 to 512 bytes"));
            }
        }
        if self.stripes == 0 {
            return Err(Error::field(WHAT, "the number of stripes", 0, "at least 1"));
        }
        if self.area_bytes() > MAX_AREA_BYTES {
            return Err(Error::Exceeds {
                what: WHAT,
                asked: self.area_bytes(),
                limit: MAX_AREA_BYTES,
                unit: "bytes for its area",
            });
        }
        for digest in &self.digests {
            if !(MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&digest.digest.len()) {
                let length = digest.digest.len();
                return Err(Error::field(
                    WHAT,
                    "the length of a digest",
                    length,
                    "20 to 512 bytes",
                ));
            }
        }
        Ok(self)
    }

    /// Bytes of the area that hold the key: whole sectors.
    pub(super) fn area_bytes(&self) -> u64 {
        let stripes = (self.key_bytes as u64).saturating_mul(self.stripes as u64);
        stripes.saturating_add(SECTOR_BYTES as u64 - 1) / SECTOR_BYTES as u64 * SECTOR_BYTES as u64
    }

    /// What trying one passphrase costs at most, in the units of a proof's [`Effort`](crate::effort::Effort).
    pub(super) fn work(&self) -> u64 {
        let blocks = self.key_bytes.div_ceil(self.split_hash.digest_bytes()) as u64;
        let merging = blocks.saturating_mul(self.stripes as u64);
        let digests = self.digests.iter().map(KeyDigest::work);
        digests.fold(
            self.password_hash
                .work(self.area_key_bytes)
                .saturating_add(merging),
            u64::saturating_add,
        )
    }

    /// Whether the passphrase opens the slot: the key in it has one of the digests. Takes as long as the slot was made
    /// to take.
    pub(super) fn opens(&self, passphrase: &[u8], area: &[u8]) -> Result<bool> {
        let slot_key = self.password_hash.derive(passphrase, self.area_key_bytes)?;
        let mut material = SecretBytes::copy_of(area);
        self.cipher.decrypt(slot_key.expose(), material.expose_mut())?;
        let key = anti_forensic::merge(material.expose(), self.key_bytes, self.stripes, self.split_hash);
        for digest in &self.digests {
            if digest.fits(key.expose())? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl KeyDigest {
    fn work(&self) -> u64 {
        self.hash.pbkdf2_work(self.iterations, self.digest.len())
    }

    fn fits(&self, key: &[u8]) -> Result<bool> {
        let mut made = vec![0; self.digest.len()];
        self.hash.pbkdf2(key, &self.salt, self.iterations, &mut made)?;
        Ok(made == self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key_bytes: usize, digest_bytes: usize) -> KeySlot {
        KeySlot {
            key_bytes,
            password_hash: PasswordHash::Pbkdf2 {
                hash: SlotHash::Sha256,
                iterations: 1000,
                salt: vec![0; 32],
            },
            area_at: 4096,
            cipher: "aes-xts-plain64".parse().unwrap(),
            area_key_bytes: 64,
            stripes: 4000,
            split_hash: SlotHash::Sha256,
            digests: vec![KeyDigest {
                hash: SlotHash::Sha256,
                iterations: 1000,
                salt: vec![0; 32],
                digest: vec![0; digest_bytes],
            }],
        }
    }

    #[test]
    fn a_length_that_no_slot_has_is_refused_with_those_that_it_may_have() {
        assert!(slot(64, 20).checked().is_ok());
        for (key, digest, field, due) in [
            (0, 32, "volume's key", "1 to 512 bytes"),
            (513, 32, "volume's key", "1 to 512 bytes"),
            (64, 19, "digest", "20 to 512 bytes"),
            (64, 513, "digest", "20 to 512 bytes"),
        ] {
            let error = slot(key, digest).checked().unwrap_err().to_string();
            assert!(error.contains(field) && error.contains(due), "{error}");
            assert!(due.starts_with("20") || !error.contains("20 to"), "{error}");
        }
    }
}
