use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A number of bytes (or an offset) as it stands in records: a decimal string, because not every
/// JSON reader keeps integers above 2^53.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteLength(u64);

impl ByteLength {
    /// The number.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl From<u64> for ByteLength {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<ByteLength> for String {
    fn from(length: ByteLength) -> Self {
        length.0.to_string()
    }
}

impl TryFrom<String> for ByteLength {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for ByteLength {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let plain = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(bytes) if plain => Ok(Self(bytes)),
            _ => Err(Error::malformed(
                "byte length",
                format!("{text:?} is not a plain decimal number below 2^64"),
            )),
        }
    }
}

impl fmt::Display for ByteLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
