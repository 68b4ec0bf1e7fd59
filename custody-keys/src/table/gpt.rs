use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::guid::Guid;

/// A GUID partition table's header, whole by its checksum.
///
/// Source: UEFI specification 2.10, section 5.3.2. Read 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GptHeader {
    pub(crate) other_lba: u64,
    pub(crate) entries_lba: u64,
    pub(crate) entry_count: u32,
    pub(crate) entry_bytes: u32,
    entries_checksum: u32,
}

/// One partition of the table, in sectors; the last sector belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GptEntry {
    pub(crate) number: u32,
    pub(crate) kind: Guid,
    pub(crate) first_lba: u64,
    pub(crate) last_lba: u64,
}

pub(crate) const GPT_SIGNATURE: &[u8; 8] = b"EFI PART";
/// The whole table; the usual one has 128 entries of 128 bytes, 16 KiB.
pub(crate) const MAX_TABLE_BYTES: u64 = 1 << 20;

const WHAT: &str = "GPT header";
const HEADER_BYTES: usize = 92;

impl GptHeader {
    /// Reads the header that lies in sector `lba`.
    pub(crate) fn parse(sector: &[u8], lba: u64) -> Result<Self> {
        let fields = Fields::new(WHAT, sector);
        if fields.array(0)? != *GPT_SIGNATURE {
            return Err(Error::field(WHAT, "the signature", "something else", "EFI PART"));
        }
        let size = fields.u32_le(12)? as usize;
        if size < HEADER_BYTES || size > sector.len() {
            return Err(Error::field(WHAT, "its size", size, "92 bytes up to a sector"));
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(fields.slice(0, 16)?);
        hasher.update(&[0; 4]);
        hasher.update(fields.slice(20, size - 20)?);
        if hasher.finalize() != fields.u32_le(16)? {
            return Err(Error::Checksum {
                what: WHAT,
                algorithm: "CRC-32".to_owned(),
            });
        }
        if fields.u64_le(24)? != lba {
            return Err(Error::field(
                WHAT,
                "its own sector",
                fields.u64_le(24)?,
                lba.to_string(),
            ));
        }
        let header = Self {
            other_lba: fields.u64_le(32)?,
            entries_lba: fields.u64_le(72)?,
            entry_count: fields.u32_le(80)?,
            entry_bytes: fields.u32_le(84)?,
            entries_checksum: fields.u32_le(88)?,
        };
        if header.entry_bytes < 128 {
            return Err(Error::field(
                WHAT,
                "the size of an entry",
                header.entry_bytes,
                "at least 128 bytes",
            ));
        }
        if header.table_bytes() > MAX_TABLE_BYTES {
            return Err(Error::Exceeds {
                what: WHAT,
                asked: header.table_bytes(),
                limit: MAX_TABLE_BYTES,
                unit: "bytes for its entries",
            });
        }
        Ok(header)
    }

    pub(crate) fn table_bytes(&self) -> u64 {
        u64::from(self.entry_count) * u64::from(self.entry_bytes)
    }

    /// The partitions in the table's bytes, unused entries left out.
    pub(crate) fn entries(&self, table: &[u8]) -> Result<Vec<GptEntry>> {
        if crc32fast::hash(table) != self.entries_checksum {
            return Err(Error::Checksum {
                what: "GPT entries",
                algorithm: "CRC-32".to_owned(),
            });
        }
        let mut entries = Vec::new();
        for (number, bytes) in (1..).zip(table.chunks_exact(self.entry_bytes as usize)) {
            let fields = Fields::new("GPT entry", bytes);
            let kind = Guid::from_stored(fields.array(0)?);
            if kind.stored() != [0; 16] {
                entries.push(GptEntry {
                    number,
                    kind,
                    first_lba: fields.u64_le(32)?,
                    last_lba: fields.u64_le(40)?,
                });
            }
        }
        Ok(entries)
    }
}

/// The table that a header of this disk leads to, as far as the disk has it; none where it would be of no size that is
/// taken.
pub(super) fn table_of<'a>(header: &[u8], disk: &'a [u8], sector: usize) -> &'a [u8] {
    let fields = Fields::new(WHAT, header);
    let place = || -> Result<(u64, u64)> {
        let bytes = u64::from(fields.u32_le(80)?) * u64::from(fields.u32_le(84)?);
        Ok((fields.u64_le(72)?.saturating_mul(sector as u64), bytes))
    };
    let (at, bytes) = place().unwrap_or_default();
    let range = usize::try_from(at).unwrap_or(usize::MAX)
        ..usize::try_from(at.saturating_add(bytes)).unwrap_or(usize::MAX);
    disk.get(range)
        .filter(|table| table.len() as u64 <= MAX_TABLE_BYTES)
        .unwrap_or_default()
}

/// The header with the checksums that it should have, its own and that of the table, so that damage is looked for behind
/// them: a fuzzer finds none.
pub(super) fn with_checksums(header: &[u8], table: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    let size = Fields::new(WHAT, &header).u32_le(12).unwrap_or_default() as usize;
    if size < HEADER_BYTES || size > header.len() {
        return header;
    }
    let put = |header: &mut [u8], at: usize, checksum: u32| {
        if let Some(field) = header.get_mut(at..at + 4) {
            field.copy_from_slice(&checksum.to_le_bytes());
        }
    };
    put(&mut header, 88, crc32fast::hash(table));
    put(&mut header, 16, 0);
    let checksum = crc32fast::hash(header.get(..size).unwrap_or_default());
    put(&mut header, 16, checksum);
    header
}
