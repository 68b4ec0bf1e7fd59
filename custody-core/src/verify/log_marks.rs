//! The lines of an acquisition's log that others are held against.

use crate::custody_log::{Circumstances, SealedObject, StoreBinding};
use crate::ids::{AcquisitionId, CaseId};
use crate::port::Machine;

/// What the first line of an acquisition's log says.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) case: CaseId,
    pub(super) acquisition: AcquisitionId,
    pub(super) signers: Vec<String>,
    pub(super) machine: Machine,
}

/// The store that the acquisition is bound to, and the line that says so, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) line: u64,
    pub(super) to: StoreBinding,
}

/// A line that said what would be sealed.
#[derive(Debug, Clone)]
pub(super) struct SealIntent {
    pub(super) seq: u64,
    pub(super) manifest: SealedObject,
    pub(super) circumstances: Circumstances,
}

/// The line that says what was sealed.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) seq: u64,
    pub(super) objects: Vec<SealedObject>,
    /// The first later line that is not about a stop.
    pub(super) next: Option<u64>,
}
