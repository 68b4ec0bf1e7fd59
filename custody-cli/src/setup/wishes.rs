use std::path::{Path, PathBuf};

use clap::ValueEnum;
use custody_azure::arm::ResourceId;
use toml_edit::{InlineTable, Value};

use super::settings_document::SettingsDocument;
use crate::azure::{ConsistencyChoice, IdentityChoice, NamedCloud, NetworkChoice, Protection};
use crate::failure::Failure;
use crate::local_ports::absolute;
use crate::printable;

/// How custody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdentityKind {
    /// The managed identity of the Azure machine that custody runs on
    ManagedIdentity,
    /// A Kubernetes service account that Entra trusts: --tenant, --client, --identity-file with its token
    WorkloadIdentity,
    /// An application with a secret: --tenant, --client, --identity-file with the secret
    ClientSecret,
    /// An application with a signed assertion that somebody renews: --tenant, --client, --identity-file
    ClientAssertion,
    /// Whoever is signed in to the Azure CLI on this host
    AzureCli,
}

impl IdentityKind {
    /// As the settings file has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "managed-identity",
            Self::WorkloadIdentity => "workload-identity",
            Self::ClientSecret => "client-secret",
            Self::ClientAssertion => "client-assertion",
            Self::AzureCli => "azure-cli",
        }
    }

    /// Whether a file belongs to it, and with it a tenant and an application.
    pub(crate) const fn has_file(self) -> bool {
        matches!(
            self,
            Self::WorkloadIdentity | Self::ClientSecret | Self::ClientAssertion
        )
    }
}

/// An identity, as far as somebody has spoken of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IdentityWish {
    pub(crate) kind: Option<IdentityKind>,
    pub(crate) tenant: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) file: Option<PathBuf>,
}

impl IdentityWish {
    /// What a settings file says.
    pub(crate) fn standing(choice: &IdentityChoice) -> Self {
        let of = |kind| Self {
            kind: Some(kind),
            ..Self::default()
        };
        match choice.clone() {
            IdentityChoice::ManagedIdentity { client } => Self {
                client,
                ..of(IdentityKind::ManagedIdentity)
            },
            IdentityChoice::AzureCli { tenant } => Self {
                tenant,
                ..of(IdentityKind::AzureCli)
            },
            IdentityChoice::WorkloadIdentity { tenant, client, file } => {
                Self::with_file(IdentityKind::WorkloadIdentity, tenant, client, file)
            }
            IdentityChoice::ClientSecret { tenant, client, file } => {
                Self::with_file(IdentityKind::ClientSecret, tenant, client, file)
            }
            IdentityChoice::ClientAssertion { tenant, client, file } => {
                Self::with_file(IdentityKind::ClientAssertion, tenant, client, file)
            }
        }
    }

    const fn with_file(kind: IdentityKind, tenant: String, client: String, file: PathBuf) -> Self {
        Self {
            kind: Some(kind),
            tenant: Some(tenant),
            client: Some(client),
            file: Some(file),
        }
    }

    pub(crate) const fn is_silent(&self) -> bool {
        self.kind.is_none() && self.tenant.is_none() && self.client.is_none() && self.file.is_none()
    }

    /// This, and what stands for the rest, as long as the kind stays the same.
    pub(crate) fn over(self, standing: &Self) -> Self {
        if self.kind.is_some() && self.kind != standing.kind {
            return self;
        }
        Self {
            kind: self.kind.or(standing.kind),
            tenant: self.tenant.or_else(|| standing.tenant.clone()),
            client: self.client.or_else(|| standing.client.clone()),
            file: self.file.or_else(|| standing.file.clone()),
        }
    }

    /// Whether every part that the kind needs is there, and no other.
    pub(crate) fn check(&self) -> Result<IdentityKind, Failure> {
        let kind = self.kind.ok_or_else(|| {
            Failure::usage("it is not said as whom the cloud is to be asked")
                .with_next("give --identity KIND; it is never guessed")
        })?;
        let word = kind.word();
        let missing =
            |flag: &str| Failure::usage(format!("{word} needs {flag}")).with_next(format!("give {flag}"));
        let surplus = |flag: &str| {
            Failure::usage(format!("{flag} does not go with {word}")).with_next(format!("leave {flag} out"))
        };
        if kind.has_file() {
            if self.tenant.is_none() {
                return Err(missing("--tenant ID"));
            }
            if self.client.is_none() {
                return Err(missing("--client ID"));
            }
            if self.file.is_none() {
                return Err(missing("--identity-file FILE"));
            }
        } else {
            if self.file.is_some() {
                return Err(surplus("--identity-file"));
            }
            if self.tenant.is_some() && kind == IdentityKind::ManagedIdentity {
                return Err(surplus("--tenant"));
            }
            if self.client.is_some() && kind == IdentityKind::AzureCli {
                return Err(surplus("--client"));
            }
        }
        Ok(kind)
    }
}

/// The vault for keys and digests, as far as somebody has spoken of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct VaultWish {
    pub(crate) address: Option<String>,
    pub(crate) id: Option<ResourceId>,
    pub(crate) wrapping_key: Option<String>,
}

/// What somebody wants in the settings file. What is not spoken of stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) cloud: Option<NamedCloud>,
    pub(crate) identity: IdentityWish,
    pub(crate) account: Option<ResourceId>,
    pub(crate) container: Option<String>,
    pub(crate) protection: Option<Protection>,
    pub(crate) snapshot_subscription: Option<String>,
    pub(crate) snapshot_group: Option<String>,
    pub(crate) network: Option<NetworkChoice>,
    pub(crate) consistency: Option<ConsistencyChoice>,
    pub(crate) vault: VaultWish,
}

impl Wishes {
    /// Writes them into the document, which is not stored yet.
    pub(crate) fn apply(&self, document: &mut SettingsDocument) -> Result<(), Failure> {
        if let Some(cloud) = self.cloud {
            let word = match cloud {
                NamedCloud::Public => "public",
                NamedCloud::Government => "government",
                NamedCloud::China => "china",
            };
            document.set(&["azure"], "cloud", Some(word.into()));
        }
        self.apply_identity(document)?;
        self.vault.apply(document)?;
        const STORE: [&str; 2] = ["azure", "store"];
        if let Some(account) = &self.account {
            document.set(&STORE, "account", Some(account.as_str().into()));
        }
        if let Some(container) = &self.container {
            document.set(&STORE, "container", Some(container.as_str().into()));
        }
        if let Some(protection) = self.protection {
            let word = match protection {
                Protection::None => "none",
                Protection::LegalHold => "legal-hold",
                Protection::LockedRetention => "locked-retention",
            };
            document.set(&STORE, "protection", Some(word.into()));
        }
        const SNAPSHOTS: [&str; 2] = ["azure", "snapshots"];
        if let Some(subscription) = &self.snapshot_subscription {
            document.set(&SNAPSHOTS, "subscription", Some(subscription.as_str().into()));
        }
        if let Some(group) = &self.snapshot_group {
            document.set(&SNAPSHOTS, "resource-group", Some(group.as_str().into()));
        }
        if let Some(network) = &self.network {
            let value: Value = match network {
                NetworkChoice::AsTheDisk => "as-the-disk".into(),
                NetworkChoice::AllowAll => "allow-all".into(),
                NetworkChoice::Private(access) => {
                    let mut private = InlineTable::new();
                    private.insert("private", access.as_str().into());
                    private.into()
                }
            };
            document.set(&SNAPSHOTS, "network", Some(value));
        }
        if let Some(consistency) = self.consistency {
            let word = match consistency {
                ConsistencyChoice::DiskSnapshots => "disk-snapshots",
                ConsistencyChoice::RestorePoint => "restore-point",
            };
            document.set(&SNAPSHOTS, "consistency", Some(word.into()));
        }
        Ok(())
    }

    fn apply_identity(&self, document: &mut SettingsDocument) -> Result<(), Failure> {
        if self.identity.is_silent() {
            return Ok(());
        }
        let standing = document.standing()?.identity;
        let standing = standing.as_ref().map(IdentityWish::standing).unwrap_or_default();
        let wanted = self.identity.clone().over(&standing);
        let kind = wanted.check()?;
        const IDENTITY: [&str; 2] = ["azure", "identity"];
        document.set(&IDENTITY, "kind", Some(kind.word().into()));
        document.set(&IDENTITY, "tenant", wanted.tenant.map(Into::into));
        document.set(&IDENTITY, "client", wanted.client.map(Into::into));
        let file = wanted.file.map(|file| text_of(&file)).transpose()?;
        document.set(&IDENTITY, "file", file.map(Into::into));
        Ok(())
    }
}

impl VaultWish {
    fn apply(&self, document: &mut SettingsDocument) -> Result<(), Failure> {
        const VAULT: [&str; 2] = ["azure", "vault"];
        let standing = document.standing()?.vault;
        if self.address.is_none() && standing.is_none() {
            if self.id.is_some() || self.wrapping_key.is_some() {
                return Err(
                    Failure::usage("a vault's id or key is named, and not its address")
                        .with_next("give --vault URL"),
                );
            }
            return Ok(());
        }
        if let Some(address) = &self.address {
            document.set(&VAULT, "address", Some(address.as_str().into()));
            // What stands beside another vault's address is not this one's.
            if standing.is_some_and(|standing| standing.address != *address) {
                document.set(&VAULT, "id", None);
                document.set(&VAULT, "wrapping-key", None);
            }
        }
        if let Some(id) = &self.id {
            document.set(&VAULT, "id", Some(id.as_str().into()));
        }
        if let Some(key) = &self.wrapping_key {
            document.set(&VAULT, "wrapping-key", Some(key.as_str().into()));
        }
        Ok(())
    }
}

/// A path that means the same from everywhere, as text.
fn text_of(file: &Path) -> Result<String, Failure> {
    let file = absolute(file)?;
    match file.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failure::usage(format!(
            "the path {} is not UTF-8, and a settings file is",
            printable::path(&file)
        ))
        .with_next("give the file another name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_names_what_it_lacks_and_what_does_not_go_with_it() {
        let wish = |kind, file: Option<&str>| IdentityWish {
            kind: Some(kind),
            tenant: Some("t".into()),
            client: Some("c".into()),
            file: file.map(Into::into),
        };
        let told = |wish: IdentityWish| wish.check().unwrap_err().to_text();
        assert!(told(IdentityWish::default()).contains("--identity"));
        assert!(told(wish(IdentityKind::ClientSecret, None)).contains("--identity-file"));
        assert!(told(wish(IdentityKind::AzureCli, None)).contains("--client does not go with azure-cli"));
        assert!(told(wish(IdentityKind::ManagedIdentity, Some("f"))).contains("--identity-file does not go"));
        assert!(wish(IdentityKind::ClientAssertion, Some("f")).check().is_ok());
    }

    #[test]
    fn what_stands_is_kept_as_long_as_the_kind_is() {
        let standing = IdentityWish::with_file(
            IdentityKind::ClientSecret,
            "t".into(),
            "c".into(),
            "/secret".into(),
        );
        let other_client = IdentityWish {
            client: Some("d".into()),
            ..IdentityWish::default()
        };
        let kept = other_client.over(&standing);
        assert_eq!(
            (kept.tenant.as_deref(), kept.client.as_deref()),
            (Some("t"), Some("d"))
        );
        let managed = IdentityWish {
            kind: Some(IdentityKind::ManagedIdentity),
            ..IdentityWish::default()
        };
        assert_eq!(managed.clone().over(&standing), managed);
    }
}
