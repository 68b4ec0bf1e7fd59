use std::fmt;

use custody_core::Result;
use serde::Deserialize;

use super::client::Arm;
use super::{ResourceGroup, ResourceId};

/// A right, by its name in role definitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "rights are of these two kinds")]
pub enum RoleAction {
    /// A right at the Resource Manager: `Microsoft.Compute/snapshots/write`.
    Control(String),
    /// A right on data: `Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read`.
    Data(String),
}

impl fmt::Display for RoleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(action) | Self::Data(action) => f.write_str(action),
        }
    }
}

/// The rights of a list that are not held at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingActions {
    /// The scope.
    pub scope: ResourceId,
    /// The rights.
    pub missing: Vec<RoleAction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Permission {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Permission {
    fn grants(&self, action: &RoleAction) -> bool {
        let (yes, no, name) = match action {
            RoleAction::Control(name) => (&self.actions, &self.not_actions, name),
            RoleAction::Data(name) => (&self.data_actions, &self.not_data_actions, name),
        };
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        any(yes) && !any(no)
    }
}

impl Arm {
    /// Which of these rights the identity does not hold at the scope. Changes nothing.
    ///
    /// It tells what role assignments give; a deny assignment, a policy or a lock can still refuse.
    ///
    /// # Errors
    /// The service's, when it cannot be told.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn missing_actions(&self, scope: &ResourceId, needed: &[RoleAction]) -> Result<MissingActions> {
        Ok(MissingActions {
            scope: scope.clone(),
            missing: self.missing_at(scope.as_str(), needed).await?,
        })
    }

    /// Which of these rights the identity does not hold in a whole resource group; as
    /// [`missing_actions`](Self::missing_actions).
    ///
    /// # Errors
    /// The service's, when it cannot be told.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn missing_in_group(
        &self,
        group: &ResourceGroup,
        needed: &[RoleAction],
    ) -> Result<Vec<RoleAction>> {
        self.missing_at(&group.to_string(), needed).await
    }

    /// As [`missing_actions`](Self::missing_actions), at any scope: a resource group has one too.
    pub(crate) async fn missing_at(&self, scope: &str, needed: &[RoleAction]) -> Result<Vec<RoleAction>> {
        let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
        let held: Vec<Permission> = self
            .list(
                &path,
                &[("api-version", "2022-04-01")],
                "Microsoft.Authorization/permissions/read",
            )
            .await?;
        // A right that one role takes out is still held when another role gives it.
        let missing = needed
            .iter()
            .filter(|action| !held.iter().any(|permission| permission.grants(action)));
        Ok(missing.cloned().collect())
    }
}

/// Whether a pattern of a role definition covers a right: `*` stands for anything, `/` included; case does not count.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_roles_cover_what_they_say() {
        let write = "Microsoft.Compute/snapshots/write";
        for pattern in [
            "*",
            "Microsoft.Compute/*",
            "*/write",
            "microsoft.compute/SNAPSHOTS/write",
            "Microsoft.*/snapshots/*",
        ] {
            assert!(matches(pattern, write), "{pattern}");
        }
        for pattern in [
            "",
            "*/read",
            "Microsoft.Compute/disks/*",
            "Microsoft.Compute/snapshots",
            "*/write/*",
        ] {
            assert!(!matches(pattern, write), "{pattern}");
        }
    }

    #[test]
    fn what_a_role_takes_out_it_does_not_give() {
        let permission = Permission {
            actions: vec!["*".into()],
            not_actions: vec!["Microsoft.Compute/snapshots/delete".into()],
            ..Permission::default()
        };
        let control = |name: &str| RoleAction::Control(name.into());
        assert!(permission.grants(&control("Microsoft.Compute/snapshots/write")));
        assert!(!permission.grants(&control("Microsoft.Compute/snapshots/delete")));
        assert!(!permission.grants(&RoleAction::Data("Microsoft.Compute/snapshots/write".into())));
    }
}
