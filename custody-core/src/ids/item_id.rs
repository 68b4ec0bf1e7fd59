use serde::{Deserialize, Serialize};

use super::checked_text;
use crate::visible;

const MAX_NAME_BYTES: usize = 8192;

/// Visible text (outside names must have been escaped, see [`crate::visible`]), 1 to 8192 bytes.
pub(super) fn escaped(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(format!(
            "has {} bytes, 1 to {MAX_NAME_BYTES} are allowed",
            text.len()
        ));
    }
    match text.chars().find(|c| visible::must_escape(*c)) {
        Some(c) => Err(format!("has the unescaped character U+{:04X}", c as u32)),
        None => Ok(()),
    }
}

/// An object in a case: one disk or image of one acquisition, by its number there (`item-1`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EvidenceItemId(String);
checked_text!(EvidenceItemId, "evidence item id", |text| {
    let number = text.strip_prefix("item-").unwrap_or_default();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    if plain && number.len() <= 6 {
        Ok(())
    } else {
        Err(format!("{text:?} is not of the form item-1"))
    }
});

impl EvidenceItemId {
    /// The item with this number, counted from 1.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(format!("item-{}", number.max(1)))
    }
}

/// A disk or image, by its provider's unique name for it: a path, a resource id. Escaped text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DiskId(String);
checked_text!(DiskId, "disk id", escaped);

/// A machine, by its provider's unique name for it. Escaped text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineRef(String);
checked_text!(MachineRef, "machine", escaped);

/// The name that core chose for a disk snapshot. Escaped text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotName(String);
checked_text!(SnapshotName, "disk snapshot name", escaped);

/// Disk snapshots of one instant that their provider keeps as one thing, by its unique name for that. Escaped text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotSetId(String);
checked_text!(SnapshotSetId, "set of disk snapshots", escaped);
