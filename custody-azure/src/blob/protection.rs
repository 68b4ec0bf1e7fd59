use custody_core::port::{Protection, ProtectionKind};
use custody_core::{Error, Result};

use super::BlobStore;
use crate::arm::{ContainerProtection, PolicyState};

impl BlobStore {
    /// What protects the container's objects, as the Resource Manager tells now. Where the identity may not read it,
    /// nothing is claimed, and the record says why.
    pub(super) async fn container_protection(&self) -> Result<Protection> {
        let read = self
            .arm
            .container_protection(&self.location.account, &self.location.container)
            .await;
        match read {
            Ok(found) => Ok(claim(&found.value)),
            Err(error) if matches!(error.meaning(), Error::PermissionDenied { .. }) => Ok(Protection::new(
                ProtectionKind::None,
                format!("what protects the container could not be read, so nothing is claimed: {error}"),
            )
            .with_observed("not readable", error.causes().join(": "))),
            Err(error) => Err(error),
        }
    }
}

fn claim(found: &ContainerProtection) -> Protection {
    let held = !found.holds.is_empty();
    let (kind, mut statement) = match (&found.policy, held) {
        (PolicyState::Locked { days }, _) => (
            ProtectionKind::LockedRetention,
            format!(
                "a locked policy keeps each object for {days} days from its creation; nobody can shorten it"
            ),
        ),
        (_, true) => (
            ProtectionKind::LegalHold,
            "a legal hold is on the container; whoever may set it may clear it".to_owned(),
        ),
        (PolicyState::Unlocked { days }, false) => (
            ProtectionKind::UnlockedRetention,
            format!(
                "a policy of {days} days is there and not locked: it can be taken away, and the account with it; count it as no protection"
            ),
        ),
        (PolicyState::Absent, false) => (
            ProtectionKind::None,
            "neither a retention policy nor a legal hold is on the container".to_owned(),
        ),
    };
    if held && kind == ProtectionKind::LockedRetention {
        statement.push_str(". A legal hold is on it too");
    }
    if !found.appends {
        statement.push_str(". Append blobs cannot grow in it: anchor logs in another container");
    }
    let policy = match &found.policy {
        PolicyState::Absent => "none".to_owned(),
        PolicyState::Unlocked { days } => format!("unlocked, {days} days"),
        PolicyState::Locked { days } => format!("locked, {days} days"),
    };
    let mut protection = Protection::new(kind, statement)
        .with_observed("immutabilityPolicy", policy)
        .with_observed("legalHold tags", found.holds.join(","))
        .with_observed("appends allowed", found.appends.to_string())
        .with_observed("immutableStorageWithVersioning", found.version_level.to_string());
    for (name, value) in &found.observed {
        protection = protection.with_observed(name, value);
    }
    protection
}
