use std::fmt;

use serde::{Deserialize, Serialize};

/// Someone who may ask Entra or the metadata service for a token.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Identity {
    /// The application (client) id.
    pub client_id: String,
    /// The object id of its service principal; the `oid` of its tokens.
    pub object_id: String,
    /// Its secret, when it has one. Test data, and yet never printed.
    pub client_secret: Option<String>,
    /// Whether it may present a signed assertion (a certificate's, or a federated token's). The simulator checks the
    /// assertion's form, audience and life, not its signature.
    pub assertion: bool,
    /// Which managed identity of the host it is, if it is one.
    pub managed: Option<ManagedIdentity>,
    /// Its tenant; the first of the scenario when none is named.
    pub tenant: Option<String>,
    /// What it may do.
    pub roles: Vec<RoleGrant>,
}

/// How the metadata service knows an identity.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum ManagedIdentity {
    /// The machine's own: what it answers with when the caller names none.
    System,
    /// A user-assigned one, by its resource id.
    UserAssigned(String),
}

/// Actions that an identity may do at a scope and below it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RoleGrant {
    /// An ARM id, or `/` for everything.
    pub scope: String,
    /// Actions of the control plane; `*` stands for anything.
    pub actions: Vec<String>,
    /// Actions that are taken away again.
    pub not_actions: Vec<String>,
    /// Actions on data.
    pub data_actions: Vec<String>,
}

impl RoleGrant {
    /// Actions and data actions at a scope.
    #[must_use]
    pub fn new(scope: &str, actions: &[&str], data_actions: &[&str]) -> Self {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Self {
            scope: scope.into(),
            actions: owned(actions),
            not_actions: Vec::new(),
            data_actions: owned(data_actions),
        }
    }

    /// Everything, everywhere.
    #[must_use]
    pub fn everything() -> Self {
        Self::new("/", &["*"], &["*"])
    }

    /// The same without one action.
    #[must_use]
    pub fn without(mut self, action: &str) -> Self {
        self.not_actions.push(action.into());
        self
    }
}

impl Identity {
    /// An application with a secret.
    #[must_use]
    pub fn with_secret(client_id: &str, object_id: &str, secret: &str) -> Self {
        Self {
            client_id: client_id.into(),
            object_id: object_id.into(),
            client_secret: Some(secret.into()),
            ..Self::default()
        }
    }

    /// An identity of the host.
    #[must_use]
    pub fn managed(client_id: &str, object_id: &str, managed: ManagedIdentity) -> Self {
        Self {
            client_id: client_id.into(),
            object_id: object_id.into(),
            managed: Some(managed),
            ..Self::default()
        }
    }

    /// Adds what it may do.
    #[must_use]
    pub fn with_role(mut self, role: RoleGrant) -> Self {
        self.roles.push(role);
        self
    }

    /// Lets it present assertions.
    #[must_use]
    pub fn with_assertion(mut self) -> Self {
        self.assertion = true;
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("client_id", &self.client_id)
            .field("object_id", &self.object_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "***"))
            .field("assertion", &self.assertion)
            .field("managed", &self.managed)
            .field("tenant", &self.tenant)
            .field("roles", &self.roles)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_secret_is_not_printed() {
        let printed = format!("{:?}", Identity::with_secret("app", "object", "canary-secret"));
        assert!(!printed.contains("canary"), "{printed}");
    }
}
