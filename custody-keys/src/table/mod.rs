//! Partition tables: where volumes lie on a disk.

mod gpt;
mod layout;
mod mbr;
mod walk;

pub(crate) use layout::{Expectation, Layout, SliceKind};

/// Runs the parsers of this module on the bytes, as a fuzzer does.
pub(crate) fn parse_anything(bytes: &[u8]) {
    if let Some(record) = mbr::BootRecord::parse(bytes) {
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
    if let Ok(header) = gpt::GptHeader::parse(bytes, 1) {
        drop(header.entries(bytes.get(512..).unwrap_or_default()));
    }
}
