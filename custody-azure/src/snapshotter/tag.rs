use std::collections::BTreeMap;

use custody_core::ids::{AcquisitionId, EvidenceItemId, SnapshotName};
use custody_core::{Error, Result};
use serde_json::{Value, json};

const ACQUISITION: &str = "custody-acquisition";
const ITEM: &str = "custody-item";
const NAME: &str = "custody-name";

/// The longest value of a tag. Source: learn.microsoft.com, "Use tags to organize your Azure resources", as commonly
/// known; not read again here, so a longer value is refused on our side first.
const MAX_VALUE_CHARACTERS: usize = 256;

/// The mark that custody leaves on a disk snapshot that it makes, as tags set at its creation and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) acquisition: AcquisitionId,
    pub(super) name: SnapshotName,
}

impl Mark {
    /// The mark in these tags; `None` where they are not ours. Tag names are compared without regard to case.
    pub(super) fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let value = |name: &str| {
            let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        Some(Self {
            acquisition: value(ACQUISITION)?.parse().ok()?,
            name: value(NAME)?.parse().ok()?,
        })
    }

    /// The tags.
    pub(super) fn tags(&self, item: &EvidenceItemId) -> Result<Value> {
        if self.name.as_str().chars().count() > MAX_VALUE_CHARACTERS {
            return Err(Error::misuse(format!(
                "the name of disk snapshot {} is longer than a tag can hold",
                self.name
            )));
        }
        Ok(json!({
            ACQUISITION: self.acquisition.as_str(),
            ITEM: item.as_str(),
            NAME: self.name.as_str(),
        }))
    }
}
