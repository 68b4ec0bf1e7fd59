use aes::Aes256;
use aes::cipher::Array;
use ccm::aead::AeadInOut as _;
use ccm::consts::{U12, U16};
use ccm::{Ccm, KeyInit as _};

use super::datum::Datum;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::secret_bytes::SecretBytes;

/// A key encrypted by another one with AES-CCM: whoever opens it knows that the other key was the right one.
#[derive(Clone)]
pub(crate) struct SealedKey {
    nonce: [u8; 12],
    mac: [u8; 16],
    bytes: Vec<u8>,
}

/// What a [`SealedKey`] holds: a key, and the number of what it is for.
pub(crate) struct OpenedKey {
    pub(crate) purpose: u16,
    pub(crate) key: SecretBytes,
}

const WHAT: &str = "BitLocker encrypted key";
/// Nonce and authentication code, before the encrypted bytes.
const FIXED_BYTES: usize = 28;

impl SealedKey {
    pub(crate) fn parse(datum: &Datum<'_>) -> Result<Self> {
        let fields = Fields::new(WHAT, datum.body);
        Ok(Self {
            nonce: fields.array(0)?,
            mac: fields.array(12)?,
            bytes: fields
                .slice(FIXED_BYTES, datum.body.len().saturating_sub(FIXED_BYTES))?
                .to_vec(),
        })
    }

    /// What it holds, or `None` where this key does not authenticate it.
    ///
    /// # Errors
    /// The key is not of 32 bytes, or authenticated bytes are not a key: the metadata are wrong, not the key. Neither error
    /// tells anything of the bytes, which are somebody's secret.
    pub(crate) fn open(&self, key: &[u8]) -> Result<Option<OpenedKey>> {
        let cipher = Ccm::<Aes256, U16, U12>::new_from_slice(key).map_err(|_length| {
            Error::field(WHAT, "the key that opens it", "of another length", "32 bytes")
        })?;
        let mut plain = SecretBytes::copy_of(&self.bytes);
        let opened = cipher.decrypt_inout_detached(
            &Array(self.nonce),
            &[],
            plain.expose_mut().into(),
            &Array(self.mac),
        );
        if opened.is_err() {
            return Ok(None);
        }
        OpenedKey::parse(plain.expose()).map(Some)
    }
}

impl OpenedKey {
    /// Reads what was decrypted.
    pub(super) fn parse(plain: &[u8]) -> Result<Self> {
        let entries = Datum::all(WHAT, plain).unwrap_or_default();
        let key = entries.first().and_then(|entry| entry.key(WHAT).ok());
        let Some((purpose, key)) = key else {
            return Err(Error::field(WHAT, "what it holds", "something else", "a key"));
        };
        Ok(Self {
            purpose,
            key: SecretBytes::copy_of(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries of sizes, roles and types that are bytes of a secret, and one that is a key.
    #[test]
    fn what_was_decrypted_and_is_no_key_is_refused_in_the_same_words_whatever_it_is() {
        let secret = b"\x2e\xf7Kq9~|X3wZ%0\x12\x00\x01\x00\x01\x00J7\xc0\xde\xfa\xce";
        for length in 0..secret.len() {
            for start in 0..length {
                let Err(error) = OpenedKey::parse(&secret[start..length]) else {
                    panic!("bytes {start}..{length} were taken for a key")
                };
                assert_eq!(
                    format!("{error} {error:?}"),
                    "BitLocker encrypted key: what it holds is something else, expected a key Field { what: \
                     \"BitLocker encrypted key\", field: \"what it holds\", value: \"something else\", expected: \"a key\" }"
                );
            }
        }
        let key = [44, 0, 0, 0, 1, 0, 1, 0, 0x03, 0x20, 0, 0];
        let opened = OpenedKey::parse(&[&key[..], &[7; 32]].concat()).unwrap();
        assert_eq!((opened.purpose, opened.key.expose()), (0x2003, &[7; 32][..]));
    }

    #[test]
    fn a_key_of_another_length_opens_nothing_and_its_length_is_not_told() {
        let sealed = SealedKey {
            nonce: [0; 12],
            mac: [0; 16],
            bytes: vec![0; 44],
        };
        for length in [0, 16, 31, 33, 64] {
            let Err(error) = sealed.open(&vec![0; length]) else {
                panic!("a key of {length} bytes was taken")
            };
            assert!(
                error
                    .to_string()
                    .ends_with("of another length, expected 32 bytes")
            );
        }
        assert!(sealed.open(&[0; 32]).unwrap().is_none());
    }
}
