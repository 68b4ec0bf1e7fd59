use std::fmt;

use azure_core::http::Url;
use custody_core::{Error, Result};

use crate::arm::ResourceId;
use crate::cloud::{Cloud, HostKind};

/// A key vault of the cloud: its address, and its resource where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultLocation {
    address: Url,
    resource: Option<ResourceId>,
}

impl VaultLocation {
    /// The vault at this address: `https://soc-vault.vault.azure.net`.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address does not lead to one of the cloud's vaults; [`Error::Malformed`] when it has
    /// more than a host and a port.
    pub fn new(cloud: &Cloud, address: &str) -> Result<Self> {
        let mut address = cloud.admit_text(HostKind::Vault, address)?;
        if !matches!(address.path(), "" | "/") || address.query().is_some() || address.fragment().is_some() {
            return Err(Error::malformed(
                "key vault",
                "its address has more than a host and a port",
            ));
        }
        address.set_path("/");
        Ok(Self {
            address,
            resource: None,
        })
    }

    /// Adds its resource, at which rights can be asked for.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an id that is no key vault's, or another one's.
    pub fn with_resource(mut self, resource: ResourceId) -> Result<Self> {
        if resource.kind() != "microsoft.keyvault/vaults" {
            return Err(Error::malformed(resource.to_string(), "is no key vault"));
        }
        // What has no name in its address, as a simulator on a port, can be any.
        let is_named = self.address.domain().is_some();
        if is_named && !resource.name().eq_ignore_ascii_case(self.name()) {
            let reason = format!("is not the vault {}", self.name());
            return Err(Error::malformed(resource.to_string(), reason));
        }
        self.resource = Some(resource);
        Ok(self)
    }

    /// Its address, with a `/` at its end.
    #[must_use]
    pub const fn address(&self) -> &Url {
        &self.address
    }

    /// Its resource, where that is known.
    #[must_use]
    pub const fn resource(&self) -> Option<&ResourceId> {
        self.resource.as_ref()
    }

    /// Its name: the first label of its host. Where that is an address of the network, its resource's, or that address.
    #[must_use]
    pub fn name(&self) -> &str {
        let resource = self.resource.as_ref().map(ResourceId::name);
        match self.address.domain() {
            Some(domain) => domain.split('.').next().unwrap_or(domain),
            None => resource.or(self.address.host_str()).unwrap_or_default(),
        }
    }
}

impl fmt::Display for VaultLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key vault {}", self.name())
    }
}
