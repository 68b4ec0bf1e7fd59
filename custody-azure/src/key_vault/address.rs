use std::fmt;

use azure_core::http::Url;
use custody_core::{Error, Result, visible};

use crate::cloud::{Cloud, HostKind};

/// The longest name of a secret or a key. Source: "About keys, secrets and certificates", read 2026-11-21.
pub(super) const MAX_NAME_CHARACTERS: usize = 127;

/// What lies at an address in a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Secret,
    Key,
}

/// The address of a secret or a key in one of the cloud's vaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectAddress {
    /// The vault's, with a `/` at its end.
    pub(super) vault: Url,
    pub(super) kind: ObjectKind,
    pub(super) name: String,
    /// None: whatever is the latest.
    pub(super) version: Option<String>,
}

impl ObjectKind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::Key => "keys",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Key => "key",
        }
    }
}

impl ObjectAddress {
    /// Reads `https://<vault>/secrets/<name>/<version>`.
    ///
    /// # Errors
    /// [`Error::Refused`] when it leads to a host that is none of the cloud's vaults; [`Error::Malformed`] for any other
    /// form.
    pub(super) fn parse(cloud: &Cloud, kind: ObjectKind, text: &str) -> Result<Self> {
        let mut vault = cloud.admit_text(HostKind::Vault, text)?;
        let noun = kind.noun();
        let malformed = |reason: &str| Err(Error::malformed(format!("address of a {noun}"), reason));
        if vault.query().is_some() || vault.fragment().is_some() {
            return malformed("it has more than a path");
        }
        let path = vault
            .path()
            .trim_start_matches('/')
            .trim_end_matches('/')
            .to_owned();
        let mut parts = path.split('/');
        let (folder, name, version, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        if folder.is_none_or(|folder| !folder.eq_ignore_ascii_case(kind.folder())) || rest.is_some() {
            return malformed("its path is not that of one");
        }
        let (Some(name), version) = (name, version) else {
            return malformed("it has no name");
        };
        check_name(name)?;
        if let Some(version) = version {
            check_name(version)?;
        }
        let (name, version) = (name.to_owned(), version.map(str::to_owned));
        vault.set_path("/");
        Ok(Self {
            vault,
            kind,
            name,
            version,
        })
    }
}

/// A name that Microsoft's client, which puts it into the path as it is, can be given.
pub(super) fn check_name(name: &str) -> Result<()> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=MAX_NAME_CHARACTERS).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::malformed(
        "name in a key vault",
        format!(
            "{:?} is not 1 to {MAX_NAME_CHARACTERS} letters, digits and hyphens",
            visible::escape(name)
        ),
    ))
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.vault.host_str().unwrap_or_default();
        write!(f, "{} {}", self.kind.noun(), self.name)?;
        if let Some(version) = &self.version {
            write!(f, " version {version}")?;
        }
        write!(f, " of key vault {}", host.split('.').next().unwrap_or(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_vault_object_and_version() {
        let cloud = Cloud::public().unwrap();
        for text in [
            "https://keys-1.vault.azure.net/secrets/Name-1/0123abcd",
            "https://KEYS-1.vault.azure.net:443/Secrets/Name-1/0123abcd/",
        ] {
            let address = ObjectAddress::parse(&cloud, ObjectKind::Secret, text).unwrap();
            assert_eq!(address.vault.as_str(), "https://keys-1.vault.azure.net/");
            assert_eq!(
                address.to_string(),
                "secret Name-1 version 0123abcd of key vault keys-1"
            );
        }
        let latest =
            ObjectAddress::parse(&cloud, ObjectKind::Key, "https://k.vault.azure.net/keys/a").unwrap();
        assert_eq!(latest.version, None);
    }

    #[test]
    fn an_address_that_leads_elsewhere_is_refused() {
        let cloud = Cloud::public().unwrap();
        for text in [
            "https://keys.vault.azure.net.evil.example/secrets/a/1",
            "https://evil.example/secrets/a/1",
            "http://keys.vault.azure.net/secrets/a/1",
            "https://keys.vault.azure.net:8443/secrets/a/1",
            "https://user@keys.vault.azure.net/secrets/a/1",
            "https://vault.azure.net/secrets/a/1",
            "https://keys.vault.usgovcloudapi.net/secrets/a/1",
        ] {
            let error = ObjectAddress::parse(&cloud, ObjectKind::Secret, text).unwrap_err();
            assert!(matches!(error, Error::Refused { .. }), "{text}: {error}");
        }
        for text in [
            "https://keys.vault.azure.net/keys/a/1",
            "https://keys.vault.azure.net/secrets",
            "https://keys.vault.azure.net/secrets/a/1/backup",
            "https://keys.vault.azure.net/secrets/a%2Fb/1",
            "https://keys.vault.azure.net/secrets/a/1?x=y",
        ] {
            let error = ObjectAddress::parse(&cloud, ObjectKind::Secret, text).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{text}: {error}");
        }
    }
}
