use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use aes::{Aes128, Aes256};

use super::elephant;
use crate::volume::encrypt_sectors;

/// How the content of a [`BitLockerVolume`](super::BitLockerVolume) is encrypted.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "Encryption methods". Read 2026-11-28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are six, and a test goes through all"
)]
pub enum BitLockerMethod {
    /// AES-128-CBC with the Elephant diffuser: what Windows 7 does unless told otherwise.
    Aes128CbcDiffuser,
    /// AES-256-CBC with the Elephant diffuser.
    Aes256CbcDiffuser,
    /// AES-128-CBC: what Windows 8 does.
    Aes128Cbc,
    /// AES-256-CBC.
    Aes256Cbc,
    /// AES-128-XTS: what Windows 10 and 11 do.
    Aes128Xts,
    /// AES-256-XTS.
    Aes256Xts,
}

pub(super) const SECTOR_BYTES: usize = 512;
const BLOCK_BYTES: usize = 16;
/// Where the second key begins, of which the sector keys of the diffuser are made.
const SECOND_KEY_AT: usize = 32;

impl BitLockerMethod {
    /// All of them, by their numbers.
    pub const ALL: [Self; 6] = [
        Self::Aes128CbcDiffuser,
        Self::Aes256CbcDiffuser,
        Self::Aes128Cbc,
        Self::Aes256Cbc,
        Self::Aes128Xts,
        Self::Aes256Xts,
    ];

    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Aes128CbcDiffuser => 0x8000,
            Self::Aes256CbcDiffuser => 0x8001,
            Self::Aes128Cbc => 0x8002,
            Self::Aes256Cbc => 0x8003,
            Self::Aes128Xts => 0x8004,
            Self::Aes256Xts => 0x8005,
        }
    }

    /// Bytes of the key that is stored: with the diffuser two keys, each with room for 32 bytes.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Cbc => 16,
            Self::Aes256Cbc | Self::Aes128Xts => 32,
            Self::Aes128CbcDiffuser | Self::Aes256CbcDiffuser | Self::Aes256Xts => 64,
        }
    }

    /// Encrypts whole sectors in place, which lie at this byte of the volume.
    pub(super) fn encrypt(self, key: &[u8], at: usize, bytes: &mut [u8]) {
        let first_sector = (at / SECTOR_BYTES) as u64;
        match self {
            Self::Aes128CbcDiffuser => diffuse_and_encrypt::<Aes128>(key, 16, at, bytes),
            Self::Aes256CbcDiffuser => diffuse_and_encrypt::<Aes256>(key, 32, at, bytes),
            Self::Aes128Cbc => encrypt_cbc(&Aes128::new_from_slice(key).expect("16 bytes"), at, bytes),
            Self::Aes256Cbc => encrypt_cbc(&Aes256::new_from_slice(key).expect("32 bytes"), at, bytes),
            Self::Aes128Xts => encrypt_sectors::<Aes128>(key, first_sector, bytes),
            Self::Aes256Xts => encrypt_sectors::<Aes256>(key, first_sector, bytes),
        }
    }
}

fn diffuse_and_encrypt<C>(key: &[u8], key_bytes: usize, at: usize, bytes: &mut [u8])
where
    C: KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    let cipher = |at: usize| C::new_from_slice(&key[at..at + key_bytes]).expect("16 or 32 bytes");
    let (first, second) = (cipher(0), cipher(SECOND_KEY_AT));
    for (number, sector) in bytes.chunks_exact_mut(SECTOR_BYTES).enumerate() {
        let mut place = place(at + number * SECTOR_BYTES);
        let low = encrypted(&second, place);
        place[15] = 0x80;
        let sector_key = [low, encrypted(&second, place)].concat();
        for (byte, key) in sector.iter_mut().zip(sector_key.iter().cycle()) {
            *byte ^= key;
        }
        elephant::diffuse(sector);
    }
    encrypt_cbc(&first, at, bytes);
}

/// CBC, each sector by itself: its vector is its place on the volume, encrypted with the same key.
fn encrypt_cbc<C>(cipher: &C, at: usize, bytes: &mut [u8])
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt,
{
    for (number, sector) in bytes.chunks_exact_mut(SECTOR_BYTES).enumerate() {
        let mut before = encrypted(cipher, place(at + number * SECTOR_BYTES));
        for block in sector.chunks_exact_mut(BLOCK_BYTES) {
            for (byte, before) in block.iter_mut().zip(before) {
                *byte ^= before;
            }
            let plain: [u8; BLOCK_BYTES] = (&*block).try_into().expect("16 bytes");
            before = encrypted(cipher, plain);
            block.copy_from_slice(&before);
        }
    }
}

fn place(at: usize) -> [u8; BLOCK_BYTES] {
    (at as u128).to_le_bytes()
}

fn encrypted<C>(cipher: &C, block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES]
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt,
{
    let mut block = Array(block);
    cipher.encrypt_block(&mut block);
    block.0
}
