//! Which cloud: its endpoints, the audiences of its tokens, and the hosts that it may send us to.

mod endpoint;
mod host;

use std::fmt;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::http::Url;
use custody_core::{Error, Result};

pub use endpoint::CloudEndpoints;
pub use host::HostKind;
use host::HostRule;

/// The audience of a token for blobs, the same in every cloud.
///
/// Source: `azure_storage_blob` 1.1.0, which asks for this scope whatever the cloud; read 2026-11-21.
pub const STORAGE_AUDIENCE: &str = "https://storage.azure.com";

/// A cloud that runs Azure: where its services are, and which hosts belong to it.
///
/// Addresses that a service answers with are followed only to hosts that the cloud's rules name for that kind of
/// service, over https ([`Cloud::admit`]). The rules are the cloud's; nothing that a service answers changes them.
#[derive(Clone, PartialEq, Eq)]
pub struct Cloud {
    name: String,
    authority: Url,
    manager: Url,
    manager_audience: String,
    vault_audience: String,
    disk_audience: String,
    blob_template: String,
    login: Vec<HostRule>,
    arm: Vec<HostRule>,
    blob: Vec<HostRule>,
    export: Vec<HostRule>,
    signed_in_export: Vec<HostRule>,
    vault: Vec<HostRule>,
}

impl Cloud {
    /// Azure, public.
    ///
    /// # Errors
    /// None in practice: the constants are checked by a test.
    pub fn public() -> Result<Self> {
        Self::from_endpoints(CloudEndpoints::public())
    }

    /// Azure Government.
    ///
    /// # Errors
    /// None in practice: the constants are checked by a test.
    pub fn government() -> Result<Self> {
        Self::from_endpoints(CloudEndpoints::government())
    }

    /// Azure in China, operated by 21Vianet.
    ///
    /// # Errors
    /// None in practice: the constants are checked by a test.
    pub fn china() -> Result<Self> {
        Self::from_endpoints(CloudEndpoints::china())
    }

    /// The cloud with these endpoints: Azure Stack, a simulator.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an endpoint that is not https, has a query, or does not parse.
    pub fn from_endpoints(endpoints: CloudEndpoints) -> Result<Self> {
        let authority = endpoint::https(&endpoints.authority, "authority")?;
        let manager = endpoint::https(&endpoints.manager, "resource manager")?;
        let sample = endpoints.blob_template.replace("{account}", "account");
        if sample == endpoints.blob_template {
            return Err(Error::malformed(
                "cloud",
                "the blob endpoint does not say where {account} goes",
            ));
        }
        endpoint::https(&sample, "blob")?;
        let rules = |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>>>();
        let signed_in = &endpoints.signed_in_export_hosts;
        let signed_in = if signed_in.is_empty() {
            &endpoints.export_hosts
        } else {
            signed_in
        };
        Ok(Self {
            login: vec![HostRule::of(&authority)],
            arm: vec![HostRule::of(&manager)],
            blob: rules(&endpoints.blob_hosts)?,
            export: rules(&endpoints.export_hosts)?,
            signed_in_export: rules(signed_in)?,
            vault: rules(&endpoints.vault_hosts)?,
            name: endpoints.name,
            manager_audience: endpoints.manager_audience,
            vault_audience: endpoints.vault_audience,
            disk_audience: endpoints.disk_audience,
            blob_template: endpoints.blob_template,
            authority,
            manager,
        })
    }

    /// Its name, for records: `public`, `government`, `china`, or what a custom cloud calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base address of Azure Resource Manager.
    #[must_use]
    pub const fn manager(&self) -> &Url {
        &self.manager
    }

    /// The base address that tokens come from.
    #[must_use]
    pub const fn authority(&self) -> &Url {
        &self.authority
    }

    /// The scope of a token for a kind of service; `None` where no token is ever sent.
    #[must_use]
    pub fn scope(&self, kind: HostKind) -> Option<String> {
        let audience = match kind {
            HostKind::ResourceManager => self.manager_audience.as_str(),
            HostKind::Blob => STORAGE_AUDIENCE,
            HostKind::SignedInExport => self.disk_audience.as_str(),
            HostKind::Vault => self.vault_audience.as_str(),
            HostKind::Login | HostKind::Export => return None,
        };
        Some(format!("{}/.default", audience.trim_end_matches('/')))
    }

    /// The base address of a storage account's blobs, without a `/` at its end.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the name is not a storage account's: 3 to 24 lower-case letters and digits.
    pub fn blob_endpoint(&self, account: &str) -> Result<Url> {
        let plain = account
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !plain || !(3..=24).contains(&account.len()) {
            return Err(Error::malformed(
                "storage account",
                format!(
                    "{:?} is not 3 to 24 lower-case letters and digits",
                    custody_core::visible::escape(account)
                ),
            ));
        }
        endpoint::https(&self.blob_template.replace("{account}", account), "blob")
    }

    /// Passes an address that belongs to this cloud's services of the kind.
    ///
    /// # Errors
    /// [`Error::Refused`], naming the host and never what follows it, when the address is not https, has user
    /// information in it, or leads to a host that is not listed.
    pub fn admit(&self, kind: HostKind, url: &Url) -> Result<()> {
        let rules = match kind {
            HostKind::ResourceManager => &self.arm,
            HostKind::Login => &self.login,
            HostKind::Blob => &self.blob,
            HostKind::Export => &self.export,
            HostKind::SignedInExport => &self.signed_in_export,
            HostKind::Vault => &self.vault,
        };
        let refused = |why: String| {
            Err(Error::Refused {
                object: format!("an address for {kind}"),
                reason: why,
            })
        };
        if url.scheme() != "https" {
            return refused(format!(
                "it is {}, not https",
                custody_core::visible::escape(url.scheme())
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it has user information in it".into());
        }
        if rules.iter().any(|rule| rule.matches(url)) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        refused(format!(
            "{} is not a host of the {} cloud for this",
            custody_core::visible::escape(host),
            self.name
        ))
    }

    /// Passes the text of an address, as [`admit`](Self::admit).
    ///
    /// # Errors
    /// As [`admit`](Self::admit); [`Error::Refused`] too for what is no address at all.
    pub fn admit_text(&self, kind: HostKind, text: &str) -> Result<Url> {
        let Ok(url) = Url::parse(text) else {
            return Err(Error::Refused {
                object: format!("an address for {kind}"),
                reason: "it is no address".into(),
            });
        };
        self.admit(kind, &url)?;
        Ok(url)
    }

    /// What Microsoft's identity library wants to know of the cloud.
    pub(crate) fn configuration(&self) -> CloudConfiguration {
        let mut custom = CustomConfiguration::default();
        custom.authority_host = self.authority.to_string();
        custom.into()
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cloud", self.name)
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("name", &self.name)
            .field("authority", &self.authority.as_str())
            .field("manager", &self.manager.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
