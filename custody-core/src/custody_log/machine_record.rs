use serde::{Deserialize, Serialize};

use super::item_record::SealedObject;

/// A machine record that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoredRecord {
    /// The object that holds the answer's bytes.
    pub object: SealedObject,
    /// What it tells and where it came from.
    pub what: String,
}

impl StoredRecord {
    /// This object, which tells this.
    pub fn new(object: SealedObject, what: impl Into<String>) -> Self {
        Self {
            object,
            what: what.into(),
        }
    }
}
