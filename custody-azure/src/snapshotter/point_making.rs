//! A restore point on its way.

use custody_core::ids::SnapshotName;
use custody_core::port::{PlannedSnapshot, SnapshotOutcome, SnapshotPlan};
use custody_core::{Acted, Error, Result, ServiceRecord, visible};
use serde_json::json;

use super::consistency::{INSTEAD, Support};
use super::made::{MAX_LOOKS, pause};
use super::point_deletion::remove_empty_collection;
use super::restore_point::{Ending, OwnPoint, PointPlace, not_made, own_collection};
use super::tag::{SetMark, SetMember};
use super::{AzureSnapshotter, VHD_FOOTER_BYTES, identity, machine_description};
use crate::arm::{ResourceId, id_of};
use crate::http::may_pass;

/// A disk that was asked for, and its id.
type Asked<'a> = (&'a PlannedSnapshot, ResourceId);

/// The snapshots of a plan as one restore point.
#[derive(Debug)]
pub(super) struct PointMaking<'a> {
    pub(super) of: &'a AzureSnapshotter,
    pub(super) plan: &'a SnapshotPlan,
}

impl PointMaking<'_> {
    /// Makes the restore point, or adopts the one that an earlier call made, and answers once for each disk.
    pub(super) async fn take(&self) -> Vec<SnapshotOutcome> {
        let mut outcomes = Vec::new();
        let mut asked: Vec<Asked<'_>> = Vec::new();
        let outcome = |planned: &PlannedSnapshot, result| SnapshotOutcome {
            disk: planned.disk.clone(),
            result,
        };
        for planned in &self.plan.snapshots {
            match disk_id(planned) {
                Ok(id) => asked.push((planned, id)),
                Err(error) => outcomes.push(outcome(planned, Err(error))),
            }
        }
        if asked.is_empty() {
            return outcomes;
        }
        match self.point(&asked).await {
            Ok(made) => {
                for (planned, id) in &asked {
                    let result = self.disk_of(&made.value, planned, id).await;
                    let result = match result {
                        Ok(value) => Ok(Acted {
                            value,
                            service: made.service.clone(),
                        }),
                        Err(error) => Err(answered_once(error, &made.service)),
                    };
                    outcomes.push(outcome(planned, result));
                }
            }
            Err(error) => {
                for (planned, _) in &asked {
                    outcomes.push(outcome(planned, Err(again(&error))));
                }
            }
        }
        outcomes
    }

    async fn point(&self, asked: &[Asked<'_>]) -> Result<Acted<OwnPoint>> {
        let arm = &self.of.arm;
        let place = PointPlace::of(&self.of.place, &self.plan.acquisition)?;
        let made = match self.is_there(&place).await? {
            Some(service) => service,
            None => self.make(&place, asked).await?,
        };
        let mark = self.own_mark(&place).await?;
        let point = OwnPoint::settled(arm, place, mark).await?;
        if let Ending::Failed(state) = &point.ending {
            let why = format!(
                "its state is {state}: abandon this acquisition, order what it names away, and capture again"
            );
            return Err(not_made(&point.place.point, &why).answered(made));
        }
        Ok(Acted {
            value: point,
            service: made,
        })
    }

    /// Looks for the restore point; what the service answered where it is there.
    async fn is_there(&self, place: &PointPlace) -> Result<Option<ServiceRecord>> {
        match self.of.arm.restore_point(&place.point).await {
            Ok(found) => Ok(Some(found.service)),
            Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The mark on the collection, where it is this acquisition's.
    async fn own_mark(&self, place: &PointPlace) -> Result<SetMark> {
        let found = own_collection(&self.of.arm, place).await?;
        let (_, mark) = found.value;
        if mark.acquisition == self.plan.acquisition {
            return Ok(mark);
        }
        Err(Error::AlreadyExists {
            object: place.collection.to_string(),
        }
        .answered(found.service))
    }

    /// Asks for the restore point, once, where none is.
    async fn make(&self, place: &PointPlace, asked: &[Asked<'_>]) -> Result<ServiceRecord> {
        let arm = &self.of.arm;
        let source: ResourceId = self.plan.machine.as_str().parse()?;
        let (machine, described) =
            machine_description::read(arm, &self.plan.machine, &source, self.of.guest_state_left_out())
                .await?;
        let support = Support {
            id: &source,
            machine: &machine,
            disks: &described.disks,
            place: &self.of.place,
            network: &self.of.network,
        };
        // It may have changed since it was planned.
        if let Some(reason) = support.obstacle() {
            return Err(Error::Refused {
                object: source.to_string(),
                reason,
            });
        }
        let mut mark = SetMark::new(self.plan.acquisition.clone());
        for disk in &described.disks {
            let id: ResourceId = disk.disk.as_str().parse()?;
            let planned = asked
                .iter()
                .find(|(_, asked)| *asked == id)
                .map(|(planned, _)| planned);
            // Another disk under the id of one that was planned stays out.
            if let Some(planned) =
                planned.filter(|planned| identity::is_as_described(planned, &disk.attributes))
            {
                // One without a length stands against the whole, and was refused above.
                if let Some(length) = disk.length {
                    let member = SetMember {
                        name: planned.name.clone(),
                        bytes: length.bytes().saturating_sub(VHD_FOOTER_BYTES),
                    };
                    mark.insert(&id, member);
                }
            }
        }
        if mark.members().len() == 0 {
            return Err(Error::Refused {
                object: source.to_string(),
                reason:
                    "none of the disks that were planned is attached to it as it was: plan the capture again"
                        .into(),
            });
        }
        let profile = &machine.properties.storage_profile;
        let excluded: Vec<_> = profile
            .os_disk
            .iter()
            .chain(&profile.data_disks)
            .filter_map(|disk| id_of(disk.managed_disk.as_ref()?.id.as_ref()))
            .filter(|id| mark.member(id).is_none())
            .map(|id| json!({ "id": id.as_str() }))
            .collect();
        self.open_collection(place, &machine.location, &source, &mark)
            .await?;
        let mut properties = json!({ "consistencyMode": "CrashConsistent" });
        if let (Some(members), false) = (properties.as_object_mut(), excluded.is_empty()) {
            members.insert("excludeDisks".into(), excluded.into());
        }
        match arm
            .create_restore_point(&place.point, &json!({ "properties": properties }))
            .await
        {
            Ok(service) => Ok(service),
            Err(error) if may_pass(&error) => self.look_after(place, error).await,
            Err(error) => {
                // Refused: what was made for it goes, if it can; where it cannot, it holds nothing and is taken up again.
                drop(remove_empty_collection(arm, place, &self.plan.acquisition).await);
                Err(explained(error, place))
            }
        }
    }

    /// After a request whose answer was lost or tells nothing: asking again could take a second instant.
    async fn look_after(&self, place: &PointPlace, error: Error) -> Result<ServiceRecord> {
        for look in 1..=3 {
            pause(&self.of.arm, look).await;
            if let Some(service) = self.is_there(place).await? {
                return Ok(error.service().cloned().unwrap_or(service));
            }
        }
        Err(error)
    }

    /// Makes the collection, or adopts the empty one that an earlier run made.
    async fn open_collection(
        &self,
        place: &PointPlace,
        location: &str,
        source: &ResourceId,
        mark: &SetMark,
    ) -> Result<()> {
        let body = json!({
            "location": location,
            "tags": mark.tags()?,
            "properties": { "source": { "id": source.as_str() } },
        });
        let mut failure = None;
        for look in 0..MAX_LOOKS {
            if look > 0 {
                pause(&self.of.arm, look).await;
            }
            match self.own_mark(place).await {
                Ok(found) if found == *mark => return Ok(()),
                Ok(_) => {}
                Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            // It is written as a whole, and a second time makes it what the first did.
            match self
                .of
                .arm
                .put_restore_point_collection(&place.collection, &body)
                .await
            {
                Ok(()) => return Ok(()),
                Err(error) if may_pass(&error) => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(failure.unwrap_or_else(|| not_made(&place.collection, "its collection does not show its tags")))
    }

    /// The snapshot of a planned disk in the restore point.
    async fn disk_of(
        &self,
        point: &OwnPoint,
        planned: &PlannedSnapshot,
        id: &ResourceId,
    ) -> Result<custody_core::port::DiskSnapshot> {
        let Some(part) = point.part(id) else {
            return Err(self.why_left_out(point, planned, id).await);
        };
        let name = point.mark.member(id).map(|member| &member.name);
        if name != Some(&planned.name) {
            let known = |name: &SnapshotName| name.to_string();
            return Err(Error::Integrity {
                object: point.place.point.to_string(),
                place: "the name of the disk's snapshot".into(),
                expected: planned.name.to_string(),
                actual: name.map_or_else(|| "none".into(), known),
            });
        }
        let taken_of = part.properties.source_unique_id.as_deref();
        identity::must_be_of(planned, point.place.point.as_str(), taken_of)?;
        let snapshot = point.snapshot(&planned.name, planned.disk.clone(), id, Some(part))?;
        let snapshot = identity::noted(snapshot, taken_of);
        // A part does not tell how its disk's data are to be read.
        let mode = planned.described.get("dataAccessAuthMode");
        Ok(
            match mode.filter(|_| !snapshot.attributes.contains_key("dataAccessAuthMode")) {
                Some(mode) => snapshot.with_attribute("dataAccessAuthMode", mode.clone()),
                None => snapshot,
            },
        )
    }

    /// A planned disk that the restore point does not hold: another disk has its id now, or it was detached.
    async fn why_left_out(&self, point: &OwnPoint, planned: &PlannedSnapshot, id: &ResourceId) -> Error {
        if let Ok(found) = self.of.arm.disk(id).await
            && let Err(error) =
                identity::must_be(planned, id.as_str(), found.value.properties.unique_id.as_deref())
        {
            return error;
        }
        Error::Refused {
            object: id.to_string(),
            reason: format!(
                "the restore point {} does not hold it: it was not attached to the machine at that instant. Capture it by its own id (--disk)",
                point.place.point
            ),
        }
    }
}

fn disk_id(planned: &PlannedSnapshot) -> Result<ResourceId> {
    let id: ResourceId = planned.disk.as_str().parse()?;
    if id.kind() == "microsoft.compute/disks" {
        return Ok(id);
    }
    Err(Error::Unsupported {
        operation: "taking it by a restore point",
        provider: format!("Azure ({})", id.kind()),
    })
}

/// What a refusal of the service means here.
fn explained(error: Error, place: &PointPlace) -> Error {
    let service = error.service().cloned().unwrap_or_default();
    let Error::Throttled { retry_after, .. } = error.meaning() else {
        return error;
    };
    // Source: "Overview of VM restore points", limits, read 2026-11-21.
    Error::Throttled {
        object: format!(
            "{} (Azure makes at most three restore points of a machine in an hour: resume later, or abandon this acquisition and {INSTEAD})",
            place.point
        ),
        retry_after: *retry_after,
    }
    .answered(service)
}

/// The error with what the service answered, once.
fn answered_once(error: Error, service: &ServiceRecord) -> Error {
    match error.service() {
        Some(_) => error,
        None => error.answered(service.clone()),
    }
}

/// The same failure once more, for the next disk of the restore point.
fn again(error: &Error) -> Error {
    let cause = || {
        let causes = error.causes();
        (!causes.is_empty()).then(|| causes.join(": ").into())
    };
    let copy = match error.meaning() {
        Error::NotFound { object } => Error::NotFound {
            object: object.clone(),
        },
        Error::AlreadyExists { object } => Error::AlreadyExists {
            object: object.clone(),
        },
        Error::Throttled { object, retry_after } => Error::Throttled {
            object: object.clone(),
            retry_after: *retry_after,
        },
        Error::PermissionDenied {
            object, operation, ..
        } => Error::PermissionDenied {
            object: object.clone(),
            operation,
            source: cause(),
        },
        Error::Refused { object, reason } => Error::Refused {
            object: object.clone(),
            reason: reason.clone(),
        },
        Error::Malformed { object, reason } => Error::malformed(object.clone(), reason.clone()),
        Error::Provider {
            object, operation, ..
        } => Error::Provider {
            object: object.clone(),
            operation,
            source: cause(),
        },
        other => Error::Provider {
            object: visible::escape(&other.to_string()),
            operation: "making the restore point",
            source: cause(),
        },
    };
    match error.service() {
        Some(service) => copy.answered(service.clone()),
        None => copy,
    }
}
