//! One restore point for all disks of a machine: made, taken up again after a stop, and told as a set of disk snapshots.

use std::time::Duration;

use custody_core::ids::{AcquisitionId, DiskId, SnapshotName, SnapshotSetId, Timestamp};
use custody_core::port::{DiskSnapshot, SnapshotKind};
use custody_core::{Acted, Error, Result, visible};

use super::disk_description::snapshot_of;
use super::disk_size::DiskSize;
use super::tag::{SetMark, SetMember};
use super::{SnapshotPlace, source};
use crate::arm::{Arm, DiskResource, MachineDisk, ResourceId, RestorePoint, RestorePointCollection, id_of};
use crate::http::is_gone;

/// Where the restore point of an acquisition is: alone in a collection of its own. Both are named after the
/// acquisition, so that a later run finds them.
#[derive(Debug, Clone)]
pub(super) struct PointPlace {
    pub(super) collection: ResourceId,
    pub(super) point: ResourceId,
}

impl PointPlace {
    pub(super) fn of(place: &SnapshotPlace, acquisition: &AcquisitionId) -> Result<Self> {
        let name = format!("custody-{acquisition}");
        let collection = ResourceId::new(
            &place.subscription,
            &place.group,
            "Microsoft.Compute/restorePointCollections",
            &name,
        )?;
        Self::in_collection(collection)
    }

    pub(super) fn in_collection(collection: ResourceId) -> Result<Self> {
        let point = collection.child("restorePoints", collection.name())?;
        Ok(Self { collection, point })
    }

    /// The place of a disk snapshot that is a part of a restore point, or of a restore point that never was complete.
    pub(super) fn of_resource(id: &ResourceId) -> Result<Option<Self>> {
        let point = match id.kind().as_str() {
            source::DISK_RESTORE_POINT => id.parent(),
            source::RESTORE_POINT => Some(id.clone()),
            _ => None,
        };
        let Some(point) = point else {
            return Ok(None);
        };
        match point.parent() {
            Some(collection) => Ok(Some(Self { collection, point })),
            None => Err(Error::malformed(point.to_string(), "is in no collection")),
        }
    }
}

/// How a restore point ended.
#[derive(Debug)]
pub(super) enum Ending {
    Complete,
    /// The service gave it up, in this state.
    Failed(String),
}

/// A restore point of ours that the service does not work on any more.
#[derive(Debug)]
pub(super) struct OwnPoint {
    pub(super) place: PointPlace,
    pub(super) mark: SetMark,
    pub(super) point: RestorePoint,
    pub(super) ending: Ending,
    parts: Vec<DiskResource>,
}

impl OwnPoint {
    /// Waits until the service is done with it, and reads what it holds.
    pub(super) async fn settled(arm: &Arm, place: PointPlace, mark: SetMark) -> Result<Self> {
        let patience = arm.patience();
        let (mut waited, mut wait) = (Duration::ZERO, patience.poll_floor);
        let (point, ending) = loop {
            let found = arm.restore_point(&place.point).await?;
            let state = found.value.properties.provisioning_state.clone();
            let state = state.unwrap_or_default();
            match state.to_ascii_lowercase().as_str() {
                "succeeded" => break (found.value, Ending::Complete),
                "failed" | "canceled" => break (found.value, Ending::Failed(visible::escape(&state))),
                _ if waited >= patience.operation => {
                    return Err(not_made(&place.point, "it is not complete yet: resume later")
                        .answered(found.service));
                }
                _ => {}
            }
            arm.clock().sleep(wait).await;
            waited = waited.saturating_add(wait);
            wait = wait
                .saturating_mul(2)
                .min(patience.poll_ceiling.max(patience.poll_floor));
        };
        let parts = arm.disk_restore_points(&place.point).await?;
        Ok(Self {
            place,
            mark,
            point,
            ending,
            parts,
        })
    }

    /// The part that holds this disk.
    pub(super) fn part(&self, disk: &ResourceId) -> Option<&DiskResource> {
        self.parts
            .iter()
            .find(|part| source_of(part).as_ref() == Some(disk))
    }

    /// The snapshots that go when the restore point goes: each by its name and the disk that it is of.
    ///
    /// A part that our mark does not name is an error: the restore point is not, or not only, ours.
    pub(super) fn members(&self) -> Result<Vec<(&SetMember, ResourceId, Option<&DiskResource>)>> {
        if self.parts.is_empty() {
            return self.half_made();
        }
        let mut members = Vec::new();
        for part in &self.parts {
            let disk = source_of(part).ok_or_else(|| self.strange("a part that names no disk"))?;
            let member = self
                .mark
                .member(&disk)
                .ok_or_else(|| self.strange(&format!("a part of {disk}, which its mark does not name")))?;
            members.push((member, disk, Some(part)));
        }
        Ok(members)
    }

    /// Of a restore point without parts: the disks that it was to hold.
    fn half_made(&self) -> Result<Vec<(&SetMember, ResourceId, Option<&DiskResource>)>> {
        let members: Vec<_> = self
            .attached()
            .filter_map(|disk| id_of(disk.managed_disk.as_ref()?.id.as_ref()))
            .filter_map(|disk| Some((self.mark.member(&disk)?, disk, None)))
            .collect();
        if members.is_empty() {
            return Err(self.strange("no part, and nothing tells which disks it is of"));
        }
        Ok(members)
    }

    /// A disk snapshot of the set, as the service tells of it. The same each time it is read.
    pub(super) fn snapshot(
        &self,
        name: &SnapshotName,
        disk: DiskId,
        of: &ResourceId,
        part: Option<&DiskResource>,
    ) -> Result<DiskSnapshot> {
        let size = self.size(of)?;
        let (id, found) = match part {
            Some(part) => (part_id(part)?, part.clone()),
            None => (self.place.point.clone(), DiskResource::default()),
        };
        let set: SnapshotSetId = visible::escape(self.place.point.as_str()).parse()?;
        let mut snapshot = snapshot_of(name.clone(), disk, SnapshotKind::Made, &id, &found, Some(size))?
            .with_set(set)
            .with_attribute("restorePoint", visible::escape(self.place.point.as_str()));
        let properties = &self.point.properties;
        if let Some(mode) = &properties.consistency_mode {
            snapshot = snapshot.with_attribute("consistencyMode", visible::escape(mode));
        }
        let created = properties.time_created.as_deref();
        if let Some(at) = created.and_then(|text| text.parse::<Timestamp>().ok()) {
            snapshot = snapshot.with_taken_at(at);
        }
        if let Ending::Failed(state) = &self.ending {
            snapshot = snapshot.with_attribute("provisioningState", state.clone());
        }
        Ok(snapshot)
    }

    /// The size of a disk: exactly as it was when the restore point was asked for, unless the restore point tells
    /// that it was changed before the instant.
    fn size(&self, disk: &ResourceId) -> Result<DiskSize> {
        let marked = self.mark.member(disk).map(|member| member.bytes);
        let of = |attached: &&MachineDisk| {
            id_of(
                attached
                    .managed_disk
                    .as_ref()
                    .and_then(|managed| managed.id.as_ref()),
            )
            .as_ref()
                == Some(disk)
        };
        let told = self.attached().find(of).and_then(|disk| disk.disk_size_gb);
        match (marked, told) {
            (Some(bytes), Some(gib)) if DiskSize::is_rounded(bytes, gib) => Ok(DiskSize::Bytes(bytes)),
            (_, Some(gib)) => Ok(DiskSize::Gib(gib)),
            (Some(bytes), None) => Ok(DiskSize::Bytes(bytes)),
            (None, None) => Err(self.strange(&format!("nothing that tells the size of {disk}"))),
        }
    }

    fn attached(&self) -> impl Iterator<Item = &MachineDisk> {
        let profile = &self.point.properties.source_metadata.storage_profile;
        profile.os_disk.iter().chain(&profile.data_disks)
    }

    fn strange(&self, what: &str) -> Error {
        Error::malformed(self.place.point.to_string(), format!("it has {what}"))
    }
}

/// The collection, with our mark on it; [`Error::AlreadyExists`] where it is not ours.
pub(super) async fn own_collection(
    arm: &Arm,
    place: &PointPlace,
) -> Result<Acted<(RestorePointCollection, SetMark)>> {
    let found = arm.restore_point_collection(&place.collection).await?;
    match SetMark::read(&found.value.tags) {
        Some(mark) => Ok(Acted {
            value: (found.value, mark),
            service: found.service,
        }),
        None => Err(Error::AlreadyExists {
            object: place.collection.to_string(),
        }
        .answered(found.service)),
    }
}

/// Every restore point that was made for an acquisition and is still there, also one that never was complete, told as
/// the disk snapshots that go with it.
pub(super) async fn list(arm: &Arm, place: &SnapshotPlace, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
    let mut ours = Vec::new();
    for collection in arm
        .restore_point_collections(&place.subscription, &place.group)
        .await?
    {
        let Some(mark) = SetMark::read(&collection.tags).filter(|mark| mark.acquisition == *of) else {
            continue;
        };
        let missing = || Error::malformed("a restore point collection", "the service does not tell its id");
        let id: ResourceId = collection.id.as_deref().ok_or_else(missing)?.parse()?;
        let point = match OwnPoint::settled(arm, PointPlace::in_collection(id)?, mark).await {
            Ok(point) => point,
            // The collection was made, and the restore point was not: nothing of a disk is there.
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        for (member, disk, part) in point.members()? {
            let told: DiskId = visible::escape(disk.as_str()).parse()?;
            ours.push(point.snapshot(&member.name, told, &disk, part)?);
        }
    }
    Ok(ours)
}

/// A restore point that could not be made, or is not complete.
pub(super) fn not_made(point: &ResourceId, why: &str) -> Error {
    Error::Provider {
        object: point.to_string(),
        operation: "making the restore point",
        source: Some(why.to_owned().into()),
    }
}

fn source_of(part: &DiskResource) -> Option<ResourceId> {
    id_of(part.properties.source_resource_id.as_ref())
}

fn part_id(part: &DiskResource) -> Result<ResourceId> {
    match &part.id {
        Some(id) => id.parse(),
        None => Err(Error::malformed(
            "a disk restore point",
            "the service does not tell its id",
        )),
    }
}
