use sha2::{Digest as _, Sha256};

use super::boot_sector::SIGNATURE;
use super::datum::{Datum, kind, role};
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
    /// Up to where the volume is encrypted: its length, once it is wholly so.
    pub(crate) encrypted_to: u64,
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
    Converting,
    Unknown(u16),
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
        metadata.state = match fields.u16_le(12)? {
            1 => VolumeState::Decrypted,
            4 => VolumeState::Encrypted,
            2 | 3 | 5 => VolumeState::Converting,
            other => VolumeState::Unknown(other),
        };
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
        Ok(Some(opened.is_some_and(|digest| digest.expose() == self.digest)))
    }
}
