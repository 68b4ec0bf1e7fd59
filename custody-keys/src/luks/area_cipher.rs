use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt as _, BlockSizeUser, InnerIvInit as _,
    KeyInit,
};
use aes::{Aes128, Aes192, Aes256};
use sha2::{Digest as _, Sha256};
use xts_mode::Xts128;

use super::cipher_spec::{CipherSpec, Iv, Mode};
use crate::error::{Error, Result};
use crate::secret_bytes::SecretBytes;

/// Key slots are encrypted in sectors of 512 bytes, whatever the volume's sectors are.
pub(super) const SECTOR_BYTES: usize = 512;

const BLOCK_BYTES: usize = 16;
const WHAT: &str = "LUKS key slot";

impl CipherSpec {
    /// Decrypts the area of a key slot, whole sectors, in place.
    ///
    /// # Errors
    /// A key of a length that the cipher does not take, or a part of a sector.
    pub(super) fn decrypt(self, key: &[u8], area: &mut [u8]) -> Result<()> {
        if !area.len().is_multiple_of(SECTOR_BYTES) {
            return Err(Error::field(
                WHAT,
                "the length of its area",
                area.len(),
                "whole sectors of 512 bytes",
            ));
        }
        match (self.mode, key.len()) {
            (Mode::Xts, 32) => self.xts::<Aes128>(key, area),
            (Mode::Xts, 64) => self.xts::<Aes256>(key, area),
            (Mode::Cbc, 16) => self.cbc::<Aes128>(key, area),
            (Mode::Cbc, 24) => self.cbc::<Aes192>(key, area),
            (Mode::Cbc, 32) => self.cbc::<Aes256>(key, area),
            _ => Err(self.wrong_length(key)),
        }
    }

    fn wrong_length(self, key: &[u8]) -> Error {
        Error::field(
            WHAT,
            "the length of its key",
            key.len(),
            format!("one that {self} takes"),
        )
    }

    fn xts<C>(self, key: &[u8], area: &mut [u8]) -> Result<()>
    where
        C: KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
    {
        let (first, second) = key.split_at(key.len() / 2);
        let cipher = |key: &[u8]| C::new_from_slice(key).map_err(|_length| self.wrong_length(key));
        let xts = Xts128::new(cipher(first)?, cipher(second)?);
        for (number, sector) in (0_u64..).zip(area.chunks_exact_mut(SECTOR_BYTES)) {
            xts.decrypt_sector(sector, Array(self.vector(number)));
        }
        Ok(())
    }

    fn cbc<C>(self, key: &[u8], area: &mut [u8]) -> Result<()>
    where
        C: KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt + Clone,
    {
        let cipher = C::new_from_slice(key).map_err(|_length| self.wrong_length(key))?;
        let salted = match self.iv {
            Iv::EssivSha256 => {
                let mut digest = SecretBytes::zeroed(32);
                digest.expose_mut().copy_from_slice(&Sha256::digest(key));
                Some(Aes256::new_from_slice(digest.expose()).map_err(|_length| self.wrong_length(key))?)
            }
            Iv::Plain | Iv::Plain64 => None,
        };
        for (number, sector) in (0_u64..).zip(area.chunks_exact_mut(SECTOR_BYTES)) {
            let mut vector = Array(self.vector(number));
            if let Some(salted) = &salted {
                salted.encrypt_block(&mut vector);
            }
            let mut cbc = cbc::Decryptor::<C>::inner_iv_init(cipher.clone(), &vector);
            for block in sector.chunks_exact_mut(BLOCK_BYTES) {
                if let Ok(block) = <&mut Array<u8, U16>>::try_from(block) {
                    cbc.decrypt_block(block);
                }
            }
        }
        Ok(())
    }

    const fn vector(self, sector: u64) -> [u8; BLOCK_BYTES] {
        let number = match self.iv {
            Iv::Plain => sector & 0xffff_ffff,
            Iv::Plain64 | Iv::EssivSha256 => sector,
        };
        (number as u128).to_le_bytes()
    }
}
