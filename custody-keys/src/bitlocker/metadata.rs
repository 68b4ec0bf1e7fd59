use std::fmt;

use sha2::{Digest as _, Sha256};

use super::boot_sector::SIGNATURE;
use super::datum::{Datum, kind, role};
use super::method::Method;
use super::protector::Protector;
use super::sealed_key::SealedKey;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::guid::Guid;

/// One copy of a volume's metadata, whole and with the checksum that it says it has.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", section "FVE metadata block"; the
/// validation behind it by dissect.fve. Read 2026-11-28.
pub(crate) struct Metadata {
    pub(crate) volume: Guid,
    pub(crate) state: VolumeState,
    /// Up to where the volume is encrypted: its length, once it is wholly so, or where it is encrypted on write.
    pub(crate) encrypted_to: u64,
    /// How the content is encrypted.
    pub(crate) method: Method,
    pub(crate) description: Option<String>,
    pub(crate) protectors: Vec<Protector>,
    /// The key of the volume's content, encrypted by the master key.
    pub(crate) volume_key: Option<SealedKey>,
    /// SHA-256 of this copy, encrypted by the master key.
    seal: Option<SealedKey>,
    digest: [u8; 32],
}

/// What is being done to the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeState {
    Decrypted,
    Encrypted,
    /// Encryption or decryption was under way, or paused.
    Converting(Conversion),
    Unknown(u16),
}

/// What a conversion makes of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    Encryption,
    Decryption,
    /// The metadata name neither.
    Either,
}

/// The most that a copy takes on a volume.
pub(crate) const MAX_COPY_BYTES: u64 = 64 << 10;

const WHAT: &str = "BitLocker metadata";
const BLOCK_HEADER_BYTES: usize = 64;
const SET_HEADER_BYTES: usize = 48;
const VALIDATION_BYTES: usize = 8;

impl Metadata {
    /// Reads a copy. `copies` is where the boot sector says that the copies lie.
    pub(crate) fn parse(bytes: &[u8], copies: [u64; 3]) -> Result<Self> {
        let fields = Fields::new(WHAT, bytes);
        if fields.array(0)? != *SIGNATURE {
            return Err(Error::field(WHAT, "the signature", "something else", "-FVE-FS-"));
        }
        match fields.u16_le(10)? {
            2 => {}
            1 => {
                return Err(Error::Unsupported {
                    what: WHAT,
                    name: "version 1, of Windows Vista,".to_owned(),
                });
            }
            version => return Err(Error::field(WHAT, "the version", version, "2")),
        }
        let size = usize::from(fields.u16_le(8)?) * 16;
        if size < BLOCK_HEADER_BYTES + SET_HEADER_BYTES {
            return Err(Error::field(WHAT, "the size", size, "at least 112 bytes"));
        }
        let block = fields.slice(0, size)?;
        let checksum = fields.u32_le(size + 4)?;
        if crc32fast::hash(block) != checksum {
            return Err(Error::Checksum {
                what: WHAT,
                algorithm: "CRC-32".to_owned(),
            });
        }
        let offsets = [fields.u64_le(32)?, fields.u64_le(40)?, fields.u64_le(48)?];
        if offsets != copies {
            return Err(Error::field(
                WHAT,
                "where its copies lie",
                format!("{offsets:?}"),
                format!("{copies:?}, as the boot sector says"),
            ));
        }
        let mut metadata = Self::parse_set(block)?;
        metadata.state = VolumeState::of(fields.u16_le(12)?, fields.u16_le(14)?);
        metadata.encrypted_to = fields.u64_le(16)?;
        metadata.seal = Self::seal(&fields, size)?;
        Ok(metadata)
    }

    /// The entries of the block, which is whole.
    fn parse_set(block: &[u8]) -> Result<Self> {
        let fields = Fields::new(WHAT, block);
        let set = Fields::new(
            WHAT,
            fields.slice(
                BLOCK_HEADER_BYTES,
                fields.len().saturating_sub(BLOCK_HEADER_BYTES),
            )?,
        );
        let (start, end) = (set.u32_le(8)?, set.u32_le(12)?);
        if start != 48 || end < start {
            return Err(Error::field(
                WHAT,
                "where its entries lie",
                format!("{start}..{end}"),
                "48 and on",
            ));
        }
        let (start, end) = (start as usize, end as usize);
        let entries = Datum::all(WHAT, set.slice(start, end - start)?)?;
        let of = |role: u16, kind: u16| {
            entries
                .iter()
                .filter(move |entry| entry.role == role && entry.kind == kind)
        };
        let protectors: Result<Vec<_>> = of(role::VOLUME_MASTER_KEY, kind::VOLUME_MASTER_KEY)
            .map(Protector::parse)
            .collect();
        Ok(Self {
            volume: Guid::from_stored(set.array(16)?),
            state: VolumeState::Unknown(0),
            encrypted_to: 0,
            method: Method::of(set.u16_le(36)?),
            description: of(role::DESCRIPTION, kind::TEXT).next().map(Datum::text),
            protectors: protectors?,
            volume_key: of(role::VOLUME_KEY, kind::AES_CCM)
                .next()
                .map(SealedKey::parse)
                .transpose()?,
            seal: None,
            digest: Sha256::digest(block).into(),
        })
    }

    /// What follows the block: a checksum, and from version 2 on a digest that only the master key opens.
    fn seal(fields: &Fields<'_>, size: usize) -> Result<Option<SealedKey>> {
        if fields.u16_le(size + 2)? < 2 {
            return Ok(None);
        }
        let at = size + VALIDATION_BYTES;
        let length = usize::from(fields.u16_le(at)?);
        let entries = Datum::all(WHAT, fields.slice(at, length)?)?;
        entries
            .iter()
            .find(|entry| entry.kind == kind::AES_CCM)
            .map(SealedKey::parse)
            .transpose()
    }

    /// Whether two copies say the same.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether the master key vouches for every byte of this copy; `None` where there is nothing to tell it by.
    pub(crate) fn is_sealed_by(&self, master_key: &[u8]) -> Result<Option<bool>> {
        let Some(seal) = &self.seal else {
            return Ok(None);
        };
        let opened = seal.open(master_key)?;
        Ok(Some(
            opened.is_some_and(|digest| digest.key.expose() == self.digest),
        ))
    }
}

impl VolumeState {
    const DECRYPTED: u16 = 1;
    const ENCRYPTED: u16 = 4;

    /// The state that is stored as these numbers: what the volume is, and what it is to become.
    const fn of(current: u16, next: u16) -> Self {
        match (current, next) {
            (Self::DECRYPTED, _) => Self::Decrypted,
            (Self::ENCRYPTED, _) => Self::Encrypted,
            (2 | 3 | 5, Self::ENCRYPTED) => Self::Converting(Conversion::Encryption),
            (2 | 3 | 5, Self::DECRYPTED) => Self::Converting(Conversion::Decryption),
            (2 | 3 | 5, _) => Self::Converting(Conversion::Either),
            (other, _) => Self::Unknown(other),
        }
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encryption => "encryption was under way",
            Self::Decryption => "decryption was under way",
            Self::Either => "encryption or decryption was under way",
        })
    }
}

/// The bytes as a copy with the checksum that it should have, so that damage is looked for behind it: a fuzzer finds none.
pub(super) fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    let size = Fields::new(WHAT, bytes)
        .u16_le(8)
        .map_or(0, |size| usize::from(size) * 16);
    if size < BLOCK_HEADER_BYTES || size as u64 > MAX_COPY_BYTES {
        return copy;
    }
    copy.resize(copy.len().max(size + VALIDATION_BYTES), 0);
    let checksum = crc32fast::hash(copy.get(..size).unwrap_or_default());
    if let Some(field) = copy.get_mut(size + 4..size + VALIDATION_BYTES) {
        field.copy_from_slice(&checksum.to_le_bytes());
    }
    copy
}
