//! Partition tables: where volumes lie on a disk.

mod boot_records;
mod gpt;
mod gpt_copies;
mod layout;
mod mbr;
mod walk;

pub(crate) use layout::{Expectation, Layout, SliceKind};

/// The sector sizes that disks of virtual machines have.
const SECTOR_SIZES: [u64; 2] = [512, 4096];

/// Reads the bytes as a boot record, as a fuzzer does.
pub(crate) fn parse_mbr(bytes: &[u8]) {
    let Some(record) = mbr::BootRecord::parse(bytes) else {
        return;
    };
    let mut layout = Layout::default();
    for entry in record.entries {
        let (first, sectors) = (u64::from(entry.first_sector), u64::from(entry.sectors));
        layout.add(
            "partition",
            first,
            sectors,
            512,
            1 << 30,
            SliceKind::Mbr(entry.kind),
        );
    }
}

/// Reads the bytes as the header of a GPT with its entries behind it, checksums put right, as a fuzzer does.
pub(crate) fn parse_gpt(bytes: &[u8]) {
    let (header, table) = bytes.split_at_checked(512).unwrap_or((bytes, &[]));
    let header = gpt::with_checksums(header, table);
    if let Ok(header) = gpt::GptHeader::parse(&header, 1)
        && let Ok(entries) = header.entries(table)
    {
        Layout::default().add_entries(&entries, 512, 1 << 30);
    }
}

/// Puts the checksums of a first GPT right that these bytes have, with either sector size, for a fuzzer.
pub(crate) fn mend(disk: &mut [u8]) {
    for sector in SECTOR_SIZES.map(|size| usize::try_from(size).unwrap_or_default()) {
        let header = disk.get(sector..2 * sector);
        let Some(header) = header.filter(|header| header.starts_with(gpt::GPT_SIGNATURE)) else {
            continue;
        };
        let mended = gpt::with_checksums(header, gpt::table_of(header, disk, sector));
        if let Some(header) = disk.get_mut(sector..2 * sector) {
            header.copy_from_slice(&mended);
        }
    }
}
