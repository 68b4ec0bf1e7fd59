use custody_core::capture::DeletionWarrant;
use custody_core::ids::SnapshotName;
use custody_core::port::DiskSnapshot;
use custody_core::{Acted, Error, Result};

use super::disk_description::resource_of;
use super::made::pause;
use super::restore_point::PointPlace;
use super::{point_deletion, tag};
use crate::arm::{Arm, ResourceId};
use crate::http::{goes_on, is_gone, may_pass};

/// How often a deletion is sent again whose outcome is open.
const MAX_DELETIONS: u32 = 3;

/// Deletes what was made by custody under this name, by itself or with the restore point that it is a part of. Each
/// time it is sent, what is there is looked at first.
pub(super) async fn delete(
    arm: &Arm,
    snapshot: &DiskSnapshot,
    warrant: &DeletionWarrant,
) -> Result<Acted<()>> {
    let id = resource_of(snapshot)?;
    let mut look = 0;
    loop {
        let deleted = match PointPlace::of_resource(&id)? {
            Some(place) => point_deletion::delete(arm, place, snapshot, warrant).await,
            None => delete_ours(arm, &id, &snapshot.name).await,
        };
        match deleted {
            // A failure that passes must not keep a snapshot that somebody pays for.
            Err(error) if may_pass(&error) && !goes_on(&error) && look < MAX_DELETIONS => look += 1,
            settled => return settled,
        }
        pause(arm, look).await;
    }
}

async fn delete_ours(arm: &Arm, id: &ResourceId, name: &SnapshotName) -> Result<Acted<()>> {
    match arm.disk(id).await {
        // The name may have been given to something else meanwhile: only our own mark makes it ours.
        Ok(found) => {
            let mark = tag::Mark::read(&found.value.tags);
            if mark.is_none_or(|mark| mark.name != *name) {
                return Err(not_ours(name));
            }
        }
        Err(error) if is_gone(&error) => {
            return Ok(Acted {
                value: (),
                service: error.service().cloned().unwrap_or_default(),
            });
        }
        Err(error) => return Err(error),
    }
    arm.delete_disk_resource(id).await
}

pub(super) fn not_ours(name: &SnapshotName) -> Error {
    Error::Immutable {
        object: name.to_string(),
        operation: "deleting what custody did not make",
    }
}
