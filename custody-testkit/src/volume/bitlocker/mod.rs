//! BitLocker volumes, in each form that Windows 7 to 11 give them.

mod datum;
mod elephant;
mod metadata;
mod method;
mod on_write;

use std::ops::Range;

pub use self::method::BitLockerMethod;

use self::on_write::OnWrite;
use crate::fake::pattern;

/// Makes a BitLocker volume: three copies of the metadata, a protector that takes an external key, and the content, which
/// is wholly encrypted by AES-128-XTS, as Windows 10 does it, unless told otherwise.
///
/// ```
/// use custody_testkit::volume::BitLockerVolume;
///
/// let made = BitLockerVolume::new(1, vec![7; 1 << 20]).make();
/// assert_eq!(&made.image[3..11], b"-FVE-FS-");
/// assert_eq!(made.key_file.len(), 156);
/// ```
#[derive(Debug)]
pub struct BitLockerVolume {
    seed: u8,
    content: Vec<u8>,
    description: String,
    clear_key: bool,
    passwords: bool,
    seal: bool,
    method: BitLockerMethod,
    named_method: u16,
    reach: Reach,
}

/// Which part of the content is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    All,
    /// What lies before this byte; the number of the state that is to come.
    UpTo(usize, u16),
    /// All but this, with a bitmap that tells so.
    UsedSpace(Range<usize>),
}

/// A volume, and what opens it.
#[derive(Debug)]
#[non_exhaustive]
pub struct MadeBitLocker {
    /// The volume.
    pub image: Vec<u8>,
    /// The external key file that opens it.
    pub key_file: Vec<u8>,
    /// The name of the protector that it belongs to, and of the file: a GUID.
    pub protector: String,
    /// What whoever opens the volume reads: the content, with zeros where the metadata lie.
    pub plaintext: Vec<u8>,
    /// Where the three copies of the metadata lie.
    pub copies: [usize; 3],
}

const COPY_BYTES: usize = 64 << 10;
/// The first sectors of the content, which are kept elsewhere because the boot sector is in their place.
const MOVED_BYTES: usize = 8192;
const VOLUME_FORM: [u8; 16] = [
    0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01,
];
const ON_WRITE_FORM: [u8; 16] = [
    0x3b, 0x4d, 0xa8, 0x92, 0x80, 0xdd, 0x0e, 0x4d, 0x9e, 0x4e, 0xb1, 0xe3, 0x28, 0x4e, 0xae, 0xd8,
];
const DECRYPTED: u16 = 1;
const ENCRYPTED: u16 = 4;
const SWITCHING: u16 = 5;

impl BitLockerVolume {
    /// A volume with this content, at least 512 KiB in whole sectors of 512 bytes; another seed makes other keys.
    #[must_use]
    pub fn new(seed: u8, content: Vec<u8>) -> Self {
        assert!(
            content.len() >= 512 << 10 && content.len().is_multiple_of(512),
            "whole sectors, 512 KiB or more"
        );
        Self {
            seed,
            content,
            description: "DESKTOP E: 11/28/2026".to_owned(),
            clear_key: false,
            passwords: false,
            seal: true,
            method: BitLockerMethod::Aes128Xts,
            named_method: BitLockerMethod::Aes128Xts.number(),
            reach: Reach::All,
        }
    }

    /// Content that begins as an NTFS volume of this length does, and then repeats a text. libbde takes a volume's length
    /// from there, and opens none whose content begins otherwise.
    #[must_use]
    pub fn ntfs_content(length: usize) -> Vec<u8> {
        let mut content: Vec<u8> = b"what an NTFS volume might hold\n"
            .iter()
            .copied()
            .cycle()
            .take(length)
            .collect();
        let sector = &mut content[..512];
        sector.fill(0);
        sector[..11].copy_from_slice(b"\xeb\x52\x90NTFS    ");
        sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
        sector[13] = 8;
        sector[21] = 0xf8;
        sector[40..48].copy_from_slice(&(length as u64 / 512 - 1).to_le_bytes());
        sector[48] = 4;
        sector[56] = 2;
        sector[64] = 0xf6;
        sector[68] = 1;
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        content
    }

    /// Suspends protection: a key lies beside the lock.
    #[must_use]
    pub const fn suspended(mut self) -> Self {
        self.clear_key = true;
        self
    }

    /// Adds a recovery password's protector. No password opens it.
    #[must_use]
    pub const fn with_recovery_password(mut self) -> Self {
        self.passwords = true;
        self
    }

    /// Leaves out the digest by which the master key vouches for the metadata, as Windows 7 did.
    #[must_use]
    pub const fn unsealed(mut self) -> Self {
        self.seal = false;
        self
    }

    /// Encrypts the content so.
    #[must_use]
    pub const fn encrypted_by(mut self, method: BitLockerMethod) -> Self {
        self.method = method;
        self.named_method = method.number();
        self
    }

    /// Lets the metadata and the key of the content name another method than that of the content, which may be one that
    /// nobody knows. Nothing decrypts the volume.
    #[must_use]
    pub const fn naming_method(mut self, number: u16) -> Self {
        self.named_method = number;
        self
    }

    /// Stops the encryption of the volume when it came to this byte, a whole sector: what lies behind is as it was.
    #[must_use]
    pub fn under_encryption(self, at: usize) -> Self {
        self.stopped(at, ENCRYPTED)
    }

    /// Stops the decryption of the volume, which goes from its end to its start, when it came to this byte, a whole sector.
    #[must_use]
    pub fn under_decryption(self, at: usize) -> Self {
        self.stopped(at, DECRYPTED)
    }

    fn stopped(mut self, at: usize, next: u16) -> Self {
        assert!(
            at.is_multiple_of(512) && (512..self.content.len()).contains(&at),
            "a whole sector of the volume"
        );
        self.reach = Reach::UpTo(at, next);
        self
    }

    /// Encrypts only the space that is in use, as Windows from version 8 on can: all but this range, whose ends are whole
    /// parts of 128 KiB. The volume has 4 MiB or more, and nothing of its first half is free.
    #[must_use]
    pub fn with_used_space_encrypted(mut self, free: Range<usize>) -> Self {
        let length = self.content.len();
        assert!(
            length >= 4 << 20 && (length / 2..length).contains(&free.start) && free.end <= length,
            "free space in the second half of 4 MiB or more"
        );
        self.reach = Reach::UsedSpace(free);
        self
    }

    fn bytes<const N: usize>(&self, purpose: u8) -> [u8; N] {
        self.random(purpose, N)
            .try_into()
            .expect("as many as were asked for")
    }

    fn random(&self, purpose: u8, length: usize) -> Vec<u8> {
        pattern(length, self.seed.wrapping_mul(31).wrapping_add(purpose))
    }

    /// What is encrypted of the volume.
    fn encrypted_parts(&self) -> [Range<usize>; 2] {
        let length = self.content.len();
        match &self.reach {
            Reach::All => [0..length, length..length],
            Reach::UpTo(at, _) => [0..*at, *at..*at],
            Reach::UsedSpace(free) => [0..free.start, free.end..length],
        }
    }

    /// The bookkeeping of a volume of which only used space is encrypted; it lies at this byte.
    fn on_write(&self, at: usize) -> Option<OnWrite> {
        match &self.reach {
            Reach::UsedSpace(free) => Some(OnWrite::new(at, self.content.len(), free.clone())),
            Reach::All | Reach::UpTo(..) => None,
        }
    }

    /// Makes the volume.
    #[must_use]
    pub fn make(self) -> MadeBitLocker {
        let volume_key = self.random(1, self.method.key_bytes());
        let third = self.content.len() / 4 / 4096 * 4096;
        let copies = [third, 2 * third, 3 * third];
        let moved_at = third + COPY_BYTES;
        let on_write = self.on_write(moved_at + MOVED_BYTES);
        let mut reserved = copies.map(|at| (at, COPY_BYTES)).to_vec();
        reserved.push((moved_at, MOVED_BYTES));
        reserved.extend(on_write.iter().flat_map(OnWrite::reserved));
        let mut plaintext = self.content.clone();
        for (at, length) in reserved {
            plaintext[at..at + length].fill(0);
        }
        let mut image = plaintext.clone();
        image.copy_within(..MOVED_BYTES, moved_at);
        for part in self.encrypted_parts() {
            self.method.encrypt(&volume_key, part.start, &mut image[part]);
        }
        image[..MOVED_BYTES].fill(0);
        image[..512].copy_from_slice(&Self::boot_sector(copies, on_write.as_ref()));
        let metadata = self.metadata(copies, moved_at, &volume_key);
        for at in copies {
            image[at..at + COPY_BYTES].fill(0);
            image[at..at + metadata.len()].copy_from_slice(&metadata);
        }
        if let Some(on_write) = &on_write {
            on_write.write(&mut image);
        }
        MadeBitLocker {
            image,
            key_file: self.key_file(),
            protector: guid_text(&self.bytes(3)),
            plaintext,
            copies,
        }
    }

    fn boot_sector(copies: [usize; 3], on_write: Option<&OnWrite>) -> [u8; 512] {
        let mut sector = [0; 512];
        sector[..11].copy_from_slice(b"\xeb\x58\x90-FVE-FS-");
        sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
        sector[13] = 8;
        sector[21] = 0xf8;
        let form = if on_write.is_some() {
            ON_WRITE_FORM
        } else {
            VOLUME_FORM
        };
        sector[160..176].copy_from_slice(&form);
        let places = copies.into_iter().map(|at| at as u64);
        let places = places.chain(on_write.into_iter().flat_map(OnWrite::offsets));
        for (field, at) in sector[176..].chunks_exact_mut(8).zip(places) {
            field.copy_from_slice(&at.to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }
}

/// A stored GUID as Windows writes it.
fn guid_text(bytes: &[u8; 16]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let turned = |range: Range<usize>| hex(&bytes[range].iter().rev().copied().collect::<Vec<_>>());
    format!(
        "{}-{}-{}-{}-{}",
        turned(0..4),
        turned(4..6),
        turned(6..8),
        hex(&bytes[8..10]),
        hex(&bytes[10..])
    )
}
