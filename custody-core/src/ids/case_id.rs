use serde::{Deserialize, Serialize};

use super::checked_text;
use crate::visible;

const MAX_LABEL_BYTES: usize = 255;

/// 1 to 255 bytes of visible text without space at either end.
fn label(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > MAX_LABEL_BYTES {
        return Err(format!(
            "has {} bytes, at most {MAX_LABEL_BYTES} are allowed",
            text.len()
        ));
    }
    if let Some(c) = text.chars().find(|c| visible::must_escape(*c)) {
        return Err(format!(
            "has the character U+{:04X}, which cannot be seen or printed safely",
            c as u32
        ));
    }
    if text.trim() != text {
        return Err("begins or ends with a space".into());
    }
    Ok(())
}

/// The case an acquisition belongs to, as the organisation numbers its cases.
///
/// Invariants: 1 to 255 bytes; no control, bidirectional or other invisible character; no space at
/// either end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);
checked_text!(CaseId, "case id", label);

/// The label of an evidence item in proceedings (CASE `exhibitNumber`). Invariants as [`CaseId`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExhibitNumber(String);
checked_text!(ExhibitNumber, "exhibit number", label);
