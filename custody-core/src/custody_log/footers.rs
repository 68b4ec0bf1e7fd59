use serde::{Deserialize, Serialize};

use crate::hex;

/// What follows the disk's own bytes in a fixed VHD, in bytes.
/// Source: Microsoft, Virtual Hard Disk Image Format Specification, 2006, "Hard Disk Footer Format".
pub const FOOTER_BYTES: usize = 512;

/// The fields of the footer, and whether a service that writes the footer anew may change them: name, first byte, end.
/// Source: as [`FOOTER_BYTES`].
const FIELDS: [(&str, usize, usize, Renewal); 15] = [
    ("cookie", 0, 8, Renewal::Never),
    ("features", 8, 12, Renewal::Never),
    ("file format version", 12, 16, Renewal::Never),
    ("data offset", 16, 24, Renewal::Never),
    ("time stamp", 24, 28, Renewal::Expected),
    ("creator application", 28, 32, Renewal::Never),
    ("creator version", 32, 36, Renewal::Never),
    ("creator host OS", 36, 40, Renewal::Never),
    ("original size", 40, 48, Renewal::Never),
    ("current size", 48, 56, Renewal::Never),
    ("disk geometry", 56, 60, Renewal::Never),
    ("disk type", 60, 64, Renewal::Never),
    ("checksum", 64, 68, Renewal::Expected),
    ("unique id", 68, 84, Renewal::Expected),
    ("saved state and reserved bytes", 84, FOOTER_BYTES, Renewal::Never),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Expected,
    Never,
}

/// The footers of a fixed VHD on both sides of a server-side copy. The service writes them, and need not write the same
/// one twice, so the disk's data are compared apart from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Footers {
    /// Of what was read from the source. Hexadecimal.
    pub source: String,
    /// Of the stored copy. Hexadecimal.
    pub stored: String,
}

impl Footers {
    /// The footer of what was read, and that of the stored copy.
    #[must_use]
    pub fn new(source: &[u8; FOOTER_BYTES], stored: &[u8; FOOTER_BYTES]) -> Self {
        Self {
            source: hex::encode(source),
            stored: hex::encode(stored),
        }
    }

    /// The names of the fields that differ; `None` when one of these is not hexadecimal text of a footer.
    #[must_use]
    pub fn differences(&self) -> Option<Vec<&'static str>> {
        Some(self.differing()?.into_iter().map(|(name, _)| name).collect())
    }

    /// Whether they differ in nothing but what a service writes anew: time stamp, unique id, and the checksum over
    /// them, which must be right on both sides when it differs.
    #[must_use]
    pub fn only_renewed(&self) -> bool {
        let Some(differing) = self.differing() else {
            return false;
        };
        differing.iter().all(|(_, renewal)| *renewal == Renewal::Expected)
            && (differing.is_empty() || self.checksums_hold())
    }

    fn differing(&self) -> Option<Vec<(&'static str, Renewal)>> {
        let source = hex::decode::<FOOTER_BYTES>(&self.source)?;
        let stored = hex::decode::<FOOTER_BYTES>(&self.stored)?;
        let differs = |start: usize, end: usize| source.get(start..end) != stored.get(start..end);
        let fields = FIELDS.iter().filter(|(_, start, end, _)| differs(*start, *end));
        Some(fields.map(|(name, _, _, renewal)| (*name, *renewal)).collect())
    }

    fn checksums_hold(&self) -> bool {
        [&self.source, &self.stored]
            .into_iter()
            .all(|side| hex::decode(side).is_some_and(|footer| checksum_holds(&footer)))
    }
}

/// One's complement of the sum of all bytes but the checksum's own. Source: as [`FOOTER_BYTES`].
fn checksum_holds(footer: &[u8; FOOTER_BYTES]) -> bool {
    let (before, rest) = footer.split_at(64);
    let (field, after) = rest.split_at(4);
    let sum: u32 = before.iter().chain(after).map(|byte| u32::from(*byte)).sum();
    field == (!sum).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer(id: u8) -> [u8; FOOTER_BYTES] {
        let mut footer = [0; FOOTER_BYTES];
        footer[..8].copy_from_slice(b"conectix");
        footer[24..28].copy_from_slice(&[id; 4]);
        footer[68..84].copy_from_slice(&[id; 16]);
        with_checksum(footer)
    }

    fn with_checksum(mut footer: [u8; FOOTER_BYTES]) -> [u8; FOOTER_BYTES] {
        footer[64..68].fill(0);
        let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
        footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
        footer
    }

    #[test]
    fn a_footer_that_was_written_anew_is_told_from_another_disk() {
        let renewed = Footers::new(&footer(1), &footer(2));
        assert_eq!(
            renewed.differences().unwrap(),
            ["time stamp", "checksum", "unique id"]
        );
        assert!(renewed.only_renewed());
        assert!(Footers::new(&footer(1), &footer(1)).only_renewed());

        let mut other = footer(1);
        other[55] = 1;
        let other = Footers::new(&footer(1), &with_checksum(other));
        assert_eq!(other.differences().unwrap(), ["current size", "checksum"]);
        assert!(!other.only_renewed());
    }

    #[test]
    fn a_wrong_checksum_is_no_renewal() {
        let mut wrong = footer(2);
        wrong[64] ^= 1;
        assert!(!Footers::new(&footer(1), &wrong).only_renewed());
    }

    #[test]
    fn the_fields_cover_the_footer() {
        let mut next = 0;
        for (_, start, end, _) in FIELDS {
            assert_eq!(start, next);
            next = end;
        }
        assert_eq!(next, FOOTER_BYTES);
    }
}
