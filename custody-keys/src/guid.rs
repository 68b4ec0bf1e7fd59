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

    /// The GUID that documents write so, in lower case; for constants, which a test holds to their text.
    pub(crate) const fn of(text: &str) -> Self {
        let mut value = 0_u128;
        let mut rest = text.as_bytes();
        while let Some((digit, behind)) = rest.split_first() {
            rest = behind;
            value = match *digit {
                digit @ b'0'..=b'9' => value << 4 | (digit - b'0') as u128,
                digit @ b'a'..=b'f' => value << 4 | (digit - b'a' + 10) as u128,
                _ => value,
            };
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value.to_be_bytes();
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
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
        let text = "4967d63b-2e29-4ad8-8399-f6a339e3d001";
        let guid = Guid::of(text);
        assert_eq!(guid.to_string(), text);
        assert_eq!(guid.stored()[..4], [0x3b, 0xd6, 0x67, 0x49]);
        assert_eq!(guid.stored()[4..8], [0x29, 0x2e, 0xd8, 0x4a]);
    }
}
