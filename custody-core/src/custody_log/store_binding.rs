use serde::{Deserialize, Serialize};

use super::act::Act;
use super::closing_state::ClosingState;
use crate::ids::{AcquisitionId, StoreId};
use crate::port::Protection;

/// The store that an acquisition is bound to: the first line of its log names it or, when evidence could not be
/// stored yet, a later line, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreBinding {
    /// The store.
    pub store: StoreId,
    /// The origin of the checkpoints of the acquisition's log.
    pub origin: String,
    /// What protects the sink, seen before anything of the acquisition was written there.
    pub protection: Protection,
}

impl StoreBinding {
    /// Binds this acquisition to this store.
    #[must_use]
    pub fn new(store: StoreId, acquisition: &AcquisitionId, protection: Protection) -> Self {
        Self {
            origin: Self::origin_of(&store, acquisition),
            store,
            protection,
        }
    }

    /// The origin that the checkpoints of an acquisition's log have in a store.
    #[must_use]
    pub fn origin_of(store: &StoreId, acquisition: &AcquisitionId) -> String {
        format!("custody/{store}/{acquisition}")
    }

    /// What the first line says: all of it, or nothing.
    pub(crate) fn of_opening(
        store: Option<StoreId>,
        origin: Option<String>,
        protection: Option<Protection>,
    ) -> Result<Option<Self>, String> {
        match (store, origin, protection) {
            (Some(store), Some(origin), Some(protection)) => Ok(Some(Self {
                store,
                origin,
                protection,
            })),
            (None, None, None) => Ok(None),
            _ => Err("names a store, its origin or its protection without the others".into()),
        }
    }
}

impl Act {
    /// Whether the act needs no store, so that its line may stand before the one that binds the acquisition to a store:
    /// what preserves evidence at its source, what binds, and giving up.
    pub(crate) const fn needs_no_store(&self) -> bool {
        matches!(
            self,
            Self::AcquisitionOpened { .. }
                | Self::AcquisitionBound { .. }
                | Self::AcquisitionResumed { .. }
                | Self::TailSetAside { .. }
                | Self::SnapshotIntent { .. }
                | Self::SnapshotDone { .. }
                | Self::SnapshotFailed { .. }
                | Self::KeyNotTaken { .. }
                | Self::Anomaly { .. }
                | Self::ItemFailed { order: Some(_), .. }
                | Self::AcquisitionAbandoned { .. }
                | Self::SnapshotKept { .. }
                | Self::AcquisitionClosed {
                    state: ClosingState::Abandoned
                }
        )
    }
}
