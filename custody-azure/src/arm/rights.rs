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

/// What a right is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there is no third use")]
pub enum RightUse {
    /// A disk is not captured without it.
    Disks,
    /// What is known of the machine is stored beside its disks; without it the record names what was not acquired.
    MachineRecords,
}

/// A right that custody needs, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    action: &'static str,
    place: RightPlace,
    needed_for: RightUse,
}

impl Right {
    const fn disks(place: RightPlace, action: &'static str) -> Self {
        Self {
            action,
            place,
            needed_for: RightUse::Disks,
        }
    }

    const fn records(action: &'static str) -> Self {
        Self {
            action,
            place: RightPlace::Source,
            needed_for: RightUse::MachineRecords,
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

    /// What it is for.
    #[must_use]
    pub const fn needed_for(&self) -> RightUse {
        self.needed_for
    }

    /// As a question to the Resource Manager. Rights at the container are rights on data.
    #[must_use]
    pub fn role_action(&self) -> RoleAction {
        match self.place {
            RightPlace::Container => RoleAction::Data(self.action.into()),
            RightPlace::Source | RightPlace::Snapshots | RightPlace::Account => {
                RoleAction::Control(self.action.into())
            }
        }
    }
}

/// Every right that a capture needs, and no other: what role definitions, checks and the operator's guide are made of.
///
/// No right to delete blobs, to change a policy, or to write to a machine or a disk is among them. That a capture ends
/// well with these alone, and not without any one of them, is tested against the simulator, but for three: what the
/// service demands of a disk whose snapshot is taken (`disks/beginGetAccess/action`); the right to append
/// (`blobs/add/action`), which the one to write includes, and which the service names where it refuses an append; and
/// the settings of the blob service (`blobServices/read`), of which the record says that they could not be read.
pub const RIGHTS: [Right; 20] = {
    use RightPlace::{Account, Container, Snapshots, Source};
    [
        Right::disks(Source, "Microsoft.Compute/virtualMachines/read"),
        Right::disks(Source, "Microsoft.Compute/disks/read"),
        Right::disks(Source, "Microsoft.Compute/disks/beginGetAccess/action"),
        Right::records("Microsoft.Compute/virtualMachines/instanceView/read"),
        Right::records("Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action"),
        Right::records("Microsoft.Network/networkInterfaces/read"),
        Right::records("Microsoft.Network/networkSecurityGroups/read"),
        Right::records("Microsoft.Authorization/roleAssignments/read"),
        Right::records("Microsoft.Insights/eventtypes/values/read"),
        Right::disks(Snapshots, "Microsoft.Compute/snapshots/read"),
        Right::disks(Snapshots, "Microsoft.Compute/snapshots/write"),
        Right::disks(Snapshots, "Microsoft.Compute/snapshots/delete"),
        Right::disks(Snapshots, "Microsoft.Compute/snapshots/beginGetAccess/action"),
        Right::disks(Snapshots, "Microsoft.Compute/snapshots/endGetAccess/action"),
        Right::disks(Account, "Microsoft.Storage/storageAccounts/read"),
        Right::disks(Account, "Microsoft.Storage/storageAccounts/blobServices/read"),
        Right::disks(
            Account,
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
        ),
        Right::disks(
            Container,
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        ),
        Right::disks(
            Container,
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        ),
        Right::disks(
            Container,
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
        ),
    ]
};

/// The rights that are needed at a place.
pub fn rights_at(place: RightPlace) -> impl Iterator<Item = &'static Right> {
    RIGHTS.iter().filter(move |right| right.place == place)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_right_changes_or_deletes_what_custody_did_not_make() {
        for right in &RIGHTS {
            let name = right.action();
            let own_snapshot = name.starts_with("Microsoft.Compute/snapshots/");
            assert!(own_snapshot || !name.ends_with("/delete"), "{name}");
            let blob = name.contains("/containers/blobs/");
            assert!(own_snapshot || blob || !name.ends_with("/write"), "{name}");
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
