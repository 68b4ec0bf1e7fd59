//! Encrypted volumes, small but real, and disks to put them on; with the feature `volumes`.
//!
//! What stands here shares no code with `custody-keys`, and is judged by others' tools: libbde and `dissect.fve` open and
//! decrypt the BitLocker volumes, `cryptsetup` the LUKS ones. Keys and salts are made of a seed, so that a volume is the
//! same each time: nothing here protects anything.
#![expect(
    clippy::cast_possible_truncation,
    reason = "places and sizes in volumes of a few MiB fit into every field"
)]

mod bitlocker;
mod gpt;
mod key_area;
mod luks1;
mod luks2;
mod mbr;

pub use bitlocker::{BitLockerMethod, BitLockerVolume, MadeBitLocker};
pub use gpt::{GptDisk, MadeDisk};
pub use luks1::Luks1Volume;
pub use luks2::Luks2Volume;
pub use mbr::MbrDisk;

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use xts_mode::{Xts128, get_tweak_default};

/// Encrypts whole sectors of 512 bytes in place with AES-XTS, counted from this sector.
fn encrypt_sectors<C>(key: &[u8], first_sector: u64, bytes: &mut [u8])
where
    C: KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    let (first, second) = key.split_at(key.len() / 2);
    let cipher = |half: &[u8]| C::new_from_slice(half).expect("half a key is a key");
    let xts = Xts128::new(cipher(first), cipher(second));
    for (number, sector) in (u128::from(first_sector)..).zip(bytes.chunks_exact_mut(512)) {
        let tweak: Array<u8, U16> = get_tweak_default(number);
        xts.encrypt_sector(sector, tweak);
    }
}
