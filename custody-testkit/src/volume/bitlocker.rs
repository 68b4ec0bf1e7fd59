use aes::Aes128;
use sha2::{Digest as _, Sha256};

use super::datum::{Sealer, datum, key, text};
use super::encrypt_sectors;
use crate::fake::pattern;

/// Makes a BitLocker volume as Windows 10 does: AES-XTS with 128-bit keys, three copies of the metadata, a protector
/// that takes an external key.
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
/// A FILETIME of 2026.
const TIME: u64 = 0x01dd_2000_0000_0000;
const VOLUME_FORM: [u8; 16] = [
    0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01,
];
const XTS_128: u16 = 0x8004;

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

    fn bytes<const N: usize>(&self, purpose: u8) -> [u8; N] {
        pattern(N, self.seed.wrapping_mul(31).wrapping_add(purpose))
            .try_into()
            .expect("as many as were asked for")
    }

    /// Makes the volume.
    #[must_use]
    pub fn make(self) -> MadeBitLocker {
        let volume_key: [u8; 32] = self.bytes(1);
        let third = self.content.len() / 4 / 4096 * 4096;
        let copies = [third, 2 * third, 3 * third];
        let moved_at = third + COPY_BYTES;
        let mut plaintext = self.content.clone();
        for (at, length) in copies
            .map(|at| (at, COPY_BYTES))
            .into_iter()
            .chain([(moved_at, MOVED_BYTES)])
        {
            plaintext[at..at + length].fill(0);
        }
        let mut image = plaintext.clone();
        image.copy_within(..MOVED_BYTES, moved_at);
        encrypt_sectors::<Aes128>(&volume_key, 0, &mut image);
        image[..MOVED_BYTES].fill(0);
        image[..512].copy_from_slice(&Self::boot_sector(copies));
        let metadata = self.metadata(copies, moved_at, &volume_key);
        for at in copies {
            image[at..at + COPY_BYTES].fill(0);
            image[at..at + metadata.len()].copy_from_slice(&metadata);
        }
        MadeBitLocker {
            image,
            key_file: self.key_file(),
            protector: guid_text(&self.bytes(3)),
            plaintext,
            copies,
        }
    }

    fn boot_sector(copies: [usize; 3]) -> [u8; 512] {
        let mut sector = [0; 512];
        sector[..11].copy_from_slice(b"\xeb\x58\x90-FVE-FS-");
        sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
        sector[13] = 8;
        sector[21] = 0xf8;
        sector[160..176].copy_from_slice(&VOLUME_FORM);
        for (field, at) in sector[176..200].chunks_exact_mut(8).zip(copies) {
            field.copy_from_slice(&(at as u64).to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    /// The external key, as the file and the protector hold it.
    fn key_file(&self) -> Vec<u8> {
        let external: [u8; 32] = self.bytes(2);
        let name: [u8; 16] = self.bytes(3);
        let body = [
            &name[..],
            &TIME.to_le_bytes(),
            &text(0, "ExternalKey"),
            &key(0x2002, &external),
        ]
        .concat();
        let entry = datum(6, 9, &body);
        let size = u32::try_from(48 + entry.len()).expect("a key file is short");
        let mut file = Vec::new();
        for field in [size, 1, 48, size] {
            file.extend(field.to_le_bytes());
        }
        file.extend(name);
        file.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(TIME.to_le_bytes());
        file.extend(entry);
        file
    }

    /// The entry of a protector: its name, the time, its kind, and what leads to the master key.
    fn protector(name: [u8; 16], kind: u16, entries: &[Vec<u8>]) -> Vec<u8> {
        let fixed = [&name[..], &TIME.to_le_bytes(), &[0, 0], &kind.to_le_bytes()].concat();
        datum(2, 8, &[fixed, entries.concat()].concat())
    }

    fn entries(&self, moved_at: usize, volume_key: &[u8], sealer: &mut Sealer) -> Vec<u8> {
        let (external, master): ([u8; 32], [u8; 32]) = (self.bytes(2), self.bytes(4));
        let master_entry = key(0x2003, &master);
        let mut entries = vec![text(7, &self.description)];
        let use_key = [
            &[0x02, 0x20, 0, 0][..],
            &sealer.seal(0, &master, &key(0x2002, &external)),
        ]
        .concat();
        entries.push(Self::protector(
            self.bytes(3),
            0x0200,
            &[
                text(0, "ExternalKey"),
                datum(0, 4, &use_key),
                sealer.seal(0, &external, &master_entry),
            ],
        ));
        if self.passwords {
            let nobodys: [u8; 32] = self.bytes(5);
            let stretch = [&[0, 0x10, 0, 0][..], &self.bytes::<16>(6)].concat();
            let sealed = sealer.seal(0, &nobodys, &master_entry);
            entries.push(Self::protector(
                self.bytes(7),
                0x0800,
                &[datum(0, 3, &stretch), sealed],
            ));
        }
        if self.clear_key {
            let clear: [u8; 32] = self.bytes(8);
            let sealed = sealer.seal(0, &clear, &master_entry);
            entries.push(Self::protector(
                self.bytes(9),
                0x0000,
                &[key(0x2000, &clear), sealed],
            ));
        }
        entries.push(sealer.seal(3, &master, &key(u32::from(XTS_128), volume_key)));
        let moved = [
            (moved_at as u64).to_le_bytes(),
            (MOVED_BYTES as u64).to_le_bytes(),
        ]
        .concat();
        entries.push(datum(0x0f, 0x0f, &moved));
        entries.concat()
    }

    fn metadata(&self, copies: [usize; 3], moved_at: usize, volume_key: &[u8]) -> Vec<u8> {
        let master: [u8; 32] = self.bytes(4);
        let mut sealer = Sealer::new(TIME);
        let entries = self.entries(moved_at, volume_key, &mut sealer);
        let set_size = u32::try_from(48 + entries.len()).expect("metadata are short");
        let block_bytes = (64 + set_size as usize).next_multiple_of(16);
        let mut block = b"-FVE-FS-".to_vec();
        let sixteenths = u16::try_from(block_bytes / 16).expect("metadata are short");
        for field in [sixteenths, 2, 4, 4] {
            block.extend(field.to_le_bytes());
        }
        block.extend((self.content.len() as u64).to_le_bytes());
        block.extend(0_u32.to_le_bytes());
        block.extend((MOVED_BYTES as u32 / 512).to_le_bytes());
        for at in copies.into_iter().chain([moved_at]) {
            block.extend((at as u64).to_le_bytes());
        }
        for field in [set_size, 1, 48, set_size] {
            block.extend(field.to_le_bytes());
        }
        block.extend(self.bytes::<16>(10));
        block.extend((sealer.next_counter() + 1).to_le_bytes());
        block.extend([XTS_128.to_le_bytes(), XTS_128.to_le_bytes()].concat());
        block.extend(TIME.to_le_bytes());
        block.extend(entries);
        block.resize(block_bytes, 0);
        let rest = u16::try_from(COPY_BYTES - block_bytes).expect("metadata are not empty");
        let mut validation = rest.to_le_bytes().to_vec();
        validation.extend(if self.seal { [2, 0] } else { [1, 0] });
        validation.extend(crc32fast::hash(&block).to_le_bytes());
        if self.seal {
            let digest: [u8; 32] = Sha256::digest(&block).into();
            validation.extend(sealer.seal(0, &master, &key(0x2005, &digest)));
        }
        [block, validation].concat()
    }
}

/// A stored GUID as Windows writes it.
fn guid_text(bytes: &[u8; 16]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let turned = |range: std::ops::Range<usize>| hex(&bytes[range].iter().rev().copied().collect::<Vec<_>>());
    format!(
        "{}-{}-{}-{}-{}",
        turned(0..4),
        turned(4..6),
        turned(6..8),
        hex(&bytes[8..10]),
        hex(&bytes[10..])
    )
}
