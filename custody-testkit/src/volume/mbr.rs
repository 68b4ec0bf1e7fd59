use custody_core::extent::ByteRange;

use super::gpt::MadeDisk;

/// A disk with an MBR: one primary partition, and an extended one that holds the others.
#[derive(Debug)]
pub struct MbrDisk {
    sector_bytes: usize,
    partitions: Vec<Vec<u8>>,
}

const ALIGNMENT_BYTES: usize = 1 << 20;

impl MbrDisk {
    /// A disk of sectors of 512 or 4096 bytes, without a partition yet.
    #[must_use]
    pub const fn new(sector_bytes: usize) -> Self {
        Self {
            sector_bytes,
            partitions: Vec::new(),
        }
    }

    /// Adds a partition with these bytes, filled up to whole MiB: the first is primary, the others are logical.
    #[must_use]
    pub fn with_partition(mut self, bytes: Vec<u8>) -> Self {
        self.partitions.push(bytes);
        self
    }

    /// The disk.
    #[must_use]
    pub fn make(self) -> MadeDisk {
        let sector = self.sector_bytes;
        let sectors = |bytes: usize| u32::try_from(bytes / sector).expect("a small disk");
        let mut image = vec![0; ALIGNMENT_BYTES];
        let mut partitions = Vec::new();
        // Where boot records lie, each with its own partition; the first is the disk's.
        let mut records = vec![0];
        for (number, bytes) in self.partitions.iter().enumerate() {
            if number > 0 {
                records.push(image.len());
                image.resize(image.len() + ALIGNMENT_BYTES, 0);
            }
            let start = image.len();
            image.extend(bytes);
            image.resize(image.len().next_multiple_of(ALIGNMENT_BYTES), 0);
            partitions.push(ByteRange::at(start as u64, (image.len() - start) as u64));
        }
        let (end, extended) = (image.len(), records.get(1).copied());
        for (number, (at, range)) in records.iter().zip(&partitions).enumerate() {
            let start = usize::try_from(range.start()).expect("a small disk");
            let length = usize::try_from(range.length()).expect("a small disk");
            put_entry(&mut image, at + 446, 0x83, sectors(start - at), sectors(length));
            if let (Some(next), Some(extended)) = (records.get(number + 1), extended) {
                let base = if number == 0 { 0 } else { extended };
                put_entry(
                    &mut image,
                    at + 462,
                    0x05,
                    sectors(next - base),
                    sectors(end - next),
                );
            }
            image[at + 510..at + 512].copy_from_slice(&[0x55, 0xaa]);
        }
        MadeDisk { image, partitions }
    }
}

fn put_entry(image: &mut [u8], at: usize, kind: u8, first: u32, sectors: u32) {
    let entry = &mut image[at..at + 16];
    entry[4] = kind;
    entry[8..12].copy_from_slice(&first.to_le_bytes());
    entry[12..].copy_from_slice(&sectors.to_le_bytes());
}
