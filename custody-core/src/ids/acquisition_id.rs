use serde::{Deserialize, Serialize};

use super::{Timestamp, checked_text};
use crate::hex;

/// One run of collecting evidence: `<yyyyMMdd>T<HHmmss>Z-<8 lower-case hex>`, UTC and random.
///
/// Sorts by time. Never reused: a capture that is repeated is another acquisition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AcquisitionId(String);
checked_text!(AcquisitionId, "acquisition id", |text| {
    let form = "dddddddd'T'dddddd'Z''-'xxxxxxxx".replace('\'', "");
    let fits = text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(b, want)| match want {
            b'd' => b.is_ascii_digit(),
            b'x' => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
            exact => b == exact,
        });
    if fits {
        Ok(())
    } else {
        Err(format!("{text:?} is not of the form 20261121T203015Z-0123abcd"))
    }
});

impl AcquisitionId {
    /// The id of an acquisition that begins now.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 4]) -> Self {
        Self(format!("{}-{}", now.compact(), hex::encode(&random)))
    }
}

/// A store, by 32 lower-case hexadecimal digits chosen at random when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreId(String);
checked_text!(StoreId, "store id", |text| {
    if text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    {
        Ok(())
    } else {
        Err(format!("{text:?} is not 32 lower-case hexadecimal digits"))
    }
});

impl StoreId {
    /// The id made of these random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex::encode(&random))
    }
}
