use custody_core::extent::ByteRange;

/// A disk with a GUID partition table.
#[derive(Debug)]
pub struct GptDisk {
    sector_bytes: usize,
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct Partition {
    kind: [u8; 16],
    bytes: Vec<u8>,
    /// First and last sector, where the table says something else than where the bytes are.
    claimed: Option<(u64, u64)>,
}

/// A disk, and where its partitions lie.
#[derive(Debug)]
#[non_exhaustive]
pub struct MadeDisk {
    /// The disk.
    pub image: Vec<u8>,
    /// Its partitions, in the order in which they were added.
    pub partitions: Vec<ByteRange>,
}

const ALIGNMENT_BYTES: usize = 1 << 20;
const ENTRIES: usize = 128;
const ENTRY_BYTES: usize = 128;
/// "Linux filesystem data", 0fc63daf-8483-4772-8e79-3d69d8477de4, as it is stored.
const LINUX_DATA: [u8; 16] = [
    0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
];

impl GptDisk {
    /// A disk of sectors of 512 or 4096 bytes, without a partition yet.
    #[must_use]
    pub const fn new(sector_bytes: usize) -> Self {
        Self {
            sector_bytes,
            partitions: Vec::new(),
        }
    }

    /// Adds a partition with these bytes, filled up to whole MiB.
    #[must_use]
    pub fn with_partition(self, bytes: Vec<u8>) -> Self {
        self.with_partition_of(LINUX_DATA, bytes)
    }

    /// Adds a partition of this type, as GUIDs are stored.
    #[must_use]
    pub fn with_partition_of(mut self, kind: [u8; 16], bytes: Vec<u8>) -> Self {
        self.partitions.push(Partition {
            kind,
            bytes,
            claimed: None,
        });
        self
    }

    /// Adds an entry that claims these sectors, the last one with it.
    #[must_use]
    pub fn with_claim(mut self, first: u64, last: u64) -> Self {
        self.partitions.push(Partition {
            kind: LINUX_DATA,
            bytes: Vec::new(),
            claimed: Some((first, last)),
        });
        self
    }

    /// The disk.
    #[must_use]
    pub fn make(self) -> MadeDisk {
        let sector = self.sector_bytes;
        let mut image = vec![0; ALIGNMENT_BYTES];
        let mut ranges = Vec::new();
        let mut entries = vec![0; ENTRIES * ENTRY_BYTES];
        for (number, (partition, entry)) in
            (1_u8..).zip(self.partitions.iter().zip(entries.chunks_exact_mut(ENTRY_BYTES)))
        {
            let start = image.len();
            image.extend(&partition.bytes);
            image.resize(image.len().next_multiple_of(ALIGNMENT_BYTES), 0);
            let lies = ((start / sector) as u64, (image.len() / sector) as u64 - 1);
            let (first, last) = partition.claimed.unwrap_or(lies);
            entry[..16].copy_from_slice(&partition.kind);
            entry[16..32].fill(number);
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&last.to_le_bytes());
            ranges.push(ByteRange::at(start as u64, (image.len() - start) as u64));
        }
        image.resize(image.len() + ALIGNMENT_BYTES, 0);
        let last_lba = (image.len() / sector) as u64 - 1;
        let table_sectors = (entries.len() / sector) as u64;
        let backup_table = last_lba - table_sectors;
        let usable = (2 + table_sectors, backup_table - 1);
        let put = |image: &mut Vec<u8>, lba: u64, bytes: &[u8]| {
            let at = usize::try_from(lba).expect("a small disk") * sector;
            image[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(&mut image, 0, &protective_record(last_lba));
        put(&mut image, 1, &header((1, last_lba), usable, 2, &entries));
        put(&mut image, 2, &entries);
        put(&mut image, backup_table, &entries);
        put(
            &mut image,
            last_lba,
            &header((last_lba, 1), usable, backup_table, &entries),
        );
        MadeDisk {
            image,
            partitions: ranges,
        }
    }
}

fn protective_record(last_lba: u64) -> [u8; 512] {
    let mut record = [0; 512];
    record[446..462].copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0]);
    let sectors = u32::try_from(last_lba).unwrap_or(u32::MAX);
    record[458..462].copy_from_slice(&sectors.to_le_bytes());
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    record
}

fn header((own, other): (u64, u64), (first, last): (u64, u64), table: u64, entries: &[u8]) -> Vec<u8> {
    let mut header = b"EFI PART".to_vec();
    for field in [0x0001_0000, 92, 0, 0] {
        header.extend(u32::to_le_bytes(field));
    }
    for field in [own, other, first, last] {
        header.extend(field.to_le_bytes());
    }
    header.extend([0x42; 16]);
    header.extend(table.to_le_bytes());
    for field in [ENTRIES as u32, ENTRY_BYTES as u32, crc32fast::hash(entries)] {
        header.extend(field.to_le_bytes());
    }
    let checksum = crc32fast::hash(&header);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    header
}
