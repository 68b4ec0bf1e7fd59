//! What an export is, by its bytes, where its length is told by itself alone.

use bytes::{Bytes, BytesMut};
use custody_core::digest::DiskData;
use custody_core::extent::{ByteRange, Extent};
use custody_core::port::{ImageForm, ImageReader};
use custody_core::{Error, Result, visible};

use crate::snapshotter::{DiskSize, VHD_FOOTER_BYTES};

/// The formats' names in records.
pub(crate) const VHDX: &str = "vhdx";
pub(crate) const VHD_FIXED: &str = "vhd-fixed";

/// The first bytes of a VHDX. Source: Microsoft \[MS-VHDX\] 2.2.1.
const VHDX_SIGNATURE: &[u8] = b"vhdxfile";
/// The first bytes of a VHD's footer. Source: "Virtual Hard Disk Image Format Specification" 1.0, Microsoft 2006.
const VHD_COOKIE: &[u8] = b"conectix";
/// The type of a fixed disk in a VHD's footer. Source: as above.
const FIXED: u32 = 2;

/// Which bytes of a VHDX are the disk's: not told by a range.
pub(crate) fn vhdx_data() -> DiskData {
    DiskData::NotComputed {
        reason: "vhdx container; convert with qemu-img to compare disk data".into(),
    }
}

/// What the export of a disk is whose length only opening tells: a fixed VHD of the disk's size, or a VHDX. Anything else
/// is refused, so that nothing is stored under a name for what it is not.
///
/// The footer is looked at first: it lies behind the disk, where nobody inside the machine can write, while the first
/// bytes of a fixed VHD are the machine's own. A VHDX has whole MiB, so that its length is no disk's and a footer's.
pub(crate) async fn recognise(image: &dyn ImageReader, size: DiskSize) -> Result<ImageForm> {
    let length = image.length();
    let disk_bytes = length.saturating_sub(VHD_FOOTER_BYTES);
    if size.fits(disk_bytes) {
        let footer = bytes_of(image, ByteRange::at(disk_bytes, VHD_FOOTER_BYTES)).await?;
        if is_footer_of(&footer, disk_bytes) {
            let length = disk_bytes.into();
            return Ok(ImageForm::new(VHD_FIXED, DiskData::Prefix { length }));
        }
    }
    let head = bytes_of(image, ByteRange::at(0, length.min(VHD_FOOTER_BYTES))).await?;
    if head.starts_with(VHDX_SIGNATURE) {
        return Ok(ImageForm::new(VHDX, vhdx_data()));
    }
    let first: String = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Err(Error::Integrity {
        object: visible::escape(&image.to_string()),
        place: "form".into(),
        expected: format!("a VHDX, or a fixed VHD of a disk of {size}"),
        actual: format!("{length} bytes that begin with {first}"),
    })
}

/// Whether these are the footer of a fixed VHD of so many bytes.
fn is_footer_of(footer: &[u8], disk_bytes: u64) -> bool {
    let size = footer.get(48..56) == Some(&disk_bytes.to_be_bytes());
    let fixed = footer.get(60..64) == Some(&FIXED.to_be_bytes());
    footer.starts_with(VHD_COOKIE) && size && fixed
}

async fn bytes_of(image: &dyn ImageReader, range: ByteRange) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    if range.is_empty() {
        return Ok(bytes.freeze());
    }
    for extent in image.read(range).await? {
        match extent {
            Extent::Data { bytes: read, .. } => bytes.extend_from_slice(&read),
            Extent::Zero { .. } | Extent::Unread { .. } => {
                return Err(Error::misuse(format!(
                    "{image}: answered {range} without its bytes"
                )));
            }
        }
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use custody_testkit::fake::MemoryImage;

    use super::*;

    const DISK: u64 = 4096;

    fn found(bytes: Vec<u8>) -> Result<ImageForm> {
        let image = MemoryImage::new("export", bytes);
        futures::executor::block_on(recognise(&image, DiskSize::Bytes(DISK)))
    }

    fn vhd(cookie: &[u8], size: u64, kind: u32) -> Vec<u8> {
        let mut footer = cookie.to_vec();
        footer.resize(48, 0);
        footer.extend_from_slice(&size.to_be_bytes());
        footer.resize(60, 0);
        footer.extend_from_slice(&kind.to_be_bytes());
        footer.resize(512, 0);
        [vec![7; 4096], footer].concat()
    }

    #[test]
    fn an_export_is_told_by_its_bytes() {
        let vhdx = found([VHDX_SIGNATURE, &[0; 5000]].concat()).unwrap();
        assert_eq!(vhdx, ImageForm::new(VHDX, vhdx_data()));
        let fixed = found(vhd(VHD_COOKIE, DISK, FIXED)).unwrap();
        let data = DiskData::Prefix { length: DISK.into() };
        assert_eq!(fixed, ImageForm::new(VHD_FIXED, data));
    }

    #[test]
    fn what_the_machine_wrote_to_its_first_sector_does_not_decide() {
        let mut disk = vhd(VHD_COOKIE, DISK, FIXED);
        disk[..8].copy_from_slice(VHDX_SIGNATURE);
        let data = DiskData::Prefix { length: DISK.into() };
        assert_eq!(found(disk).unwrap(), ImageForm::new(VHD_FIXED, data));
    }

    #[test]
    fn a_size_in_whole_gib_is_held_to() {
        let of = |bytes: Vec<u8>, gib| {
            let image = MemoryImage::new("export", bytes);
            futures::executor::block_on(recognise(&image, DiskSize::Gib(gib)))
        };
        let data = DiskData::Prefix { length: DISK.into() };
        let told = of(vhd(VHD_COOKIE, DISK, FIXED), 1).unwrap();
        assert_eq!(told, ImageForm::new(VHD_FIXED, data));
        for (bytes, gib) in [
            (vhd(VHD_COOKIE, DISK, FIXED), 32),
            (vhd(VHD_COOKIE, 0, FIXED)[4096..].to_vec(), 1),
            (Vec::new(), 1),
        ] {
            let error = of(bytes, gib).unwrap_err();
            assert!(error.to_string().contains(&format!("up to {gib} GiB")), "{error}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_and_shown() {
        let another_size = vhd(VHD_COOKIE, DISK + 512, FIXED);
        let dynamic = vhd(VHD_COOKIE, DISK, 3);
        let no_footer = vhd(b"nothing!", DISK, FIXED);
        let longer = [vec![7; 512], vhd(VHD_COOKIE, DISK, FIXED)].concat();
        for bytes in [
            another_size,
            dynamic,
            no_footer,
            longer,
            b"vhdx".to_vec(),
            vec![7],
        ] {
            let length = bytes.len();
            let error = found(bytes).unwrap_err();
            assert!(matches!(error.meaning(), Error::Integrity { .. }));
            assert!(
                error
                    .to_string()
                    .contains(&format!("{length} bytes that begin with")),
                "{error}"
            );
        }
    }
}
