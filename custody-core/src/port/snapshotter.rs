use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Machine, Port};
use crate::capture::DeletionWarrant;
use crate::error::Result;
use crate::ids::{
    AcquisitionId, ByteLength, DiskId, EvidenceItemId, MachineRef, SnapshotName, SnapshotSetId, Timestamp,
};
use crate::service::Acted;

/// What a snapshot is to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "clean-up must decide on every kind")]
pub enum SnapshotKind {
    /// No copy was made: the source itself is read, opened read-only. There is nothing to delete.
    InPlace,
    /// A point-in-time copy that we made. It is ours to delete, against a warrant.
    Made,
    /// A point-in-time copy that was there before us. It is never ours to delete.
    Existing,
}

/// A disk snapshot as the provider took or adopted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiskSnapshot {
    /// Its name, chosen by core.
    pub name: SnapshotName,
    /// The disk it is of.
    pub disk: DiskId,
    /// What it is to its source.
    pub kind: SnapshotKind,
    /// The instant it shows, as the provider reports it; `None` where it reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// The bytes that reading it gives; `None` where only opening it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<ByteLength>,
    /// The set that it belongs to, where its provider cannot delete it alone: it goes when all of the set go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SnapshotSetId>,
    /// What else the provider says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl DiskSnapshot {
    /// A snapshot of this disk.
    #[must_use]
    pub fn new(name: SnapshotName, disk: DiskId, kind: SnapshotKind, length: u64) -> Self {
        Self {
            name,
            disk,
            kind,
            taken_at: None,
            length: Some(length.into()),
            set: None,
            attributes: BTreeMap::new(),
        }
    }

    /// Makes it part of a set.
    #[must_use]
    pub fn with_set(mut self, set: SnapshotSetId) -> Self {
        self.set = Some(set);
        self
    }

    /// Leaves the length to opening.
    #[must_use]
    pub fn with_length_at_opening(mut self) -> Self {
        self.length = None;
        self
    }

    /// Sets the instant.
    #[must_use]
    pub fn with_taken_at(mut self, at: Timestamp) -> Self {
        self.taken_at = Some(at);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// A snapshot to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedSnapshot {
    /// The item it is for.
    pub item: EvidenceItemId,
    /// The disk.
    pub disk: DiskId,
    /// The name it gets.
    pub name: SnapshotName,
    /// What the provider said of the disk when it described it. One that can tell by it that another disk has the id
    /// now refuses that one.
    pub described: BTreeMap<String, String>,
}

impl PlannedSnapshot {
    /// A snapshot of `disk` under `name` for `item`.
    #[must_use]
    pub const fn new(item: EvidenceItemId, disk: DiskId, name: SnapshotName) -> Self {
        Self {
            item,
            disk,
            name,
            described: BTreeMap::new(),
        }
    }

    /// Sets what the disk's description said ([`DiskDescription::attributes`](super::DiskDescription::attributes)).
    #[must_use]
    pub fn with_described(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.described = attributes;
        self
    }
}

/// The snapshots to be taken for an acquisition.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SnapshotPlan {
    /// The acquisition; the provider tags what it makes with it.
    pub acquisition: AcquisitionId,
    /// The machine.
    pub machine: MachineRef,
    /// The snapshots, requested together.
    pub snapshots: Vec<PlannedSnapshot>,
}

impl SnapshotPlan {
    /// These snapshots of this machine for this acquisition.
    #[must_use]
    pub const fn new(
        acquisition: AcquisitionId,
        machine: MachineRef,
        snapshots: Vec<PlannedSnapshot>,
    ) -> Self {
        Self {
            acquisition,
            machine,
            snapshots,
        }
    }
}

/// What became of one planned snapshot.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a pair by nature; providers build it and core takes it apart"
)]
pub struct SnapshotOutcome {
    /// The disk.
    pub disk: DiskId,
    /// Its snapshot, or why there is none.
    pub result: Result<Acted<DiskSnapshot>>,
}

/// Describes a machine, and takes and deletes snapshots of its disks.
///
/// # Clauses
/// * `SN-01` [`describe`](Self::describe) changes nothing, and names something in `not_acquired`.
/// * `SN-02` [`take`](Self::take) answers once for each planned snapshot, in any order; one failure does not hide the
///   others.
/// * `SN-03` called again with the same plan, `take` adopts what it made before and makes nothing twice.
/// * `SN-04` a name that something else has is [`crate::Error::AlreadyExists`]; that something stays as it was.
/// * `SN-05` [`list`](Self::list) yields every snapshot that was made for the acquisition and is still there.
/// * `SN-06` [`delete`](Self::delete) takes a warrant that covers this snapshot; with any other it is
///   [`crate::Error::Misuse`]. Deleting what is gone already succeeds.
/// * `SN-07` only [`SnapshotKind::Made`] is deleted; anything else is [`crate::Error::Immutable`].
/// * `SN-08` the snapshot's length is what reading it gives. It is `None` exactly where the disk's description tells
///   none.
/// * `SN-09` snapshots of one [`set`](DiskSnapshot::set) go together: a warrant that does not cover each of them that
///   is there is [`crate::Error::Misuse`], and all stay; one that does deletes them all in one call.
#[async_trait]
pub trait Snapshotter: Port {
    /// The machine and its disks. Read only.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when there is no such machine or disk; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn describe(&self, machine: &MachineRef) -> Result<Machine>;

    /// Takes, or adopts, all snapshots of the plan.
    ///
    /// # Cancel safety
    /// Dropping the future may leave snapshots; [`list`](Self::list) tells, and calling again adopts them.
    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome>;

    /// The snapshots made for an acquisition that still exist.
    ///
    /// # Errors
    /// The provider's, when it cannot tell.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>>;

    /// Deletes a snapshot that we made, and with it all others of its set.
    ///
    /// # Errors
    /// See clauses SN-06, SN-07 and SN-09; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future may or may not delete; calling again settles it.
    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>>;
}
