use serde::Serialize;

use super::journal;
use super::outcome::CaptureOutcome;
use super::state::AcquisitionState;
use crate::custody_log::AcquisitionSettings;
use crate::error::Result;
use crate::ids::{MachineRef, Timestamp};
use crate::port::{DiskDescription, LogName};
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
    /// When its first line was written.
    pub opened_at: Timestamp,
    /// How many lines its log has.
    pub lines: u64,
}

impl AcquisitionStatus {
    pub(super) async fn read(ports: &Ports, log: &LogName) -> Result<Self> {
        let events = journal::events(ports, log).await?;
        let state = AcquisitionState::fold(&log.to_string(), &events)?;
        let opened_at = events
            .first()
            .map_or_else(|| ports.clock.now(), |event| event.when.utc);
        Ok(Self {
            outcome: CaptureOutcome::of(&state, Vec::new()),
            machine: state.opened.machine.machine,
            disks: state.opened.machine.disks,
            settings: state.opened.settings,
            opened_at,
            lines: events.len() as u64,
        })
    }
}
