use serde::{Deserialize, Serialize};

use crate::port::{ProtectionKind, WholeImage};

/// The settings of a capture that resuming must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcquisitionSettings {
    /// Whether holes are distrusted and everything is read, on both sides.
    pub reads: ReadScope,
    /// How many attempts an item gets after a mismatch.
    pub attempts: u32,
    /// Digests for older tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub side_digests: Vec<String>,
    /// Whether the whole image is digested.
    pub whole: WholeImage,
    /// The least protection that evidence may be stored under; less is refused after the disk snapshots. `None`
    /// takes what there is, and the record says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection_floor: Option<ProtectionKind>,
    /// Whether evidence may be stored in another region than the machine's.
    #[serde(default, skip_serializing_if = "Regions::is_default")]
    pub regions: Regions,
    /// The longest that access to a source is asked for, in days; seven where nothing is said. A provider may grant less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_days: Option<std::num::NonZeroU32>,
    /// What the provider needs in order to find its sources again, by its own names.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub provider: std::collections::BTreeMap<String, String>,
}

/// In which regions evidence may be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum Regions {
    /// The machine's own.
    #[default]
    Same,
    /// Any, as whoever planned the capture decided; the record shows both.
    Any,
}

impl Regions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which bytes are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum ReadScope {
    /// All but what someone who knows says is zero.
    #[default]
    Allocated,
    /// Everything, on both sides.
    Everything,
}

impl Default for AcquisitionSettings {
    fn default() -> Self {
        Self {
            reads: ReadScope::Allocated,
            attempts: 2,
            side_digests: Vec::new(),
            whole: WholeImage::Digest,
            protection_floor: None,
            regions: Regions::Same,
            grant_days: None,
            provider: std::collections::BTreeMap::new(),
        }
    }
}
