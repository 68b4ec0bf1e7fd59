use serde::Serialize;

use super::journal;
use super::outcome::CaptureOutcome;
use super::state::AcquisitionState;
use crate::custody_log::{AcquisitionSettings, Event};
use crate::error::{Error, Result};
use crate::ids::{MachineRef, StoreId, Timestamp};
use crate::port::{DiskDescription, LogName, LogStore};
use crate::ports::Ports;

/// Where an acquisition stands, as its log tells.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AcquisitionStatus {
    /// What became of it so far.
    #[serde(flatten)]
    pub outcome: CaptureOutcome,
    /// The machine.
    pub machine: MachineRef,
    /// Its disks.
    pub disks: Vec<DiskDescription>,
    /// Its settings, with what the provider needs to find its sources again.
    pub settings: AcquisitionSettings,
    /// The store that it is bound to; none as long as evidence could not be stored.
    #[serde(rename = "store_id", skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The origin of its log's checkpoints in that store.
    #[serde(skip)]
    pub origin: Option<String>,
    /// When its first line was written.
    pub opened_at: Timestamp,
    /// How many lines its log has.
    pub lines: u64,
}

impl AcquisitionStatus {
    pub(super) async fn read(ports: &Ports, log: &LogName) -> Result<Self> {
        Ok(Self::of_journal(ports.log.as_ref(), log).await?.0)
    }

    /// What a journal says of an acquisition, and its events, with no other port at hand: for whoever lists or looks
    /// for acquisitions before the ports that would go on with them can be made. Read only.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such log; [`Error::Integrity`] when it does not hold together.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn of_journal(journal: &dyn LogStore, log: &LogName) -> Result<(Self, Vec<Event>)> {
        let events = journal::events(journal, log).await?;
        let state = AcquisitionState::fold(&log.to_string(), &events)?;
        let opened_at = events.first().map(|event| event.when.utc);
        let opened_at = opened_at.ok_or_else(|| Error::NotFound {
            object: log.to_string(),
        })?;
        let status = Self {
            outcome: CaptureOutcome::of(&state, Vec::new()),
            machine: state.opened.machine.machine,
            disks: state.opened.machine.disks,
            settings: state.opened.settings,
            store: state.binding.as_ref().map(|bound| bound.store.clone()),
            origin: state.binding.map(|bound| bound.origin),
            opened_at,
            lines: events.len() as u64,
        };
        Ok((status, events))
    }
}
