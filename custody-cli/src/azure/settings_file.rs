use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use custody_azure::arm::ResourceId;
use custody_azure::{Cloud, CloudEndpoints, Consistency, Identity, ManagedIdentity, SnapshotNetwork};
use custody_core::Error;
use custody_core::port::ProtectionKind;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::printable;

/// A team's standing settings: `custody.toml`. It holds names, ids and paths, never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingsFile {
    pub(crate) azure: AzureSettings,
}

/// What a file says of Azure. What it leaves out, flags or the environment say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AzureSettings {
    pub(crate) cloud: Option<CloudChoice>,
    pub(crate) identity: Option<IdentityChoice>,
    pub(crate) store: StoreSettings,
    pub(crate) snapshots: SnapshotSettings,
    pub(crate) vault: Option<VaultPlace>,
}

/// The security team's key vault, in which keys and digests are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VaultPlace {
    pub(crate) address: String,
    /// Its resource, at which rights can be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<ResourceId>,
    /// The key of it that wraps what is kept there; without one keys are kept in the form of Microsoft's runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wrapping_key: Option<String>,
}

/// Where evidence is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StoreSettings {
    pub(crate) account: Option<ResourceId>,
    pub(crate) container: Option<String>,
    pub(crate) protection: Option<ProtectionKind>,
    pub(crate) allow_other_region: bool,
}

/// Where disk snapshots are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SnapshotSettings {
    pub(crate) subscription: Option<String>,
    pub(crate) resource_group: Option<String>,
    pub(crate) network: Option<NetworkChoice>,
    pub(crate) consistency: Option<ConsistencyChoice>,
    /// The longest that access to a disk snapshot is asked for.
    pub(crate) grant_days: Option<u32>,
}

/// Which cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum CloudChoice {
    Named(NamedCloud),
    Custom(Box<CustomCloud>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NamedCloud {
    /// Azure
    Public,
    /// Azure Government
    Government,
    /// Azure in China, operated by 21Vianet
    China,
}

/// A cloud that is none of Microsoft's three: Azure Stack, a simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CustomCloud {
    name: String,
    authority: String,
    manager: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager_audience: Option<String>,
    /// With `{account}` for the storage account's name.
    blob: String,
    blob_hosts: Vec<String>,
    export_hosts: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vault_hosts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vault_audience: Option<String>,
}

/// As whom custody asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum IdentityChoice {
    ManagedIdentity {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
    },
    WorkloadIdentity {
        tenant: String,
        client: String,
        file: PathBuf,
    },
    ClientSecret {
        tenant: String,
        client: String,
        file: PathBuf,
    },
    ClientAssertion {
        tenant: String,
        client: String,
        file: PathBuf,
    },
    AzureCli {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
    },
}

/// From where disk snapshots can be exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NetworkChoice {
    #[default]
    AsTheDisk,
    AllowAll,
    Private(ResourceId),
}

/// How the instants of a machine's disks lie to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ConsistencyChoice {
    /// A disk snapshot of each disk, requested together
    #[default]
    DiskSnapshots,
    /// One crash-consistent restore point of all disks; refused where the machine does not support it
    RestorePoint,
}

impl SettingsFile {
    /// Reads a file that was named.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = format!("settings file {}", printable::path(path));
        let text = fs::read_to_string(path).map_err(|error| Failure::system(&shown, "read", error))?;
        Self::of_text(path, &text)
    }

    /// Reads what a file holds.
    pub(crate) fn of_text(path: &Path, text: &str) -> Result<Self, Failure> {
        let shown = format!("settings file {}", printable::path(path));
        toml::from_str(text).map_err(|error| {
            let place = error
                .span()
                .map(|span| format!("line {}: ", line_of(text, span.start)))
                .unwrap_or_default();
            Error::malformed(shown, format!("{place}{}", error.message())).into()
        })
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl CloudChoice {
    pub(crate) const PUBLIC: Self = Self::Named(NamedCloud::Public);

    pub(crate) fn cloud(&self) -> Result<Arc<Cloud>, Error> {
        let cloud = match self {
            Self::Named(NamedCloud::Public) => Cloud::public(),
            Self::Named(NamedCloud::Government) => Cloud::government(),
            Self::Named(NamedCloud::China) => Cloud::china(),
            Self::Custom(custom) => Cloud::from_endpoints(custom.endpoints()),
        };
        cloud.map(Arc::new)
    }
}

impl CustomCloud {
    fn endpoints(&self) -> CloudEndpoints {
        let mut endpoints = CloudEndpoints::new(&self.name, &self.authority, &self.manager, &self.blob);
        if let Some(audience) = &self.manager_audience {
            endpoints.manager_audience.clone_from(audience);
        }
        endpoints.blob_hosts.clone_from(&self.blob_hosts);
        endpoints.export_hosts.clone_from(&self.export_hosts);
        endpoints.vault_hosts.clone_from(&self.vault_hosts);
        if let Some(audience) = &self.vault_audience {
            endpoints.vault_audience.clone_from(audience);
        }
        endpoints
    }
}

impl IdentityChoice {
    pub(crate) fn identity(&self) -> Identity {
        match self.clone() {
            Self::ManagedIdentity { client: None } => Identity::ManagedIdentity(ManagedIdentity::System),
            Self::ManagedIdentity { client: Some(client) } => {
                Identity::ManagedIdentity(ManagedIdentity::Client(client))
            }
            Self::WorkloadIdentity { tenant, client, file } => Identity::WorkloadIdentity {
                tenant,
                client,
                token_file: file,
            },
            Self::ClientSecret { tenant, client, file } => Identity::ClientSecret {
                tenant,
                client,
                secret_file: file,
            },
            Self::ClientAssertion { tenant, client, file } => Identity::ClientAssertion {
                tenant,
                client,
                assertion_file: file,
            },
            Self::AzureCli { tenant } => Identity::AzureCli { tenant },
        }
    }
}

impl ConsistencyChoice {
    pub(crate) const fn consistency(self) -> Consistency {
        match self {
            Self::DiskSnapshots => Consistency::DiskSnapshots,
            Self::RestorePoint => Consistency::RestorePoint,
        }
    }

    /// What is said when nothing is.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if passes a reference"
    )]
    pub(crate) const fn is_default(&self) -> bool {
        matches!(self, Self::DiskSnapshots)
    }
}

impl NetworkChoice {
    pub(crate) fn network(&self) -> SnapshotNetwork {
        match self {
            Self::AsTheDisk => SnapshotNetwork::AsTheDisk,
            Self::AllowAll => SnapshotNetwork::AllowAll,
            Self::Private(disk_access) => SnapshotNetwork::Private {
                disk_access: disk_access.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_in_the_guide_is_understood() {
        let example = include_str!("../../../docs/custody.example.toml");
        let read: SettingsFile = toml::from_str(example).unwrap();
        let azure = read.azure;
        assert_eq!(azure.cloud, Some(CloudChoice::PUBLIC));
        assert_eq!(
            azure.identity,
            Some(IdentityChoice::ManagedIdentity { client: None })
        );
        assert_eq!(azure.store.container.as_deref(), Some("immutable"));
        assert_eq!(azure.store.protection, Some(ProtectionKind::LockedRetention));
        assert_eq!(
            azure.snapshots.consistency,
            Some(ConsistencyChoice::DiskSnapshots)
        );
    }

    #[test]
    fn a_member_that_is_not_known_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("custody.toml");
        fs::write(&path, "[azure]\ncloud = \"public\"\nsecret = \"x\"\n").unwrap();
        let text = format!("{:?}", SettingsFile::read(&path).unwrap_err());
        assert!(text.contains("line 3") && text.contains("secret"), "{text}");
    }
}
