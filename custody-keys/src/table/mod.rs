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

/// Reads the bytes as the header of a GPT with its entries behind it, as a fuzzer does.
pub(crate) fn parse_gpt(bytes: &[u8]) {
    if let Ok(header) = gpt::GptHeader::parse(bytes.get(..512).unwrap_or(bytes), 1) {
        drop(header.entries(bytes.get(512..).unwrap_or_default()));
    }
}
