//! Identifiers and quantities that cross an API: each checked once, where it is made.

mod acquisition_id;
mod byte_length;
mod case_id;
mod item_id;
mod object_name;
mod record_name;
mod region;
mod statement;
mod timestamp;

pub use acquisition_id::{AcquisitionId, StoreId};
pub use byte_length::ByteLength;
pub use case_id::{CaseId, ExhibitNumber};
pub use item_id::{DiskId, EvidenceItemId, MachineRef, SnapshotName, SnapshotSetId};
pub use object_name::{ObjectName, Segment};
pub use record_name::RecordName;
pub use region::Region;
pub use statement::Statement;
pub use timestamp::Timestamp;

/// `FromStr`, `Display`, `as_str` and serde for a newtype over a checked `String`.
macro_rules! checked_text {
    ($name:ident, $what:literal, $check:expr) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::Error;
            fn from_str(text: &str) -> crate::Result<Self> {
                let check: fn(&str) -> std::result::Result<(), String> = $check;
                check(text).map_err(|reason| crate::Error::malformed($what, reason))?;
                Ok(Self(text.to_owned()))
            }
        }
        impl TryFrom<String> for $name {
            type Error = crate::Error;
            fn try_from(text: String) -> crate::Result<Self> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use checked_text;
