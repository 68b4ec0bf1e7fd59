use std::fmt;

/// A GUID as Windows stores it: the first three groups little-endian. `Display` is lower case with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid([u8; 16]);

impl Guid {
    /// The GUID that these stored bytes are.
    #[must_use]
    pub const fn from_stored(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes as they are stored.
    #[must_use]
    pub const fn stored(self) -> [u8; 16] {
        self.0
    }

    /// The GUID with these four parts, as it is written: `Guid::of(0x4967d63b, 0x2e29, 0x4ad8, …)`.
    pub(crate) const fn of(first: u32, second: u16, third: u16, rest: [u8; 8]) -> Self {
        let (a, b, c) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rest;
        Self([
            a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], r0, r1, r2, r3, r4, r5, r6, r7,
        ])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, rest @ ..] = self.0;
        let first = u32::from_le_bytes([a, b, c, d]);
        let (second, third) = (u16::from_le_bytes([e, g]), u16::from_le_bytes([h, i]));
        write!(f, "{first:08x}-{second:04x}-{third:04x}-")?;
        for (index, byte) in rest.iter().enumerate() {
            if index == 2 {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_as_windows_writes_it() {
        let guid = Guid::of(
            0x4967_d63b,
            0x2e29,
            0x4ad8,
            [0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01],
        );
        assert_eq!(guid.to_string(), "4967d63b-2e29-4ad8-8399-f6a339e3d001");
        assert_eq!(guid.stored()[..4], [0x3b, 0xd6, 0x67, 0x49]);
    }
}
