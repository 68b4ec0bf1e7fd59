use custody_core::port::RightNeed;

use super::RoleAction;

/// Where a right is needed. Role assignments need no wider scope than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever assigns roles decides on every place"
)]
pub enum RightPlace {
    /// The resource group of the machine, and those of its disks.
    Source,
    /// The resource group in which disk snapshots are made.
    Snapshots,
    /// The storage account of the store.
    Account,
    /// The store's container.
    Container,
}

/// What is done by a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever asks for rights decides on every step"
)]
pub enum RightStep {
    /// Reading of the machine and its disks, to plan.
    Describing,
    /// Storing what else is known of the machine beside its disks.
    Recording,
    /// Making disk snapshots.
    DiskSnapshots,
    /// Reading disk snapshots: those that were made, or those that were there before.
    SnapshotReading,
    /// Making a restore point.
    RestorePoint,
    /// Reading a restore point: the one that was made, or one that was there before.
    PointReading,
    /// Reading exports of disks whose data access mode demands a sign-in.
    SignedInReading,
    /// Storing, and reading what protects the store.
    Storing,
}

/// A right that custody needs: where, what for, and what lacking it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    action: &'static str,
    place: RightPlace,
    step: RightStep,
    need: RightNeed,
}

impl Right {
    const fn to_capture(place: RightPlace, step: RightStep, action: &'static str) -> Self {
        Self {
            action,
            place,
            step,
            need: RightNeed::ToCapture,
        }
    }

    const fn to_clean_up(step: RightStep, action: &'static str) -> Self {
        Self {
            need: RightNeed::ToCleanUp,
            ..Self::to_capture(RightPlace::Snapshots, step, action)
        }
    }

    const fn to_record(place: RightPlace, step: RightStep, action: &'static str) -> Self {
        Self {
            need: RightNeed::ToRecord,
            ..Self::to_capture(place, step, action)
        }
    }

    /// Its name in role definitions.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        self.action
    }

    /// Where it is needed.
    #[must_use]
    pub const fn place(&self) -> RightPlace {
        self.place
    }

    /// What is done by it.
    #[must_use]
    pub const fn step(&self) -> RightStep {
        self.step
    }

    /// What lacking it means.
    #[must_use]
    pub const fn need(&self) -> RightNeed {
        self.need
    }

    /// Whether it is a right on resources of this type: `Microsoft.Compute/disks`.
    pub(crate) fn is_on(&self, kind: &str) -> bool {
        let rest = self.action.strip_prefix(kind);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// As a question to the Resource Manager. Rights at the container, and the one to download, are rights on data.
    #[must_use]
    pub fn role_action(&self) -> RoleAction {
        match (self.place, self.step) {
            (RightPlace::Container, _) | (_, RightStep::SignedInReading) => {
                RoleAction::Data(self.action.into())
            }
            (RightPlace::Source | RightPlace::Snapshots | RightPlace::Account, _) => {
                RoleAction::Control(self.action.into())
            }
        }
    }
}

/// The right that reading an export needs where its disk demands a sign-in.
pub(crate) const DOWNLOAD: &str = "Microsoft.Compute/snapshots/download/action";

/// Every right that a capture needs at compute, network, monitor and storage, and no other (those in vaults are
/// [`VaultRights`](crate::VaultRights)): what role definitions, checks, a plan's missing rights and the
/// operator's guide are made of.
///
/// No right to delete blobs, to change a policy, or to write to a machine or a disk is among them. That a capture ends
/// well with these alone, and not without any one of them, is tested against the simulator, but for what the service
/// demands of a disk whose snapshot is taken (`disks/beginGetAccess/action`), and for what is only recorded. Whoever
/// may write a blob may append to it as well. Source: Microsoft's "Authorize access to blobs using Microsoft Entra ID",
/// permissions for calling blob data operations; Azure's built-in role "Data Operator for Managed Disks" for the right
/// to download, read 2026-11-28.
pub const RIGHTS: [Right; 31] = {
    use RightPlace::{Account, Container, Snapshots, Source};
    use RightStep::{
        Describing, DiskSnapshots, PointReading, Recording, RestorePoint, SignedInReading, SnapshotReading,
        Storing,
    };
    [
        Right::to_capture(Source, Describing, "Microsoft.Compute/virtualMachines/read"),
        Right::to_capture(Source, Describing, "Microsoft.Compute/disks/read"),
        Right::to_capture(
            Source,
            DiskSnapshots,
            "Microsoft.Compute/disks/beginGetAccess/action",
        ),
        Right::to_record(
            Source,
            Recording,
            "Microsoft.Compute/virtualMachines/instanceView/read",
        ),
        Right::to_record(
            Source,
            Recording,
            "Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action",
        ),
        Right::to_record(Source, Recording, "Microsoft.Compute/diskEncryptionSets/read"),
        Right::to_record(Source, Recording, "Microsoft.Network/networkInterfaces/read"),
        Right::to_record(
            Source,
            Recording,
            "Microsoft.Network/virtualNetworks/subnets/read",
        ),
        Right::to_record(Source, Recording, "Microsoft.Network/networkSecurityGroups/read"),
        Right::to_record(Source, Recording, "Microsoft.Authorization/roleAssignments/read"),
        Right::to_record(Source, Recording, "Microsoft.Insights/eventtypes/values/read"),
        Right::to_capture(Snapshots, SnapshotReading, "Microsoft.Compute/snapshots/read"),
        Right::to_capture(Snapshots, DiskSnapshots, "Microsoft.Compute/snapshots/write"),
        Right::to_clean_up(DiskSnapshots, "Microsoft.Compute/snapshots/delete"),
        Right::to_capture(
            Snapshots,
            SnapshotReading,
            "Microsoft.Compute/snapshots/beginGetAccess/action",
        ),
        Right::to_capture(
            Snapshots,
            SnapshotReading,
            "Microsoft.Compute/snapshots/endGetAccess/action",
        ),
        Right::to_capture(Snapshots, SignedInReading, DOWNLOAD),
        Right::to_capture(
            Snapshots,
            RestorePoint,
            "Microsoft.Compute/restorePointCollections/read",
        ),
        Right::to_capture(
            Snapshots,
            RestorePoint,
            "Microsoft.Compute/restorePointCollections/write",
        ),
        Right::to_clean_up(RestorePoint, "Microsoft.Compute/restorePointCollections/delete"),
        Right::to_capture(
            Snapshots,
            PointReading,
            "Microsoft.Compute/restorePointCollections/restorePoints/read",
        ),
        Right::to_capture(
            Snapshots,
            RestorePoint,
            "Microsoft.Compute/restorePointCollections/restorePoints/write",
        ),
        Right::to_clean_up(
            RestorePoint,
            "Microsoft.Compute/restorePointCollections/restorePoints/delete",
        ),
        Right::to_capture(
            Snapshots,
            PointReading,
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/read",
        ),
        Right::to_capture(
            Snapshots,
            PointReading,
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/beginGetAccess/action",
        ),
        Right::to_capture(
            Snapshots,
            PointReading,
            "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints/endGetAccess/action",
        ),
        Right::to_capture(Account, Storing, "Microsoft.Storage/storageAccounts/read"),
        Right::to_record(
            Account,
            Storing,
            "Microsoft.Storage/storageAccounts/blobServices/read",
        ),
        Right::to_capture(
            Account,
            Storing,
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
        ),
        Right::to_capture(Container, Storing, crate::blob::action::READ),
        Right::to_capture(Container, Storing, crate::blob::action::WRITE),
    ]
};

/// The rights that some steps take, in the order of [`RIGHTS`].
pub fn rights_for(steps: &[RightStep]) -> impl Iterator<Item = &'static Right> {
    RIGHTS.iter().filter(move |right| steps.contains(&right.step))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_right_changes_or_deletes_what_custody_did_not_make() {
        for right in &RIGHTS {
            let name = right.action();
            let own = right.place() == RightPlace::Snapshots;
            assert!(own || !name.ends_with("/delete"), "{name}");
            let blob = name.contains("/containers/blobs/");
            assert!(own || blob || !name.ends_with("/write"), "{name}");
            assert!(!name.contains('*'), "{name}");
        }
        let once: BTreeSet<&str> = RIGHTS.iter().map(Right::action).collect();
        assert_eq!(once.len(), RIGHTS.len());
    }

    #[test]
    fn the_guides_table_of_rights_is_this_list() {
        let guide = include_str!("../../../docs/azure.md");
        let words = guide.split('`').skip(1).step_by(2);
        let named: BTreeSet<&str> = words.filter(|word| is_action(word)).collect();
        let listed: BTreeSet<&str> = RIGHTS.iter().map(Right::action).collect();
        assert_eq!(named, listed);
    }

    fn is_action(word: &str) -> bool {
        let kinds = ["/read", "/write", "/delete", "/action"];
        word.starts_with("Microsoft.") && kinds.iter().any(|kind| word.ends_with(kind))
    }
}
