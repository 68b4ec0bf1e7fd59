use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{MAGIC, SECOND_MAGIC};
use crate::error::{Error, Result};
use crate::fields::Fields;

/// The binary part of a LUKS2 header, in front of its JSON area.
///
/// Source: "LUKS2 On-Disk Format Specification" 1.1.1, section 2.1. Read 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BinaryHeader {
    /// Bytes of this header and its JSON area together.
    pub(super) size: u64,
    /// Counts changes: the header with the higher number is newer.
    pub(super) sequence: u64,
    pub(super) identifier: String,
    checksum_algorithm: String,
    checksum: [u8; 64],
}

/// Which of the two headers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Second { at: u64 },
}

pub(super) const BINARY_BYTES: usize = 4096;
/// The sizes that a header and its JSON area may have; the second header lies right behind the first one.
pub(super) const SIZES: [u64; 9] = [
    0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000,
];

const WHAT: &str = "LUKS2 header";
const CHECKSUM_AT: usize = 448;
const CHECKSUM_BYTES: usize = 64;

impl BinaryHeader {
    /// Reads the header; its checksum is looked at by [`json`](Self::json).
    pub(crate) fn parse(bytes: &[u8], place: Place) -> Result<Self> {
        let fields = Fields::new(WHAT, bytes);
        fields.slice(0, BINARY_BYTES)?;
        let (magic, at) = match place {
            Place::First => (MAGIC, 0),
            Place::Second { at } => (SECOND_MAGIC, at),
        };
        if fields.array(0)? != *magic {
            return Err(Error::field(WHAT, "the magic", "something else", "that of LUKS2"));
        }
        if fields.u16_be(6)? != 2 {
            return Err(Error::field(WHAT, "the version", fields.u16_be(6)?, "2"));
        }
        let size = fields.u64_be(8)?;
        if !SIZES.contains(&size) {
            return Err(Error::field(
                WHAT,
                "the size",
                size,
                "16 KiB to 4 MiB, a power of two",
            ));
        }
        if fields.u64_be(256)? != at {
            return Err(Error::field(
                WHAT,
                "its own place",
                fields.u64_be(256)?,
                at.to_string(),
            ));
        }
        Ok(Self {
            size,
            sequence: fields.u64_be(16)?,
            identifier: fields.text(168, 40)?,
            checksum_algorithm: fields.text(72, 32)?,
            checksum: fields.array(CHECKSUM_AT)?,
        })
    }

    /// The JSON area of the whole header, if its checksum is that of the bytes.
    pub(crate) fn json<'a>(&self, header: &'a [u8]) -> Result<&'a [u8]> {
        if self.checksum_of(header)? != self.checksum {
            return Err(Error::Checksum {
                what: WHAT,
                algorithm: self.checksum_algorithm.clone(),
            });
        }
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let area = Fields::new(WHAT, header).slice(BINARY_BYTES, size.saturating_sub(BINARY_BYTES))?;
        // The text ends at its first zero byte.
        Ok(area.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// The checksum that the whole header should have.
    fn checksum_of(&self, header: &[u8]) -> Result<[u8; CHECKSUM_BYTES]> {
        let fields = Fields::new(WHAT, header);
        let before = fields.slice(0, CHECKSUM_AT)?;
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let behind_at = CHECKSUM_AT + CHECKSUM_BYTES;
        let behind = fields.slice(behind_at, size.saturating_sub(behind_at))?;
        let parts = [before, &[0; CHECKSUM_BYTES], behind];
        Ok(match self.checksum_algorithm.as_str() {
            "sha256" => digest::<Sha256>(parts),
            "sha512" => digest::<Sha512>(parts),
            "sha1" => digest::<Sha1>(parts),
            other => {
                return Err(Error::Unsupported {
                    what: WHAT,
                    name: format!("checksum {}", crate::outside_name(other)),
                });
            }
        })
    }
}

/// The bytes as a header that is filled up to its size and has the checksum that it should have, so that damage is looked
/// for behind them: a fuzzer finds neither. Headers of more than 64 KiB are left as they are.
pub(super) fn with_checksum(bytes: &[u8], place: Place) -> Vec<u8> {
    let mut header = bytes.to_vec();
    let claimed = Fields::new(WHAT, bytes).u64_be(8).unwrap_or_default();
    if let Some(size) = SIZES
        .into_iter()
        .find(|size| *size == claimed && *size <= 64 << 10)
    {
        header.resize(header.len().max(usize::try_from(size).unwrap_or_default()), 0);
    }
    let checksum = BinaryHeader::parse(&header, place).and_then(|parsed| parsed.checksum_of(&header));
    let field = header.get_mut(CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_BYTES);
    if let (Ok(checksum), Some(field)) = (checksum, field) {
        field.copy_from_slice(&checksum);
    }
    header
}

/// The digest, followed by zeros.
fn digest<D: Digest>(parts: [&[u8]; 3]) -> [u8; CHECKSUM_BYTES] {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    let mut padded = [0; CHECKSUM_BYTES];
    for (to, from) in padded.iter_mut().zip(digest.finalize().iter()) {
        *to = *from;
    }
    padded
}
