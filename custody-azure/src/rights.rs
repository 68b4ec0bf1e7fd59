//! Which rights a capture lacks, as the Resource Manager tells of role assignments.

use std::fmt;

use async_trait::async_trait;
use custody_core::port::{Machine, RightNeed, Rights, RightsFinding};
use futures::future::join_all;

use crate::arm::{Arm, ResourceId, RoleAction};
use crate::snapshotter::SnapshotPlace;
use crate::{BlobStore, Consistency, StoreLocation};

/// Rights that are needed somewhere: in a place, for these actions.
struct Needed<'a> {
    arm: &'a Arm,
    scope: String,
    actions: Vec<(RoleAction, RightNeed)>,
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
        }
    }

    /// Sets how the disks are taken: a restore point needs rights of its own.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// What making, reading and deleting what is taken of disks needs.
    fn taking(&self) -> Vec<(RoleAction, RightNeed)> {
        let (capture, clean_up): (&[&str], &[&str]) = match self.consistency {
            Consistency::DiskSnapshots => (
                &[
                    "snapshots/read",
                    "snapshots/write",
                    "snapshots/beginGetAccess/action",
                    "snapshots/endGetAccess/action",
                ],
                &["snapshots/delete"],
            ),
            Consistency::RestorePoint => (
                &[
                    "restorePointCollections/read",
                    "restorePointCollections/write",
                    "restorePointCollections/restorePoints/read",
                    "restorePointCollections/restorePoints/write",
                    "restorePointCollections/restorePoints/diskRestorePoints/read",
                    "restorePointCollections/restorePoints/diskRestorePoints/beginGetAccess/action",
                    "restorePointCollections/restorePoints/diskRestorePoints/endGetAccess/action",
                ],
                &[
                    "restorePointCollections/delete",
                    "restorePointCollections/restorePoints/delete",
                ],
            ),
        };
        let named = |need: RightNeed| {
            move |name: &&str| (RoleAction::Control(format!("Microsoft.Compute/{name}")), need)
        };
        let capture = capture.iter().map(named(RightNeed::ToCapture));
        capture
            .chain(clean_up.iter().map(named(RightNeed::ToCleanUp)))
            .collect()
    }

    fn needed(&self, machine: &Machine) -> Vec<Needed<'_>> {
        let sources: Vec<ResourceId> = (machine.disks.iter())
            .filter_map(|disk| disk.disk.as_str().parse().ok())
            .collect();
        let control = |name: &str| (RoleAction::Control(name.to_owned()), RightNeed::ToCapture);
        let data = |name: &str| (RoleAction::Data(name.to_owned()), RightNeed::ToCapture);
        let mut needed = Vec::new();
        let is_disk = |id: &&ResourceId| id.kind() == "microsoft.compute/disks";
        if sources.iter().any(|id| is_disk(&id)) {
            needed.push(Needed {
                arm: &self.source,
                scope: format!(
                    "/subscriptions/{}/resourceGroups/{}",
                    self.place.subscription, self.place.group
                ),
                actions: self.taking(),
            });
        }
        for id in &sources {
            let actions = match id.kind().as_str() {
                "microsoft.compute/disks" => vec![control("Microsoft.Compute/disks/beginGetAccess/action")],
                "microsoft.compute/snapshots" => vec![
                    control("Microsoft.Compute/snapshots/beginGetAccess/action"),
                    control("Microsoft.Compute/snapshots/endGetAccess/action"),
                ],
                _ => continue,
            };
            needed.push(Needed {
                arm: &self.source,
                scope: id.to_string(),
                actions,
            });
        }
        let container = format!(
            "{}/blobServices/default/containers/{}",
            self.location.account, self.location.container
        );
        needed.push(Needed {
            arm: &self.store,
            scope: container,
            // Who may write a blob may append to it as well.
            actions: vec![data(crate::blob::action::READ), data(crate::blob::action::WRITE)],
        });
        needed
    }
}

impl Needed<'_> {
    async fn check(self) -> Vec<RightsFinding> {
        let actions: Vec<RoleAction> = self.actions.iter().map(|(action, _)| action.clone()).collect();
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
        let lacking = (self.actions.into_iter()).filter(|(action, _)| missing.contains(action));
        lacking
            .map(|(action, need)| RightsFinding::Missing {
                scope: self.scope.clone(),
                right: action.to_string(),
                need,
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
        found.into_iter().flatten().collect()
    }
}
