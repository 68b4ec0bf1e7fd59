use custody_azure::arm::{
    ResourceGroup, ResourceId, Right, RightPlace, RightStep, RoleDefinition, rights_for,
};
use custody_azure::{VAULT_RIGHTS, VaultPlace, VaultPurpose, VaultRight};

use crate::azure::ConsistencyChoice;

/// Where rights are needed: what roles are made for and assigned at.
#[derive(Debug, Clone)]
pub(crate) struct RoleScopes {
    /// The resource groups of machines and their disks.
    pub(crate) sources: Vec<ResourceGroup>,
    /// The group in which disk snapshots are made; `None` where that is the machine's own.
    pub(crate) snapshots: Option<ResourceGroup>,
    pub(crate) account: ResourceId,
    pub(crate) container: String,
    /// Whether what is known of the machine is wanted beside its disks.
    pub(crate) records: MachineRecordRights,
    /// How disks are taken: rights are asked for all of these.
    pub(crate) consistencies: Vec<ConsistencyChoice>,
    /// Whether exports of disks that demand a sign-in are read.
    pub(crate) sign_in_exports: SignInExportRights,
    /// The vaults that the machines' disks name.
    pub(crate) owner_vaults: Vec<ResourceId>,
    /// The vault in which keys and digests are kept, where its resource is known.
    pub(crate) vault: Option<ResourceId>,
    /// Whether what is kept there is wrapped with a key of the vault.
    pub(crate) wrapping: WrappingRights,
}

/// Whether the rights that wrapping takes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrappingRights {
    Wanted,
    LeftOut,
}

/// Whether the right to read exports that demand a sign-in is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInExportRights {
    Wanted,
    LeftOut,
}

/// Whether the rights that only the machine's records need are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MachineRecordRights {
    Wanted,
    LeftOut,
}

/// A role that custody needs, and where it is assigned.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) definition: RoleDefinition,
    /// The ids of the scopes.
    pub(crate) assigned_at: Vec<String>,
    /// The names of the rights that it gives.
    pub(crate) rights: Vec<&'static str>,
}

impl RoleScopes {
    /// The rights of a place, as far as they are wanted.
    pub(crate) fn rights(&self, place: RightPlace) -> Vec<&'static Right> {
        rights_for(&self.steps())
            .filter(|right| right.place() == place)
            .collect()
    }

    /// The rights in a vault, as far as they are wanted.
    pub(crate) fn vault_rights(&self, place: VaultPlace) -> Vec<&'static VaultRight> {
        let wanted = |right: &&VaultRight| {
            right.place() == place
                && (right.purpose() != VaultPurpose::Wrapping || self.wrapping == WrappingRights::Wanted)
        };
        VAULT_RIGHTS.iter().filter(wanted).collect()
    }

    /// What will be done by the rights.
    fn steps(&self) -> Vec<RightStep> {
        let mut steps = vec![RightStep::Describing, RightStep::Storing];
        if self.records == MachineRecordRights::Wanted {
            steps.push(RightStep::Recording);
        }
        if self.consistencies.contains(&ConsistencyChoice::DiskSnapshots) {
            steps.extend([RightStep::DiskSnapshots, RightStep::SnapshotReading]);
        }
        if self.consistencies.contains(&ConsistencyChoice::RestorePoint) {
            steps.extend([RightStep::RestorePoint, RightStep::PointReading]);
        }
        if self.sign_in_exports == SignInExportRights::Wanted {
            steps.push(RightStep::SignedInReading);
        }
        steps
    }

    /// The groups in which disk snapshots may come to be.
    pub(crate) fn snapshot_groups(&self) -> Vec<ResourceGroup> {
        match &self.snapshots {
            Some(group) => vec![group.clone()],
            None => self.sources.clone(),
        }
    }

    /// The container's id.
    pub(crate) fn container_id(&self) -> String {
        format!(
            "{}/blobServices/default/containers/{}",
            self.account, self.container
        )
    }

    /// A role for each scope that rights are needed at, each with no more than what is needed there.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let account = self.account.name();
        let ids = |groups: &[ResourceGroup]| groups.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut roles = Vec::new();
        let mut source = self.rights(RightPlace::Source);
        let snapshots = self.rights(RightPlace::Snapshots);
        if self.snapshots.is_none() {
            source.extend(&snapshots);
        }
        if !self.sources.is_empty() {
            roles.push(Role::new(
                format!("Custody source for {account}"),
                "Captures disks of virtual machines: reads them, and makes, exports and deletes its own disk snapshots",
                source,
                ids(&self.sources),
                ids(&self.sources),
            ));
        }
        if let Some(group) = &self.snapshots {
            let at = ids(std::slice::from_ref(group));
            roles.push(Role::new(
                format!("Custody snapshots for {account}"),
                "Makes, exports and deletes disk snapshots while disks are captured",
                snapshots,
                at.clone(),
                at,
            ));
        }
        let store_group = ids(&[ResourceGroup::of(&self.account)]);
        roles.push(Role::new(
            format!("Custody store for {account}"),
            "Reads what protects the store of evidence",
            self.rights(RightPlace::Account),
            store_group.clone(),
            vec![self.account.to_string()],
        ));
        roles.push(Role::new(
            format!("Custody evidence for {account}"),
            "Stores evidence in a container and reads it back; cannot delete it or change what protects it",
            self.rights(RightPlace::Container),
            store_group,
            vec![self.container_id()],
        ));
        roles.extend(self.vault_roles());
        roles
    }

    fn vault_roles(&self) -> Vec<Role> {
        let account = self.account.name();
        let role = |name: String, description: &str, place, vaults: &[ResourceId]| {
            let rights = self.vault_rights(place);
            let mut groups: Vec<String> = vaults
                .iter()
                .map(|vault| ResourceGroup::of(vault).to_string())
                .collect();
            groups.sort();
            groups.dedup();
            Role {
                definition: RoleDefinition::in_vaults(name, description, rights.iter().copied(), groups),
                assigned_at: vaults.iter().map(ToString::to_string).collect(),
                rights: rights.iter().map(|right| right.action()).collect(),
            }
        };
        let mut roles = Vec::new();
        if !self.owner_vaults.is_empty() {
            roles.push(role(
                format!("Custody keys for {account}"),
                "Reads the keys of encrypted disks, and has wrapped ones unwrapped; cannot change or delete them",
                VaultPlace::Owners,
                &self.owner_vaults,
            ));
        }
        if let Some(vault) = &self.vault {
            roles.push(role(
                format!("Custody escrow for {account}"),
                "Keeps keys and digests in a vault and reads them back; cannot delete them",
                VaultPlace::Center,
                std::slice::from_ref(vault),
            ));
        }
        roles
    }
}

impl Role {
    fn new(
        name: String,
        description: &str,
        rights: Vec<&'static Right>,
        assignable: Vec<String>,
        assigned_at: Vec<String>,
    ) -> Self {
        Self {
            definition: RoleDefinition::new(name, description, rights.iter().copied(), assignable),
            assigned_at,
            rights: rights.into_iter().map(Right::action).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use custody_azure::arm::{RIGHTS, RoleAction};

    use super::*;

    fn scopes(snapshots: Option<ResourceGroup>) -> RoleScopes {
        RoleScopes {
            sources: vec!["/subscriptions/s/resourceGroups/prod".parse().unwrap()],
            snapshots,
            account: ResourceId::new("soc", "store", "Microsoft.Storage/storageAccounts", "socevidence")
                .unwrap(),
            container: "immutable".into(),
            records: MachineRecordRights::Wanted,
            consistencies: vec![ConsistencyChoice::DiskSnapshots, ConsistencyChoice::RestorePoint],
            sign_in_exports: SignInExportRights::Wanted,
            owner_vaults: Vec::new(),
            vault: None,
            wrapping: WrappingRights::LeftOut,
        }
    }

    #[test]
    fn the_roles_for_vaults_give_every_right_there_and_those_of_wrapping_only_where_it_is_done() {
        let vault =
            |group: &str, name: &str| ResourceId::new("s", group, "Microsoft.KeyVault/vaults", name).unwrap();
        for wrapping in [WrappingRights::Wanted, WrappingRights::LeftOut] {
            let keyed = RoleScopes {
                owner_vaults: vec![vault("prod", "a"), vault("prod", "b")],
                vault: Some(vault("soc", "c")),
                wrapping,
                ..scopes(None)
            };
            let roles = keyed.vault_roles();
            let [owners, center] = roles.as_slice() else {
                panic!("{roles:?}")
            };
            assert_eq!(owners.assigned_at.len(), 2);
            assert_eq!(
                owners.definition.assignable_scopes,
                ["/subscriptions/s/resourceGroups/prod"]
            );
            assert_eq!(center.assigned_at, [vault("soc", "c").to_string()]);
            for (role, place) in [(owners, VaultPlace::Owners), (center, VaultPlace::Center)] {
                for right in VAULT_RIGHTS.iter().filter(|right| right.place() == place) {
                    let wanted =
                        wrapping == WrappingRights::Wanted || right.purpose() != VaultPurpose::Wrapping;
                    let definition = &role.definition;
                    let given = definition.actions.iter().chain(&definition.data_actions);
                    assert_eq!(
                        given.filter(|one| **one == right.action()).count() == 1,
                        wanted,
                        "{right:?}"
                    );
                }
                assert!(
                    role.definition
                        .actions
                        .iter()
                        .all(|one| *one == "Microsoft.KeyVault/vaults/read")
                );
            }
        }
        assert!(scopes(None).vault_roles().is_empty());
    }

    #[test]
    fn the_roles_together_give_every_right_once_and_blobs_at_the_container_alone() {
        for snapshots in [None, Some(ResourceGroup::new("s", "snaps").unwrap())] {
            let roles = scopes(snapshots).roles();
            let mut given: Vec<&str> = Vec::new();
            for role in &roles {
                let definition = &role.definition;
                given.extend(definition.actions.iter().chain(&definition.data_actions));
                let on_blobs = definition.data_actions.iter().any(|one| one.contains("/blobs/"));
                if on_blobs {
                    assert!(definition.actions.is_empty(), "{definition:?}");
                    assert!(
                        role.assigned_at
                            .iter()
                            .all(|at| at.ends_with("/containers/immutable"))
                    );
                }
                for right in RIGHTS
                    .iter()
                    .filter(|right| role.rights.contains(&right.action()))
                {
                    let on_data = matches!(right.role_action(), RoleAction::Data(_));
                    assert_eq!(definition.data_actions.contains(&right.action()), on_data);
                }
            }
            given.sort_unstable();
            let mut all: Vec<&str> = RIGHTS.iter().map(Right::action).collect();
            all.sort_unstable();
            assert_eq!(given, all);
        }
    }

    #[test]
    fn rights_on_snapshots_are_given_nowhere_but_where_they_are_made() {
        let apart = scopes(Some(ResourceGroup::new("s", "snaps").unwrap()));
        for role in apart.roles() {
            let on_snapshots = role
                .definition
                .actions
                .iter()
                .any(|action| action.contains("/snapshots/"));
            assert_eq!(
                on_snapshots,
                role.assigned_at == ["/subscriptions/s/resourceGroups/snaps"],
                "{role:?}"
            );
        }
    }

    #[test]
    fn records_of_the_machine_can_be_left_out() {
        let disks_only = RoleScopes {
            records: MachineRecordRights::LeftOut,
            ..scopes(None)
        };
        let roles = disks_only.roles();
        let source = &roles.first().unwrap().definition.actions;
        assert!(!source.contains(&"Microsoft.Network/networkInterfaces/read"));
        assert!(source.contains(&"Microsoft.Compute/disks/read"));
    }

    #[test]
    fn nobody_is_asked_for_the_rights_of_what_is_not_done() {
        let snapshots_only = RoleScopes {
            consistencies: vec![ConsistencyChoice::DiskSnapshots],
            sign_in_exports: SignInExportRights::LeftOut,
            ..scopes(None)
        };
        let points_only = RoleScopes {
            consistencies: vec![ConsistencyChoice::RestorePoint],
            ..snapshots_only.clone()
        };
        let given = |scopes: &RoleScopes| -> Vec<&str> {
            let roles = scopes.roles();
            let definitions = roles.iter().map(|role| &role.definition);
            definitions
                .flat_map(|one| one.actions.iter().chain(&one.data_actions).copied())
                .collect()
        };
        let any = |given: &[&str], part: &str| given.iter().any(|action| action.contains(part));
        let (snapshots, points) = (given(&snapshots_only), given(&points_only));
        assert!(
            any(&snapshots, "/snapshots/") && !any(&snapshots, "restorePoint"),
            "{snapshots:?}"
        );
        assert!(
            any(&points, "/restorePoints/") && !any(&points, "/snapshots/"),
            "{points:?}"
        );
        assert!(!any(&snapshots, "/download/") && !any(&points, "/disks/beginGetAccess"));
    }
}
