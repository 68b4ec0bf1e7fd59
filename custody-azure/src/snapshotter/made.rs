use custody_core::ids::AcquisitionId;
use custody_core::port::{DiskSnapshot, PlannedSnapshot, SnapshotKind};
use custody_core::{Acted, Error, Result, ServiceRecord, visible};
use serde_json::{Value, json};

use super::disk_description::{DISK_GIB, snapshot_of};
use super::disk_size::DiskSize;
use super::part::Part;
use super::tag::Mark;
use super::{SnapshotNetwork, SnapshotPlace, identity, name, unread_disk};
use crate::arm::{Arm, DiskResource, ResourceId};
use crate::http::may_pass;

/// How often the service is asked, when it says that it is busy or a connection fails.
pub(super) const MAX_LOOKS: u32 = 8;

/// One disk snapshot on its way.
#[derive(Debug)]
pub(super) struct Making<'a> {
    pub(super) arm: &'a Arm,
    pub(super) place: &'a SnapshotPlace,
    pub(super) network: &'a SnapshotNetwork,
    pub(super) acquisition: &'a AcquisitionId,
    pub(super) planned: &'a PlannedSnapshot,
    pub(super) source: ResourceId,
    pub(super) part: Part,
}

impl Making<'_> {
    /// Takes the snapshot under this name, or adopts the one that an earlier call took.
    pub(super) async fn take(&self, name: String) -> Result<Acted<DiskSnapshot>> {
        let id = self.place.snapshot(&name)?;
        match self.under(&id).await {
            // Another snapshot of this acquisition has the plain name: this one's is the name with a digest.
            Err(Taken::BySibling) => {
                let id = self.place.snapshot(&name::distinct_name(&self.planned.name))?;
                self.under(&id).await.map_err(|taken| taken.error(&id))
            }
            outcome => outcome.map_err(|taken| taken.error(&id)),
        }
    }

    /// Looks first, always: the request is sent only where nothing is, and after it the resource is read.
    async fn under(&self, id: &ResourceId) -> Result<Acted<DiskSnapshot>, Taken> {
        let mut asked: Option<ServiceRecord> = None;
        let mut failure: Option<Error> = None;
        for look in 0..MAX_LOOKS {
            if look > 0 {
                pause(self.arm, look).await;
            }
            match self.arm.disk(id).await {
                Ok(found) => {
                    let service = asked.unwrap_or(found.service);
                    return self.settle(id, found.value, service).await;
                }
                Err(error) if matches!(error.meaning(), Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if asked.is_some() {
                // Accepted, and not to be seen yet.
                continue;
            }
            if let Some(error) = failure.take() {
                // It may still be on its way: asking again could take a second instant. Look twice more, then tell.
                if look >= 3 {
                    return Err(error.into());
                }
                failure = Some(error);
                continue;
            }
            let disk = self.arm.disk(&self.source).await?.value;
            identity::must_be(
                self.planned,
                self.source.as_str(),
                disk.properties.unique_id.as_deref(),
            )?;
            let body = self.body(&disk)?;
            match self.arm.create_snapshot(id, &body).await {
                Ok(service) => asked = Some(service),
                Err(error) if may_pass(&error) => failure = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(failure
            .unwrap_or_else(|| Error::NotFound {
                object: id.to_string(),
            })
            .into())
    }

    /// What is under the name, once it is complete and if it is ours.
    async fn settle(
        &self,
        id: &ResourceId,
        mut found: DiskResource,
        service: ServiceRecord,
    ) -> Result<Acted<DiskSnapshot>, Taken> {
        self.must_be_ours(&found)?;
        let patience = self.arm.patience();
        let (mut waited, mut wait) = (std::time::Duration::ZERO, patience.poll_floor);
        loop {
            let state = found.properties.provisioning_state.clone().unwrap_or_default();
            match state.to_ascii_lowercase().as_str() {
                "succeeded" => break,
                "failed" | "canceled" => {
                    let state = visible::escape(&state);
                    let why = format!(
                        "its state is {state}, it holds nothing: have it deleted, then another one is taken"
                    );
                    return Err(failed(id, &why).into());
                }
                _ if waited >= patience.operation => {
                    return Err(failed(id, "it is not complete yet: resume later").into());
                }
                _ => {}
            }
            self.arm.clock().sleep(wait).await;
            waited = waited.saturating_add(wait);
            wait = wait
                .saturating_mul(2)
                .min(patience.poll_ceiling.max(patience.poll_floor));
            found = self.arm.disk(id).await?.value;
        }
        let taken_of = found.properties.creation_data.source_unique_id.as_deref();
        identity::must_be_of(self.planned, id.as_str(), taken_of)?;
        let snapshot = snapshot_of(
            self.planned.name.clone(),
            self.planned.disk.clone(),
            SnapshotKind::Made,
            id,
            &found,
            None,
        )?;
        let is_unread = self.planned.described.contains_key(unread_disk::NOT_READ);
        let snapshot = if is_unread {
            unread_disk::told_at_opening(snapshot)
        } else {
            snapshot
        };
        Ok(Acted {
            value: identity::noted(snapshot, taken_of),
            service,
        })
    }

    fn must_be_ours(&self, found: &DiskResource) -> Result<(), Taken> {
        let Some(mark) = Mark::read(&found.tags) else {
            return Err(Taken::ByOthers);
        };
        if mark.acquisition != *self.acquisition {
            return Err(Taken::ByOthers);
        }
        if mark.name != self.planned.name || mark.part != self.part {
            return Err(Taken::BySibling);
        }
        let of = found
            .properties
            .creation_data
            .source_resource_id
            .as_deref()
            .unwrap_or_default();
        if of.eq_ignore_ascii_case(self.source.as_str()) {
            Ok(())
        } else {
            Err(Taken::ByOthers)
        }
    }

    /// What is asked for: everything in one request, so that nothing of the snapshot is changed afterwards.
    fn body(&self, disk: &DiskResource) -> Result<Value> {
        let properties = &disk.properties;
        let sku = disk.sku.name.as_deref().unwrap_or_default();
        let incremental = only_incremental(sku);
        if incremental
            && !self
                .source
                .subscription()
                .eq_ignore_ascii_case(&self.place.subscription)
        {
            return Err(Error::Refused {
                object: self.source.to_string(),
                reason: format!(
                    "a {sku} disk can only be taken incrementally, within its own subscription: make snapshots in subscription {}",
                    self.source.subscription()
                ),
            });
        }
        let mark = Mark {
            acquisition: self.acquisition.clone(),
            name: self.planned.name.clone(),
            part: self.part,
        };
        let mut body = json!({
            "location": disk.location,
            "tags": mark.tags(&self.planned.item)?,
            "properties": {
                "incremental": incremental,
                "creationData": { "createOption": "Copy", "sourceResourceId": self.source.as_str() },
            },
        });
        let mut set = |name: &str, value: Option<String>| {
            if let (Some(value), Some(Value::Object(members))) = (value, body.get_mut("properties")) {
                members.insert(name.into(), value.into());
            }
        };
        match self.network {
            SnapshotNetwork::AsTheDisk => {
                set("networkAccessPolicy", properties.network_access_policy.clone());
                set("publicNetworkAccess", properties.public_network_access.clone());
                set("diskAccessId", properties.disk_access_id.clone());
            }
            SnapshotNetwork::AllowAll => {
                set("networkAccessPolicy", Some("AllowAll".into()));
                set("publicNetworkAccess", Some("Enabled".into()));
            }
            SnapshotNetwork::Private { disk_access } => {
                set("networkAccessPolicy", Some("AllowPrivate".into()));
                set("diskAccessId", Some(disk_access.to_string()));
            }
        }
        // Whoever may read the disk's data decides this; it is never taken away on the copy.
        set("dataAccessAuthMode", properties.data_access_auth_mode.clone());
        Ok(body)
    }
}

/// The record of a snapshot of ours, of whatever disk it says that it is of.
///
/// One that the service is still making, or gave up, need not tell its size, and must be known of all the same.
pub(super) fn adopted(mark: &Mark, found: &DiskResource) -> Result<DiskSnapshot> {
    let name = &mark.name;
    let missing = |what: &str| {
        Error::malformed(
            format!("disk snapshot {name}"),
            format!("the service does not tell its {what}"),
        )
    };
    let id: ResourceId = found.id.as_deref().ok_or_else(|| missing("id"))?.parse()?;
    let of = &found.properties.creation_data.source_resource_id;
    let disk = mark.part.id_of(of.as_deref().ok_or_else(|| missing("disk"))?)?;
    if DiskSize::of(&id, found, None).is_ok() {
        return snapshot_of(name.clone(), disk, SnapshotKind::Made, &id, found, None);
    }
    let mut sizeless = found.clone();
    sizeless.properties.disk_size_bytes = None;
    let any = Some(DiskSize::Gib(1));
    let mut snapshot = snapshot_of(name.clone(), disk, SnapshotKind::Made, &id, &sizeless, any)?;
    snapshot.attributes.remove(DISK_GIB);
    Ok(snapshot)
}

/// Disk types of which only incremental snapshots can be taken.
///
/// Source: MicrosoftDocs/azure-compute-docs, virtual-machines-disks-incremental-snapshots-restrictions, read
/// 2026-11-21.
pub(super) fn only_incremental(sku: &str) -> bool {
    sku.eq_ignore_ascii_case("PremiumV2_LRS") || sku.eq_ignore_ascii_case("UltraSSD_LRS")
}

/// Why a name cannot be used, or what went wrong in finding out.
enum Taken {
    ByOthers,
    BySibling,
    Unknown(Error),
}

impl From<Error> for Taken {
    fn from(error: Error) -> Self {
        Self::Unknown(error)
    }
}

impl Taken {
    fn error(self, id: &ResourceId) -> Error {
        match self {
            Self::Unknown(error) => error,
            Self::ByOthers | Self::BySibling => Error::AlreadyExists {
                object: id.to_string(),
            },
        }
    }
}

fn failed(id: &ResourceId, why: &str) -> Error {
    Error::Provider {
        object: id.to_string(),
        operation: "taking the disk snapshot",
        source: Some(why.to_owned().into()),
    }
}

/// Waits before another look, longer each time.
pub(super) async fn pause(arm: &Arm, look: u32) {
    let patience = arm.patience();
    let wait = patience.poll_floor.saturating_mul(1 << look.min(6));
    arm.clock().sleep(wait.min(patience.longest_wait)).await;
}
