use sha2::{Digest as _, Sha256};

/// The footer of a fixed VHD. `stamp` goes into its time stamp and its UUID: another stamp, another footer.
///
/// Source: Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format".
pub(crate) fn fixed_vhd_footer(disk_bytes: u64, stamp: u32) -> [u8; 512] {
    let mut footer = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| footer[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"conectix");
    put(8, &2_u32.to_be_bytes());
    put(12, &0x0001_0000_u32.to_be_bytes());
    put(16, &u64::MAX.to_be_bytes());
    put(24, &stamp.to_be_bytes());
    put(28, b"win ");
    put(32, &0x000A_0000_u32.to_be_bytes());
    put(36, b"Wi2k");
    put(40, &disk_bytes.to_be_bytes());
    put(48, &disk_bytes.to_be_bytes());
    put(56, &geometry(disk_bytes));
    put(60, &2_u32.to_be_bytes());
    put(
        68,
        &Sha256::digest([&disk_bytes.to_be_bytes()[..], &stamp.to_be_bytes()].concat())[..16],
    );
    let sum = footer
        .iter()
        .fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    footer
}

/// Cylinders, heads and sectors per track, by the specification's appendix.
fn geometry(disk_bytes: u64) -> [u8; 4] {
    let sectors = (disk_bytes / 512).min(65535 * 16 * 255);
    let (heads, per_track, cylinder_heads) = if sectors >= 65535 * 16 * 63 {
        (16, 255, sectors / 255)
    } else {
        let by_17 = sectors / 17;
        let heads = by_17.div_ceil(1024).max(4);
        if by_17 < heads * 1024 && heads <= 16 {
            (heads, 17, by_17)
        } else if sectors / 31 < 16 * 1024 {
            (16, 31, sectors / 31)
        } else {
            (16, 63, sectors / 63)
        }
    };
    let cylinders = u16::try_from(cylinder_heads / heads)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let narrow = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
    [cylinders[0], cylinders[1], narrow(heads), narrow(per_track)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_complement_of_the_sum_of_the_other_bytes() {
        let footer = fixed_vhd_footer(1 << 30, 99);
        let stored = u32::from_be_bytes(footer[64..68].try_into().unwrap());
        let sum: u32 = footer
            .iter()
            .enumerate()
            .filter(|(at, _)| !(64..68).contains(at))
            .map(|(_, b)| u32::from(*b))
            .sum();
        assert_eq!(stored, !sum);
    }

    #[test]
    fn another_stamp_changes_only_time_checksum_and_uuid() {
        let (one, two) = (fixed_vhd_footer(1 << 30, 1), fixed_vhd_footer(1 << 30, 2));
        let differing: Vec<usize> = (0..512).filter(|at| one[*at] != two[*at]).collect();
        assert!(!differing.is_empty());
        assert!(
            differing
                .iter()
                .all(|at| (24..28).contains(at) || (64..84).contains(at)),
            "{differing:?}"
        );
    }
}
