use std::ops::Range;

use super::method::SECTOR_BYTES;

/// What a volume that is encrypted on write has beside its metadata: bitmaps that tell which parts are encrypted.
///
/// Source: libbde's documentation names the blocks; their fields by the names that dissect.fve gives them. Read 2026-11-28.
#[derive(Debug)]
pub(super) struct OnWrite {
    /// Where it lies: two copies of a table, a sector each, and behind them the bitmap and a log.
    at: usize,
    volume_bytes: usize,
    /// What is not encrypted.
    plain: Range<usize>,
}

/// What a bit of the bitmap tells of.
const CHUNK_BYTES: usize = 16 << 10;
/// As much as a byte of the bitmap tells of.
const GRAIN_BYTES: usize = 8 * CHUNK_BYTES;

const TABLE_BYTES: u16 = 64;
const TABLE_HEADER_BYTES: u16 = 56;
const BITMAP_AT: usize = 4096;
const BITMAP_BYTES: usize = 4096;
const BITMAP_HEADER_BYTES: u16 = 60;
const RECORDS_AT: [u32; 2] = [512, 1024];
const RECORD_BYTES: u32 = 512;
const RECORD_HEADER_BYTES: u16 = 36;
const LOG_AT: usize = BITMAP_AT + BITMAP_BYTES;
const LOG_BYTES: usize = 4096;

impl OnWrite {
    pub(super) fn new(at: usize, volume_bytes: usize, plain: Range<usize>) -> Self {
        assert!(
            plain.start.is_multiple_of(GRAIN_BYTES) && plain.end.is_multiple_of(GRAIN_BYTES),
            "whole parts of 128 KiB"
        );
        Self {
            at,
            volume_bytes,
            plain,
        }
    }

    fn tables_at(&self) -> [usize; 2] {
        [self.at, self.at + SECTOR_BYTES]
    }

    /// Where its two tables lie, as the boot sector says.
    pub(super) fn offsets(&self) -> [u64; 2] {
        self.tables_at().map(|at| at as u64)
    }

    /// What reads as zeros once the volume is open.
    pub(super) fn reserved(&self) -> [(usize, usize); 4] {
        let [first, second] = self.tables_at();
        [
            (first, SECTOR_BYTES),
            (second, SECTOR_BYTES),
            (self.at + BITMAP_AT, BITMAP_BYTES),
            (self.at + LOG_AT, LOG_BYTES),
        ]
    }

    pub(super) fn write(&self, image: &mut [u8]) {
        for (at, length) in self.reserved() {
            image[at..at + length].fill(0);
        }
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        for at in self.tables_at() {
            put(at, &self.table());
        }
        let bitmap_at = self.at + BITMAP_AT;
        put(bitmap_at, &self.bitmap_header());
        // An older record, of before anything was encrypted, and the one that holds.
        let [older, newer] = RECORDS_AT.map(|at| bitmap_at + at as usize);
        put(older, &self.record(1, &vec![0; self.bitmap().len()]));
        put(newer, &self.record(2, &self.bitmap()));
    }

    fn table(&self) -> Vec<u8> {
        let mut table = b"FVE-EOW\0".to_vec();
        for field in [TABLE_HEADER_BYTES, TABLE_BYTES] {
            table.extend(field.to_le_bytes());
        }
        for field in [SECTOR_BYTES, 0, CHUNK_BYTES, LOG_BYTES, 0, 1] {
            table.extend((field as u32).to_le_bytes());
        }
        let checksum_at = table.len();
        table.extend([0; 4]);
        for at in self.tables_at().into_iter().chain([self.at + BITMAP_AT]) {
            table.extend((at as u64).to_le_bytes());
        }
        let checksum = crc32fast::hash(&table);
        table[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
        table
    }

    /// Up to where the first record begins.
    fn bitmap_header(&self) -> Vec<u8> {
        let mut header = b"FVE-EOWBM\0".to_vec();
        header.extend(BITMAP_HEADER_BYTES.to_le_bytes());
        for field in [BITMAP_BYTES as u32, 0] {
            header.extend(field.to_le_bytes());
        }
        for field in [0, self.volume_bytes, self.at + LOG_AT] {
            header.extend((field as u64).to_le_bytes());
        }
        for field in RECORDS_AT.into_iter().chain([RECORD_BYTES]) {
            header.extend(field.to_le_bytes());
        }
        let checksum_at = header.len();
        header.resize(RECORDS_AT[0] as usize, 0);
        let checksum = crc32fast::hash(&header);
        header[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// A bit for each part, set where it is encrypted.
    fn bitmap(&self) -> Vec<u8> {
        let grains = self.volume_bytes.div_ceil(GRAIN_BYTES);
        (0..grains)
            .map(|grain| {
                if self.plain.contains(&(grain * GRAIN_BYTES)) {
                    0
                } else {
                    0xff
                }
            })
            .collect()
    }

    fn record(&self, sequence: u64, bitmap: &[u8]) -> Vec<u8> {
        let mut record = b"FVE-EOWBR\0".to_vec();
        record.extend(RECORD_HEADER_BYTES.to_le_bytes());
        let bits = self.volume_bytes.div_ceil(CHUNK_BYTES);
        for field in [RECORD_HEADER_BYTES as usize + bitmap.len(), bits] {
            record.extend((field as u32).to_le_bytes());
        }
        record.extend(sequence.to_le_bytes());
        record.extend([0; 4]);
        let checksum_at = record.len();
        record.extend([0; 4]);
        record.extend(bitmap);
        let checksum = crc32fast::hash(&record);
        record[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
        record
    }
}
