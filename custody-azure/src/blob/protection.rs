use custody_core::port::{Protection, ProtectionKind};
use custody_core::{Error, Result};

use super::BlobStore;
use super::copy_scope;
use super::store::LogsHere;
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
            Ok(found) => {
                let protection = self.with_obstacles(claim(&found.value), &found.value);
                Ok(self.with_cautions(protection, &found.value))
            }
            Err(error) if matches!(error.meaning(), Error::PermissionDenied { .. }) => Ok(Protection::new(
                ProtectionKind::None,
                format!("what protects the container could not be read, so nothing is claimed: {error}"),
            )
            .with_observed("not readable", error.causes().join(": "))),
            Err(error) => Err(error),
        }
    }

    /// What of the account and the container stands against storing disks there.
    fn with_obstacles(&self, mut protection: Protection, found: &ContainerProtection) -> Protection {
        if found.hierarchical {
            // Source: Microsoft's documentation of Data Lake Storage's limits, as commonly known.
            protection = protection.with_obstacle(format!(
                "the storage account {} has a hierarchical namespace, in which there are no page blobs, so that no disk \
                 can be copied there: name an account without one; disk snapshots that were taken can be captured from \
                 with --snapshot",
                self.location.account.name()
            ));
        }
        if !found.appends && self.logs == LogsHere::Yes {
            protection = protection.with_obstacle(format!(
                "the container {} does not let append blobs grow, so that no log can lie beside the evidence: allow \
                 protected append writes of its policy (az storage container immutability-policy create \
                 --allow-protected-append-writes true; a policy that is locked can no longer be changed) and of its \
                 legal hold (az storage container legal-hold set --allow-protected-append-writes-all true), or name \
                 another container",
                self.location.container
            ));
        }
        protection
    }

    /// What of the account and the container is to be known before evidence is stored there.
    fn with_cautions(&self, mut protection: Protection, found: &ContainerProtection) -> Protection {
        let account = self.location.account.name();
        if let Some(caution) = copy_scope::caution(account, found.copy_scope.as_deref()) {
            protection = protection.with_caution(caution);
        }
        if found.version_level {
            // Source: MicrosoftDocs/azure-docs, immutable-version-level-worm-policies, read 2026-11-21.
            protection = protection.with_caution(format!(
                "the container {} protects versions of objects one by one (immutableStorageWithVersioning): whoever may \
                 write blobs can put a newer version over a sealed name, and verification reads the newest. What was sealed \
                 stays under the x-ms-version-id of its receipt in the manifest. Where there is a choice, take a container \
                 with a policy of its own",
                self.location.container
            ));
        }
        protection
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
        statement.push_str(". Append blobs cannot grow in it");
    }
    let policy = match &found.policy {
        PolicyState::Absent => "none".to_owned(),
        PolicyState::Unlocked { days } => format!("unlocked, {days} days"),
        PolicyState::Locked { days } => format!("locked, {days} days"),
    };
    let mut protection = Protection::new(kind, statement);
    protection.region.clone_from(&found.region);
    protection = protection
        .with_observed("immutabilityPolicy", policy)
        .with_observed("legalHold tags", found.holds.join(","))
        .with_observed("appends allowed", found.appends.to_string())
        .with_observed("immutableStorageWithVersioning", found.version_level.to_string());
    for (name, value) in &found.observed {
        protection = protection.with_observed(name, value);
    }
    protection
}
