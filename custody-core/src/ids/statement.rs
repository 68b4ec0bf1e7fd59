use serde::{Deserialize, Serialize};

use super::checked_text;
use crate::visible;

const MAX_STATEMENT_BYTES: usize = 4096;

/// Something that a person stated: an examiner's name, an authority, a description.
///
/// Invariants: 1 to 4096 bytes; no control, bidirectional or other invisible character. What is
/// stated is recorded as stated; nothing here checks that it is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Statement(String);
checked_text!(Statement, "statement", |text| {
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    if text.len() > MAX_STATEMENT_BYTES {
        return Err(format!(
            "has {} bytes, at most {MAX_STATEMENT_BYTES} are allowed",
            text.len()
        ));
    }
    match text.chars().find(|c| visible::must_escape(*c)) {
        Some(c) => Err(format!(
            "has the character U+{:04X}, which cannot be seen or printed safely",
            c as u32
        )),
        None => Ok(()),
    }
});
