//! The footer of a VHD file: the last 512 bytes, big-endian.
//!
//! Source: Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0 (October 11, 2006),
//! sections "Hard Disk Footer Format" and "Checksum".

use custody_core::hex;

/// The bytes of a footer.
pub(super) const FOOTER_BYTES: u64 = 512;
/// What a footer begins with.
pub(super) const COOKIE: [u8; 8] = *b"conectix";
/// Seconds from 1970-01-01 to 2000-01-01, where VHD time begins.
const VHD_EPOCH_UNIX_S: i64 = 946_684_800;

/// What kind of disk a footer says that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VhdKind {
    /// Type 2: the disk's bytes, then the footer.
    Fixed,
    /// Type 3: blocks that were allocated when first written.
    Dynamic,
    /// Type 4: what differs from another file.
    Differencing,
    /// Anything else.
    Unknown(u32),
}

/// A footer as it stands, believed in nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VhdFooter {
    pub(super) kind: VhdKind,
    /// The length that it gives the disk now.
    pub(super) current_bytes: u64,
    /// The length that it gives the disk when it was made.
    pub(super) original_bytes: u64,
    /// When it says that the disk was made, in seconds since 1970.
    pub(super) made_unix_s: i64,
    /// The program that made it, four characters.
    pub(super) creator: [u8; 4],
    /// The disk's UUID.
    pub(super) unique_id: [u8; 16],
    /// The checksum that stands in it.
    pub(super) checksum: u32,
    /// The checksum that its bytes have.
    pub(super) computed_checksum: u32,
}

impl VhdFooter {
    /// Reads 512 bytes as a footer; `None` when they do not begin with its cookie, or are not 512.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 512] = bytes.try_into().ok()?;
        if !bytes.starts_with(&COOKIE) {
            return None;
        }
        Some(Self {
            kind: match u32_at(bytes, 60)? {
                2 => VhdKind::Fixed,
                3 => VhdKind::Dynamic,
                4 => VhdKind::Differencing,
                other => VhdKind::Unknown(other),
            },
            current_bytes: u64::from_be_bytes(array_at(bytes, 48)?),
            original_bytes: u64::from_be_bytes(array_at(bytes, 40)?),
            made_unix_s: VHD_EPOCH_UNIX_S + i64::from(u32_at(bytes, 24)?),
            creator: array_at(bytes, 28)?,
            unique_id: array_at(bytes, 68)?,
            checksum: u32_at(bytes, 64)?,
            computed_checksum: checksum(bytes),
        })
    }

    /// What in this footer cannot be true of a file of `file_bytes` that it ends as a fixed VHD;
    /// `None` when it holds.
    pub(super) fn lie_about_fixed(&self, file_bytes: u64) -> Option<String> {
        if self.checksum != self.computed_checksum {
            return Some(format!(
                "its VHD footer has the checksum 0x{:08x}, its bytes give 0x{:08x}",
                self.checksum, self.computed_checksum
            ));
        }
        let before = file_bytes.saturating_sub(FOOTER_BYTES);
        (self.current_bytes != before).then(|| {
            format!(
                "its VHD footer says that the disk has {} bytes, {before} lie before it",
                self.current_bytes
            )
        })
    }

    /// The UUID, in hexadecimal digits as they stand in the file.
    pub(super) fn unique_id_text(&self) -> String {
        hex::encode(&self.unique_id)
    }
}

/// The ones' complement of the sum of all bytes but the checksum's own.
fn checksum(footer: &[u8; 512]) -> u32 {
    let sum: u32 = footer
        .iter()
        .enumerate()
        .filter(|(i, _)| !(64..68).contains(i))
        .map(|(_, byte)| u32::from(*byte))
        .sum();
    !sum
}

fn u32_at(bytes: &[u8; 512], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

fn array_at<const N: usize>(bytes: &[u8; 512], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A footer that holds for `current_bytes` of disk, for tests.
#[cfg(test)]
pub(super) fn made_footer(kind: u32, current_bytes: u64) -> [u8; 512] {
    let mut footer = [0; 512];
    footer[..8].copy_from_slice(&COOKIE);
    footer[28..32].copy_from_slice(b"test");
    footer[40..48].copy_from_slice(&current_bytes.to_be_bytes());
    footer[48..56].copy_from_slice(&current_bytes.to_be_bytes());
    footer[60..64].copy_from_slice(&kind.to_be_bytes());
    let sum = checksum(&footer);
    footer[64..68].copy_from_slice(&sum.to_be_bytes());
    footer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_good_footer_tells_no_lie() {
        let footer = VhdFooter::parse(&made_footer(2, 4096)).unwrap();
        assert_eq!(footer.kind, VhdKind::Fixed);
        assert_eq!(footer.lie_about_fixed(4096 + 512), None);
    }

    #[test]
    fn a_footer_that_lies_about_its_size_is_told() {
        for claimed in [0, 4095, 4097, u64::MAX, 1 << 63] {
            let footer = VhdFooter::parse(&made_footer(2, claimed)).unwrap();
            let lie = footer.lie_about_fixed(4096 + 512).unwrap();
            assert!(
                lie.contains(&claimed.to_string()) && lie.contains("4096"),
                "{lie}"
            );
        }
    }

    #[test]
    fn a_footer_whose_bytes_were_changed_has_another_checksum() {
        for at in [9, 30, 50, 511] {
            let mut bytes = made_footer(2, 4096);
            bytes[at] ^= 1;
            let lie = VhdFooter::parse(&bytes).unwrap().lie_about_fixed(4608).unwrap();
            assert!(lie.contains("checksum"), "{lie}");
        }
    }

    #[test]
    fn only_512_bytes_with_the_cookie_are_a_footer() {
        let footer = made_footer(2, 0);
        assert_eq!(VhdFooter::parse(&footer[..511]), None);
        assert_eq!(VhdFooter::parse(&[0; 512]), None);
        assert_eq!(VhdFooter::parse(&[]), None);
    }

    #[test]
    #[ignore = "needs qemu-img"]
    fn the_footer_that_qemu_img_writes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.vhd");
        let status = std::process::Command::new("qemu-img")
            .args(["create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size=on"])
            .arg(&path)
            .arg("8M")
            .status()
            .unwrap();
        assert!(status.success());
        let file = std::fs::read(&path).unwrap();
        let footer = VhdFooter::parse(&file[file.len() - 512..]).unwrap();
        assert_eq!(footer.kind, VhdKind::Fixed);
        assert_eq!(footer.lie_about_fixed(file.len() as u64), None);
        assert_eq!(footer.current_bytes, 8 << 20);
        assert_eq!(&footer.creator, b"qem2");
    }

    proptest! {
        #[test]
        fn any_512_bytes_are_read_without_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 512),
            cookie in any::<bool>(),
            length in any::<u64>(),
        ) {
            if cookie {
                bytes[..8].copy_from_slice(&COOKIE);
            }
            if let Some(footer) = VhdFooter::parse(&bytes) {
                let _lie: Option<String> = footer.lie_about_fixed(length);
            }
        }
    }
}
