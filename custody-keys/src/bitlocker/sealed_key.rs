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
    /// The key is not of 32 bytes, or authenticated bytes are not a key: the metadata are wrong, not the key.
    pub(crate) fn open(&self, key: &[u8]) -> Result<Option<SecretBytes>> {
        let cipher = Ccm::<Aes256, U16, U12>::new_from_slice(key).map_err(|_length| {
            Error::field(WHAT, "the length of the key that opens it", key.len(), "32 bytes")
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
        let entries = Datum::all(WHAT, plain.expose())?;
        let Some(entry) = entries.first() else {
            return Err(Error::field(WHAT, "what it holds", "nothing", "a key"));
        };
        let (_, key) = entry.key(WHAT)?;
        Ok(Some(SecretBytes::copy_of(key)))
    }
}
