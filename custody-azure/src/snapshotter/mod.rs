//! Virtual machines and their disks: described, taken as disk snapshots, listed, and deleted against a warrant.

mod consistency;
mod deletion;
mod disk_description;
mod disk_size;
mod encryption;
mod guest_state;
mod identity;
mod machine_description;
mod made;
mod name;
mod part;
mod point_deletion;
mod point_making;
mod restore_point;
mod source;
mod tag;
mod unread_disk;

use std::fmt;

use async_trait::async_trait;
use custody_core::capture::DeletionWarrant;
use custody_core::ids::{AcquisitionId, MachineRef};
use custody_core::port::{
    DiskSnapshot, Machine, NotAcquired, PlannedSnapshot, SnapshotKind, SnapshotOutcome, SnapshotPlan,
    Snapshotter,
};
use custody_core::{Acted, Error, Result};
use futures::future::join_all;

use crate::arm::{Arm, DiskResource, ResourceId, common_region};
pub use consistency::Consistency;
use consistency::{INSTEAD, Support};
pub(crate) use disk_description::{
    DISK_BYTES, DISK_GIB, VHD_FOOTER_BYTES, export_kind, resource_of, snapshot_of,
};
pub(crate) use disk_size::DiskSize;
use guest_state::Beside;
pub use guest_state::GuestState;
pub(crate) use name::{hyphenated, own_name, resource_name, with_digest};
pub(crate) use part::DiskPart;
pub(crate) use part::Part;
use source::AzureSource;
pub(crate) use source::RESTORE_POINT;

/// Where custody's own disk snapshots are made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotPlace {
    /// The subscription. A disk that can only be taken incrementally must lie in the same one.
    pub subscription: String,
    /// The resource group. The identity needs its rights on disk snapshots here and nowhere else.
    pub group: String,
}

impl SnapshotPlace {
    /// In this group of this subscription.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that cannot be part of a resource id.
    pub fn new(subscription: &str, group: &str) -> Result<Self> {
        ResourceId::new(subscription, group, "Microsoft.Compute/snapshots", "any")?;
        Ok(Self {
            subscription: subscription.into(),
            group: group.into(),
        })
    }

    fn snapshot(&self, name: &str) -> Result<ResourceId> {
        ResourceId::new(
            &self.subscription,
            &self.group,
            "Microsoft.Compute/snapshots",
            name,
        )
    }
}

/// From where disk snapshots that custody makes can be exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotNetwork {
    /// From where the disk can be. A disk that denies all export gives a snapshot that cannot be read.
    #[default]
    AsTheDisk,
    /// From everywhere, with a grant. A deliberate act: it is visible in the snapshot's record.
    AllowAll,
    /// Through the private endpoints of this disk access resource.
    Private {
        /// The disk access resource.
        disk_access: ResourceId,
    },
}

/// Azure's virtual machines, managed disks, disk snapshots and restore points as sources.
///
/// The machine is named by the id of a virtual machine; or by the ids of unattached disks or existing disk snapshots,
/// joined by commas; or by the id of one restore point. What was there before is read and never deleted
/// ([`SnapshotKind::Existing`]).
#[derive(Debug, Clone)]
pub struct AzureSnapshotter {
    arm: Arm,
    place: SnapshotPlace,
    network: SnapshotNetwork,
    consistency: Consistency,
    guest_state: GuestState,
}

impl AzureSnapshotter {
    /// Snapshots are made in `place`, with the network settings of the disks.
    #[must_use]
    pub const fn new(arm: Arm, place: SnapshotPlace) -> Self {
        Self {
            arm,
            place,
            network: SnapshotNetwork::AsTheDisk,
            consistency: Consistency::DiskSnapshots,
            guest_state: GuestState::Take,
        }
    }

    /// Sets how the instants of a machine's disks lie to each other.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// Sets whether guest state is taken.
    #[must_use]
    pub const fn with_guest_state(mut self, choice: GuestState) -> Self {
        self.guest_state = choice;
        self
    }

    /// Sets from where the snapshots can be exported.
    #[must_use]
    pub fn with_network(mut self, network: SnapshotNetwork) -> Self {
        self.network = network;
        self
    }

    /// How the instants of a machine's disks lie to each other.
    #[must_use]
    pub const fn consistency(&self) -> Consistency {
        self.consistency
    }

    /// Where the snapshots are made.
    #[must_use]
    pub const fn place(&self) -> &SnapshotPlace {
        &self.place
    }

    /// Why guest state is left out, if it is.
    const fn guest_state_left_out(&self) -> Option<&'static str> {
        self.guest_state.left_out_because(self.consistency)
    }

    async fn describe_machine(&self, machine: &MachineRef, id: &ResourceId) -> Result<Machine> {
        let (found, mut described) =
            machine_description::read(&self.arm, machine, id, self.guest_state_left_out()).await?;
        if described.disks.is_empty() {
            let left_out = described
                .not_acquired
                .iter()
                .filter(|left| left.what.starts_with("disk "));
            let reasons: Vec<String> = left_out
                .map(|left| format!("{}: {}", left.what, left.reason))
                .collect();
            if !reasons.is_empty() {
                described = described.with_obstacle(reasons.join("; "));
            }
        }
        if self.consistency == Consistency::DiskSnapshots {
            return Ok(described);
        }
        let support = Support {
            id,
            machine: &found,
            disks: &described.disks,
            place: &self.place,
            network: &self.network,
        };
        let (obstacle, doubts) = (support.obstacle(), support.doubts());
        described = described.with_attribute(
            "consistency",
            "all disks at one instant, by a crash-consistent restore point",
        );
        if !doubts.is_empty() {
            let doubts = format!(
                "the service does not guarantee one instant: {}",
                doubts.join("; ")
            );
            described = described.with_attribute("consistency not guaranteed", doubts);
        }
        Ok(match obstacle {
            Some(reason) => described.with_obstacle(reason),
            None => described,
        })
    }

    async fn take_one(
        &self,
        plan: &SnapshotPlan,
        planned: &PlannedSnapshot,
        name: String,
    ) -> Result<Acted<DiskSnapshot>> {
        let DiskPart {
            resource: source,
            part,
        } = DiskPart::of(&planned.disk)?;
        if source.kind() == "microsoft.compute/disks" {
            return made::Making {
                arm: &self.arm,
                place: &self.place,
                network: &self.network,
                acquisition: &plan.acquisition,
                planned,
                source,
                part,
            }
            .take(name)
            .await;
        }
        if part == Part::GuestState {
            // Its grants would be the disk's own, and end with them.
            return Err(Error::Unsupported {
                operation: "taking the guest state of what is no disk",
                provider: source.to_string(),
            });
        }
        let (size, found) = match source.kind().as_str() {
            "microsoft.compute/snapshots" => (None, self.arm.disk(&source).await?),
            source::DISK_RESTORE_POINT => {
                let size = source::restore_point_disk_size(&self.arm, &source).await?;
                (Some(size), self.arm.disk(&source).await?)
            }
            other => {
                return Err(Error::Unsupported {
                    operation: "taking it as a disk",
                    provider: format!("Azure ({other})"),
                });
            }
        };
        let unique = found.value.properties.unique_id.as_deref();
        identity::must_be(planned, source.as_str(), unique)?;
        let kind = SnapshotKind::Existing;
        let snapshot = snapshot_of(
            planned.name.clone(),
            planned.disk.clone(),
            kind,
            &source,
            &found.value,
            size,
        )?;
        Ok(Acted {
            value: snapshot,
            service: found.service,
        })
    }
}

#[async_trait]
impl Snapshotter for AzureSnapshotter {
    async fn describe(&self, machine: &MachineRef) -> Result<Machine> {
        let source: AzureSource = machine.as_str().parse()?;
        match &source {
            AzureSource::Machine(id) => self.describe_machine(machine, id).await,
            AzureSource::Parts(ids) => {
                let (mut disks, mut locations, mut cautions) = (Vec::new(), Vec::new(), Vec::new());
                let mut not_acquired = source::what_parts_leave_out();
                for id in ids {
                    let found: DiskResource = self.arm.disk(id).await?.value;
                    if id.kind() != "microsoft.compute/disks" {
                        cautions.push(source::shared_access(id, &found));
                    }
                    locations.push(found.location.clone());
                    let description = disk_description::describe(id, &found, None)?;
                    let security = guest_state::security_type(&found, None);
                    let beside = match security {
                        Some(_) if id.kind() != "microsoft.compute/disks" => {
                            Beside::LeftOut(guest_state::left_out(&description.name, source::NO_GUEST_STATE))
                        }
                        _ => guest_state::beside(&description, id, security, self.guest_state_left_out())?,
                    };
                    disks.push(description);
                    match beside {
                        Beside::Nothing => {}
                        Beside::Item(item) => disks.push(item),
                        Beside::LeftOut(left_out) => not_acquired.push(left_out),
                    }
                }
                not_acquired.push(NotAcquired::new(
                    "the machine's description",
                    "disks or disk snapshots were named, not a machine",
                ));
                let mut described = Machine::new(machine.clone(), "azure", disks, not_acquired);
                described.cautions = cautions;
                described.region = common_region(locations.iter().map(String::as_str));
                Ok(match self.consistency {
                    Consistency::DiskSnapshots => described,
                    Consistency::RestorePoint => described.with_obstacle(format!(
                        "a restore point is made of a machine, and disks or disk snapshots were named: name the machine (--vm), or {INSTEAD}"
                    )),
                })
            }
            // It is one instant already, and nothing is made.
            AzureSource::RestorePoint(id) => source::describe_restore_point(&self.arm, machine, id).await,
        }
    }

    async fn take(&self, plan: &SnapshotPlan) -> Vec<SnapshotOutcome> {
        let of_machine = matches!(plan.machine.as_str().parse(), Ok(AzureSource::Machine(_)));
        if of_machine && self.consistency == Consistency::RestorePoint {
            return point_making::PointMaking { of: self, plan }.take().await;
        }
        let names = name::resource_names(&plan.snapshots);
        let taking = plan
            .snapshots
            .iter()
            .zip(names)
            .map(|(planned, name)| async move {
                SnapshotOutcome {
                    disk: planned.disk.clone(),
                    result: self.take_one(plan, planned, name).await,
                }
            });
        join_all(taking).await
    }

    async fn list(&self, of: &AcquisitionId) -> Result<Vec<DiskSnapshot>> {
        if self.consistency == Consistency::RestorePoint {
            return restore_point::list(&self.arm, &self.place, of).await;
        }
        let all = self
            .arm
            .snapshots(&self.place.subscription, &self.place.group)
            .await?;
        let mut ours = Vec::new();
        for found in all {
            let Some(mark) = tag::Mark::read(&found.tags).filter(|mark| mark.acquisition == *of) else {
                continue;
            };
            ours.push(made::adopted(&mark, &found)?);
        }
        Ok(ours)
    }

    async fn delete(&self, snapshot: &DiskSnapshot, warrant: DeletionWarrant) -> Result<Acted<()>> {
        if !warrant.covers(&snapshot.name) {
            return Err(Error::misuse(format!(
                "{warrant} was shown for deleting {}",
                snapshot.name
            )));
        }
        if snapshot.kind != SnapshotKind::Made {
            return Err(deletion::not_ours(&snapshot.name));
        }
        deletion::delete(&self.arm, snapshot, &warrant).await
    }
}

impl fmt::Display for AzureSnapshotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Azure disks, {} in {} of {}",
            match self.consistency {
                Consistency::DiskSnapshots => "snapshots",
                Consistency::RestorePoint => "restore points",
            },
            self.place.group,
            self.place.subscription
        )
    }
}
