//! Which rights a capture lacks, as the Resource Manager tells of role assignments.

use std::fmt;

use async_trait::async_trait;
use custody_core::port::{DiskDescription, Machine, Rights, RightsFinding};
use futures::future::join_all;

use crate::arm::{Arm, ResourceId, Right, RightPlace, RightStep, RoleAction, rights_for};
use crate::snapshotter::{DiskPart, SnapshotPlace};
use crate::{BlobStore, Consistency, StoreLocation, VaultRights};

const MACHINES: &str = "Microsoft.Compute/virtualMachines";
const DISKS: &str = "Microsoft.Compute/disks";

/// Rights that are needed at a scope.
struct Needed<'a> {
    arm: &'a Arm,
    scope: String,
    rights: Vec<&'static Right>,
}

/// What the identities of a capture may do, asked of the Resource Manager: the source's where disk snapshots are made
/// and read, the store's at the container.
///
/// It tells of role assignments. A deny assignment, a lock or a policy can still refuse; and a caller who may not list
/// permissions is told nothing.
#[derive(Debug, Clone)]
pub struct AzureRights {
    source: Arm,
    store: Arm,
    place: SnapshotPlace,
    consistency: Consistency,
    location: StoreLocation,
    vaults: Option<VaultRights>,
}

impl AzureRights {
    /// For a capture from these sources into this store.
    #[must_use]
    pub fn new(source: Arm, place: SnapshotPlace, store: &BlobStore) -> Self {
        Self {
            source,
            store: store.manager().clone(),
            place,
            consistency: Consistency::DiskSnapshots,
            location: store.location().clone(),
            vaults: None,
        }
    }

    /// Adds what is needed in key vaults.
    #[must_use]
    pub fn with_vaults(mut self, vaults: VaultRights) -> Self {
        self.vaults = Some(vaults);
        self
    }

    /// Sets how the disks are taken: a restore point needs rights of its own.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// The steps that a capture of disks takes, beside those of its store.
    fn steps_of(&self, disks: &[&DiskDescription]) -> Vec<RightStep> {
        let mut steps = match self.consistency {
            Consistency::DiskSnapshots => vec![RightStep::DiskSnapshots, RightStep::SnapshotReading],
            Consistency::RestorePoint => vec![RightStep::RestorePoint, RightStep::PointReading],
        };
        let signs_in =
            self.consistency == Consistency::DiskSnapshots && disks.iter().any(|disk| signs_in(disk));
        steps.extend(signs_in.then_some(RightStep::SignedInReading));
        steps
    }

    /// Everything at the source: of the machine, each disk, what is made of them, or what was there before.
    fn at_source(&self, machine: &Machine) -> Vec<(String, Vec<&'static Right>)> {
        let mut needed = Vec::new();
        let mut made = Vec::new();
        if let Ok(id) = machine.machine.as_str().parse::<ResourceId>()
            && id.kind().eq_ignore_ascii_case(MACHINES)
        {
            let steps = [RightStep::Describing, RightStep::Recording];
            let (on_it, around): (Vec<_>, Vec<_>) = rights_for(&steps)
                .filter(|right| !right.is_on(DISKS))
                .partition(|right| right.is_on(MACHINES));
            needed.push((id.to_string(), on_it));
            needed.push((group(id.subscription(), id.group()), around));
        }
        for disk in &machine.disks {
            let Ok(DiskPart { resource: id, .. }) = DiskPart::of(&disk.disk) else {
                continue;
            };
            match id.kind().as_str() {
                "microsoft.compute/disks" => {
                    let steps = [self.steps_of(&[]), vec![RightStep::Describing]].concat();
                    needed.push((
                        id.to_string(),
                        rights_for(&steps).filter(|right| right.is_on(DISKS)).collect(),
                    ));
                    made.push(disk);
                }
                "microsoft.compute/snapshots" => {
                    let mut steps = vec![RightStep::SnapshotReading];
                    steps.extend(signs_in(disk).then_some(RightStep::SignedInReading));
                    needed.push((id.to_string(), rights_for(&steps).collect()));
                }
                _ => {
                    // A part of a restore point that was there before.
                    let point = id.parent().unwrap_or(id);
                    needed.push((
                        point.to_string(),
                        rights_for(&[RightStep::PointReading]).collect(),
                    ));
                }
            }
        }
        if !made.is_empty() {
            let steps = self.steps_of(&made);
            let rights = rights_for(&steps).filter(|right| right.place() == RightPlace::Snapshots);
            needed.push((
                group(&self.place.subscription, &self.place.group),
                rights.collect(),
            ));
        }
        needed
    }

    fn needed(&self, machine: &Machine) -> Vec<Needed<'_>> {
        let mut source = self.at_source(machine);
        source.sort_by(|(one, _), (other, _)| one.cmp(other));
        source.dedup();
        let at = |arm, (scope, rights)| Needed { arm, scope, rights };
        let account = self.location.account.to_string();
        let container = format!(
            "{account}/blobServices/default/containers/{}",
            self.location.container
        );
        let store =
            [(RightPlace::Account, account), (RightPlace::Container, container)].map(|(place, scope)| {
                let rights = rights_for(&[RightStep::Storing]).filter(|right| right.place() == place);
                (scope, rights.collect())
            });
        let source = source.into_iter().map(|one| at(&self.source, one));
        source.chain(store.map(|one| at(&self.store, one))).collect()
    }
}

/// Whether the disk's export is read by who has signed in alone.
fn signs_in(disk: &DiskDescription) -> bool {
    let mode = disk.attributes.get("dataAccessAuthMode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("AzureActiveDirectory"))
}

fn group(subscription: &str, group: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}")
}

impl Needed<'_> {
    async fn check(self) -> Vec<RightsFinding> {
        let actions: Vec<RoleAction> = self.rights.iter().map(|right| right.role_action()).collect();
        let missing = match self.arm.missing_at(&self.scope, &actions).await {
            Ok(missing) => missing,
            Err(error) => {
                let mut reason = error.to_string();
                for cause in error.causes() {
                    reason = format!("{reason}: {cause}");
                }
                return vec![RightsFinding::Unchecked {
                    scope: self.scope,
                    reason,
                }];
            }
        };
        let lacking = self
            .rights
            .iter()
            .filter(|right| missing.contains(&right.role_action()));
        lacking
            .map(|right| RightsFinding::Missing {
                scope: self.scope.clone(),
                right: right.action().to_owned(),
                need: right.need(),
            })
            .collect()
    }
}

impl fmt::Display for AzureRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Azure role assignments for {} and {}",
            self.place.group, self.location
        )
    }
}

#[async_trait]
impl Rights for AzureRights {
    async fn check(&self, machine: &Machine) -> Vec<RightsFinding> {
        let found = join_all(self.needed(machine).into_iter().map(Needed::check)).await;
        let mut found: Vec<RightsFinding> = found.into_iter().flatten().collect();
        if let Some(vaults) = &self.vaults {
            found.extend(vaults.check(machine).await);
        }
        found
    }
}
