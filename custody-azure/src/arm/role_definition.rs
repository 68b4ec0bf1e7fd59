use serde::Serialize;

use super::{Right, RoleAction};
use crate::VaultRight;

/// A custom role, in the form that `az role definition create --role-definition` takes.
///
/// Source: Microsoft's "Understand Azure role definitions", the form of Azure PowerShell and the CLI's input; read
/// 2026-11-28.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct RoleDefinition {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Always true.
    pub is_custom: CustomRole,
    /// What it is for.
    pub description: String,
    /// Rights at the Resource Manager.
    pub actions: Vec<&'static str>,
    /// What it takes out of these: nothing.
    pub not_actions: Vec<&'static str>,
    /// Rights on data.
    pub data_actions: Vec<&'static str>,
    /// What it takes out of these: nothing.
    pub not_data_actions: Vec<&'static str>,
    /// Where it may be assigned: subscriptions or resource groups, by id.
    pub assignable_scopes: Vec<String>,
}

/// The mark of a custom role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(into = "bool")]
#[non_exhaustive]
pub struct CustomRole;

impl From<CustomRole> for bool {
    fn from(_: CustomRole) -> Self {
        true
    }
}

impl RoleDefinition {
    /// A role that gives these rights and nothing else.
    pub fn new<'a>(
        name: impl Into<String>,
        description: impl Into<String>,
        rights: impl IntoIterator<Item = &'a Right>,
        assignable_scopes: Vec<String>,
    ) -> Self {
        let rights = rights
            .into_iter()
            .map(|right| (right.role_action(), right.action()));
        Self::of_actions(name.into(), description, rights, assignable_scopes)
    }

    /// A role that gives these rights in vaults and nothing else.
    pub fn in_vaults<'a>(
        name: impl Into<String>,
        description: impl Into<String>,
        rights: impl IntoIterator<Item = &'a VaultRight>,
        assignable_scopes: Vec<String>,
    ) -> Self {
        let rights = rights
            .into_iter()
            .map(|right| (right.role_action(), right.action()));
        Self::of_actions(name.into(), description, rights, assignable_scopes)
    }

    fn of_actions(
        name: String,
        description: impl Into<String>,
        rights: impl Iterator<Item = (RoleAction, &'static str)>,
        assignable_scopes: Vec<String>,
    ) -> Self {
        let mut role = Self {
            name,
            is_custom: CustomRole,
            description: description.into(),
            actions: Vec::new(),
            not_actions: Vec::new(),
            data_actions: Vec::new(),
            not_data_actions: Vec::new(),
            assignable_scopes,
        };
        for (kind, action) in rights {
            match kind {
                RoleAction::Data(_) => role.data_actions.push(action),
                RoleAction::Control(_) => role.actions.push(action),
            }
        }
        role
    }
}
