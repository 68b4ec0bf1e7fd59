use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use custody_core::port::{Machine, RightNeed, Rights, RightsFinding};
use custody_core::{Error, Result};
use futures::future::join_all;
use serde::Deserialize;

use super::action::{
    GET_SECRET, LIST_SECRETS, READ_KEY, READ_VAULT, SET_SECRET, UNWRAP_KEY, WRAP_KEY, name_of,
};
use super::encryption_settings::{MACHINE_SETTINGS, SETTINGS, Told, keys, read};
use super::location::VaultLocation;
use crate::arm::{Arm, ResourceId, RoleAction};

/// The version of the vaults' resource provider that is spoken.
const VAULT_VERSION: (&str, &str) = ("api-version", "2023-07-01");

/// Whose vault a right is needed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever assigns roles decides on every place"
)]
pub enum VaultPlace {
    /// The vaults of the machine's owners, which its disks name.
    Owners,
    /// The vault of the security operations center.
    Center,
}

/// A right in vaults, and where it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultRight {
    place: VaultPlace,
    action: &'static str,
}

impl VaultRight {
    const fn new(place: VaultPlace, action: &'static str) -> Self {
        Self { place, action }
    }

    /// In whose vault.
    #[must_use]
    pub const fn place(&self) -> VaultPlace {
        self.place
    }

    /// Its name in role definitions: a right on data, but for that to look at the vault.
    #[must_use]
    pub fn action(&self) -> &'static str {
        name_of(self.action)
    }

    /// As a question to the Resource Manager.
    #[must_use]
    pub fn role_action(&self) -> RoleAction {
        if self.action == READ_VAULT {
            return RoleAction::Control(self.action.into());
        }
        RoleAction::Data(self.action().into())
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> VaultPurpose {
        match (self.place, self.action) {
            (_, READ_VAULT) => VaultPurpose::Checking,
            (VaultPlace::Center, WRAP_KEY | READ_KEY) => VaultPurpose::Wrapping,
            _ => VaultPurpose::Keeping,
        }
    }

    /// Which of these rights role assignments do not give at a vault.
    ///
    /// # Errors
    /// [`Error::Refused`] for a vault in which access policies decide; otherwise the service's, when it cannot be told.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn missing_at(
        arm: &Arm,
        vault: &ResourceId,
        rights: &[&'static Self],
    ) -> Result<Vec<&'static Self>> {
        let asked: Vec<RoleAction> = rights.iter().map(|right| right.role_action()).collect();
        let missing = missing(arm, vault.as_str(), &asked).await?;
        let lacks = |right: &&&'static Self| missing.contains(&right.role_action());
        Ok(rights.iter().filter(lacks).copied().collect())
    }
}

/// What a right in a vault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever assigns roles decides on every purpose"
)]
pub enum VaultPurpose {
    /// Keys and digests are taken and kept.
    Keeping,
    /// What is kept is wrapped with a key of the vault.
    Wrapping,
    /// It is looked at whether role assignments decide in the vault, so that rights can be told beforehand.
    Checking,
}

/// Every right in vaults that keys and digests take.
///
/// The built-in roles *Key Vault Secrets User* and *Key Vault Crypto User* have those at the owners' vaults, *Key Vault
/// Secrets Officer* and *Key Vault Crypto User* those at the center's; they have more than these. To read a key gives its
/// public part, which is recorded; without it the record says that it was not read.
pub const VAULT_RIGHTS: [VaultRight; 10] = {
    use VaultPlace::{Center, Owners};
    [
        VaultRight::new(Owners, GET_SECRET),
        VaultRight::new(Owners, UNWRAP_KEY),
        VaultRight::new(Owners, READ_KEY),
        VaultRight::new(Owners, READ_VAULT),
        VaultRight::new(Center, GET_SECRET),
        VaultRight::new(Center, SET_SECRET),
        VaultRight::new(Center, LIST_SECRETS),
        VaultRight::new(Center, WRAP_KEY),
        VaultRight::new(Center, READ_KEY),
        VaultRight::new(Center, READ_VAULT),
    ]
};

/// What the identities of a capture may do in vaults, as far as role assignments tell: in those that the machine's
/// disks name, and in the center's own.
///
/// In a vault that access policies decide in, role assignments tell nothing: then nothing is told.
#[derive(Debug, Clone)]
pub struct VaultRights {
    source: Arm,
    store: Arm,
    vault: Option<VaultLocation>,
    wraps: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct VaultAnswer {
    properties: VaultProperties,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VaultProperties {
    enable_rbac_authorization: Option<bool>,
}

impl VaultRights {
    /// For keys from the vaults that the disks of this Resource Manager name.
    #[must_use]
    pub fn new(source: Arm) -> Self {
        Self {
            store: source.clone(),
            source,
            vault: None,
            wraps: false,
        }
    }

    /// Adds the center's vault, as the keeper's identity sees it.
    #[must_use]
    pub fn with_vault(mut self, store: Arm, vault: VaultLocation) -> Self {
        (self.store, self.vault) = (store, Some(vault));
        self
    }

    /// Adds that keys are wrapped with a key of that vault.
    #[must_use]
    pub const fn with_wrapping(mut self) -> Self {
        self.wraps = true;
        self
    }

    /// By vault, what the machine's keys need there.
    fn at_owners(machine: &Machine) -> BTreeMap<String, Vec<&'static str>> {
        let mut needed: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        let mut add = |vault: Option<&String>, action| {
            let id = vault.and_then(|vault| vault.parse::<ResourceId>().ok());
            let id = id.filter(|id| id.kind() == "microsoft.keyvault/vaults");
            let actions = id.map(|id| needed.entry(id.to_string()).or_default());
            if let Some(actions) = actions.filter(|actions| !actions.contains(&action)) {
                actions.push(action);
            }
        };
        for disk in &machine.disks {
            let told = [SETTINGS, MACHINE_SETTINGS].map(|name| read(&disk.attributes, name));
            let named = told.into_iter().find_map(|told| match told {
                Told::Settings(settings) => Some(settings),
                Told::Nothing | Told::Not(_) => None,
            });
            let named = named.filter(|settings| settings.enabled);
            for key in named.map(|settings| keys(&settings, "").keys).unwrap_or_default() {
                add(key.attributes.get("diskEncryptionKey sourceVault"), GET_SECRET);
                add(key.attributes.get("keyEncryptionKey sourceVault"), UNWRAP_KEY);
            }
        }
        needed
    }

    /// What the settings of disks do not tell.
    fn untold(machine: &Machine) -> Vec<RightsFinding> {
        let mut untold = Vec::new();
        for disk in &machine.disks {
            let mut unchecked = |reason| {
                untold.push(RightsFinding::Unchecked {
                    scope: format!("the vaults that disk {} names", disk.name),
                    reason,
                });
            };
            for name in [SETTINGS, MACHINE_SETTINGS] {
                match read(&disk.attributes, name) {
                    Told::Not(why) => unchecked(why),
                    Told::Settings(settings) if settings.enabled => {
                        keys(&settings, "").reasons().into_iter().for_each(&mut unchecked);
                    }
                    Told::Settings(_) | Told::Nothing => {}
                }
            }
        }
        untold
    }

    fn at_center(&self) -> Vec<&'static str> {
        let wrapping: &[&str] = if self.wraps { &[WRAP_KEY] } else { &[] };
        [&[GET_SECRET, SET_SECRET, LIST_SECRETS], wrapping].concat()
    }
}

async fn missing(arm: &Arm, vault: &str, actions: &[RoleAction]) -> Result<Vec<RoleAction>> {
    let answer = arm.fetch(vault, &[VAULT_VERSION], READ_VAULT).await?;
    let told: VaultAnswer = serde_json::from_slice(&answer.body).unwrap_or_default();
    if told.properties.enable_rbac_authorization != Some(true) {
        return Err(Error::Refused {
            object: vault.to_owned(),
            reason: "its access policies decide, of which role assignments tell nothing".into(),
        });
    }
    arm.missing_at(vault, actions).await
}

async fn check(arm: &Arm, vault: String, actions: Vec<&'static str>) -> Vec<RightsFinding> {
    let asked: Vec<RoleAction> = actions
        .iter()
        .map(|action| RoleAction::Data(name_of(action).into()))
        .collect();
    match missing(arm, &vault, &asked).await {
        Ok(missing) => {
            let lacking = missing.into_iter().map(|right| RightsFinding::Missing {
                scope: vault.clone(),
                right: right.to_string(),
                need: RightNeed::ToCapture,
            });
            lacking.collect()
        }
        Err(error) => {
            let mut reason = error.to_string();
            for cause in error.causes() {
                reason = format!("{reason}: {cause}");
            }
            vec![RightsFinding::Unchecked { scope: vault, reason }]
        }
    }
}

#[async_trait]
impl Rights for VaultRights {
    async fn check(&self, machine: &Machine) -> Vec<RightsFinding> {
        let owners = Self::at_owners(machine).into_iter();
        let mut found: Vec<RightsFinding> =
            join_all(owners.map(|(vault, actions)| check(&self.source, vault, actions)))
                .await
                .concat();
        found.extend(Self::untold(machine));
        match self.vault.as_ref().map(|vault| (vault, vault.resource())) {
            None => {}
            Some((_, Some(id))) => found.extend(check(&self.store, id.to_string(), self.at_center()).await),
            Some((vault, None)) => found.push(RightsFinding::Unchecked {
                scope: vault.to_string(),
                reason: "its resource id is not told, and rights are asked for by it".into(),
            }),
        }
        found
    }
}

impl fmt::Display for VaultRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Azure role assignments in key vaults")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_guide_names_these_rights_and_no_others() {
        let guide = include_str!("../../../docs/azure.md");
        let words = guide.split('`').skip(1).step_by(2);
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("vaults/")).collect();
        let listed = VAULT_RIGHTS.iter().map(|right| right.action());
        let listed: BTreeSet<&str> = listed
            .filter_map(|action| action.strip_prefix("Microsoft.KeyVault/"))
            .collect();
        assert_eq!(named, listed);
    }

    #[test]
    fn no_right_deletes_purges_or_changes_who_may() {
        for right in &VAULT_RIGHTS {
            for word in ["delete", "purge", "write", "*", "backup", "restore"] {
                assert!(!right.action().contains(word), "{}", right.action());
            }
        }
    }
}
