//! A restore point that goes, on a warrant for all that it holds.

use custody_core::capture::DeletionWarrant;
use custody_core::ids::AcquisitionId;
use custody_core::port::DiskSnapshot;
use custody_core::{Acted, Error, Result, ServiceRecord};

use super::restore_point::{OwnPoint, PointPlace, own_collection};
use crate::arm::Arm;
use crate::http::is_gone;

/// Deletes the restore point that a disk snapshot is a part of, then the empty collection that was made for it.
pub(super) async fn delete(
    arm: &Arm,
    place: PointPlace,
    snapshot: &DiskSnapshot,
    warrant: &DeletionWarrant,
) -> Result<Acted<()>> {
    let (mark, seen) = match own_collection(arm, &place).await {
        Ok(found) => (found.value.1, found.service),
        // With its collection, everything of it is gone.
        Err(error) if is_gone(&error) => {
            return Ok(done(error.service().cloned().unwrap_or_default()));
        }
        Err(error) => return Err(not_ours(error, snapshot)),
    };
    if mark.members().all(|member| member.name != snapshot.name) {
        let error = Error::Immutable {
            object: snapshot.name.to_string(),
            operation: "deleting what custody did not make",
        };
        return Err(error.answered(seen));
    }
    let acquisition = mark.acquisition.clone();
    let service = match OwnPoint::settled(arm, place.clone(), mark).await {
        Ok(point) => {
            must_cover(&point, warrant)?;
            arm.delete_restore_point(&place.point).await?.service
        }
        Err(error) if is_gone(&error) => error.service().cloned().unwrap_or(seen),
        Err(error) => return Err(error),
    };
    // The evidence's copies are gone; an empty collection that stays is told, and makes nothing of that untrue.
    match remove_empty_collection(arm, &place, &acquisition).await {
        Ok(()) => Ok(done(service)),
        Err(_) => Ok(done(service.with_id("left empty", place.collection.to_string()))),
    }
}

/// That every disk of the restore point may go.
fn must_cover(point: &OwnPoint, warrant: &DeletionWarrant) -> Result<()> {
    for (member, disk, _) in point.members()? {
        if !warrant.covers(&member.name) {
            return Err(Error::misuse(format!(
                "{warrant} does not cover {} of {disk}, which is in the same restore point",
                member.name
            )));
        }
    }
    Ok(())
}

/// Deletes the collection that was made for an acquisition, if it holds nothing.
///
/// The service deletes a collection with all that it holds, so what it holds is looked at first; nobody else has a
/// reason to make anything in it.
pub(super) async fn remove_empty_collection(arm: &Arm, place: &PointPlace, of: &AcquisitionId) -> Result<()> {
    let (collection, mark) = match own_collection(arm, place).await {
        Ok(found) => found.value,
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    if mark.acquisition != *of || !collection.properties.restore_points.is_empty() {
        return Err(Error::Immutable {
            object: place.collection.to_string(),
            operation: "deleting what is not empty",
        });
    }
    // Asked by itself too: a service that leaves out what the collection holds must not be taken at its silence.
    match arm.restore_point(&place.point).await {
        Err(error) if is_gone(&error) => {}
        Err(error) => return Err(error),
        Ok(_) => {
            return Err(Error::Immutable {
                object: place.collection.to_string(),
                operation: "deleting what is not empty",
            });
        }
    }
    arm.delete_restore_point_collection(&place.collection)
        .await
        .map(drop)
}

fn not_ours(error: Error, snapshot: &DiskSnapshot) -> Error {
    if matches!(error.meaning(), Error::AlreadyExists { .. }) {
        let service = error.service().cloned().unwrap_or_default();
        return Error::Immutable {
            object: snapshot.name.to_string(),
            operation: "deleting what custody did not make",
        }
        .answered(service);
    }
    error
}

const fn done(service: ServiceRecord) -> Acted<()> {
    Acted { value: (), service }
}
