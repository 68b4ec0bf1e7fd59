use std::fmt;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::{Pipeline, Url};
use azure_storage_blob::{
    AppendBlobClient, AppendBlobClientOptions, BlobClient, BlobClientOptions, BlobContainerClient,
    BlobContainerClientOptions, BlockBlobClient, BlockBlobClientOptions,
};
use custody_core::ids::ObjectName;
use custody_core::port::{Clock, Entropy};
use custody_core::{Error, Result};

use super::action;
use super::anchor::KnownHeads;
use super::remote::RemoteBlob;
use crate::arm::{Arm, ResourceId};
use crate::cloud::HostKind;
use crate::http::{Patience, Repeat, Sending};

/// Where a store is: a container of a storage account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreLocation {
    /// The storage account's resource.
    pub account: ResourceId,
    /// The container's name.
    pub container: String,
}

impl StoreLocation {
    /// This container of this account.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an id that is no storage account's, or a name that no container has: 3 to 63 lower-case
    /// letters, digits and single hyphens between them.
    pub fn new(account: ResourceId, container: impl Into<String>) -> Result<Self> {
        let container = container.into();
        if account.kind() != "microsoft.storage/storageaccounts" {
            return Err(Error::malformed(account.to_string(), "is no storage account"));
        }
        let plain = container
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let hyphens = container.starts_with('-') || container.ends_with('-') || container.contains("--");
        if !plain || hyphens || !(3..=63).contains(&container.len()) {
            let shown = custody_core::visible::escape(&container);
            return Err(Error::malformed(
                "container",
                format!("{shown:?} is no container's name"),
            ));
        }
        Ok(Self { account, container })
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {} of {}", self.container, self.account.name())
    }
}

/// Whether the logs of a store lie in it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogsHere {
    #[default]
    Yes,
    Elsewhere,
}

/// A container of blobs as a store of evidence: sink, reader and log anchor.
///
/// Objects are blobs under their names. What protects them is the container's business: a locked retention policy, a
/// legal hold; this reads and records it, and changes none of it. Log lines lie in append blobs, which a policy must
/// allow to grow (`allowProtectedAppendWritesAll`); where it does not, anchor in another container. Needs tokio.
#[derive(Clone)]
pub struct BlobStore {
    pub(super) arm: Arm,
    pub(super) location: StoreLocation,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) heads: Arc<KnownHeads>,
    pub(super) logs: LogsHere,
    credential: Arc<dyn TokenCredential>,
    container: Url,
    reads: Pipeline,
}

impl BlobStore {
    /// The store at this place, for this identity. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Refused`] when the place is not one of the cloud's.
    pub fn new(
        arm: Arm,
        location: StoreLocation,
        credential: Arc<dyn TokenCredential>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let mut container = arm.cloud().blob_endpoint(location.account.name())?;
        arm.cloud().admit(HostKind::Blob, &container)?;
        extend(&mut container, std::iter::once(location.container.as_str()))?;
        let reads = arm
            .sending()
            .pipeline(HostKind::Blob, Repeat::Freely, Some(credential.clone()));
        Ok(Self {
            arm,
            location,
            entropy,
            heads: Arc::default(),
            logs: LogsHere::Yes,
            credential,
            container,
            reads,
        })
    }

    /// The same store, whose logs are anchored in another one: its policy need not let append blobs grow.
    #[must_use]
    pub fn with_logs_elsewhere(mut self) -> Self {
        self.logs = LogsHere::Elsewhere;
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn location(&self) -> &StoreLocation {
        &self.location
    }

    /// The Resource Manager, as the store's identity sees it.
    pub(crate) const fn manager(&self) -> &Arm {
        &self.arm
    }

    pub(super) fn sending(&self) -> &Sending {
        self.arm.sending()
    }

    pub(super) fn patience(&self) -> Patience {
        self.arm.patience()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.arm.clock()
    }

    pub(super) fn remote(&self, name: &ObjectName) -> Result<RemoteBlob> {
        let address = self.address(name)?;
        let object = self.shown(name);
        Ok(RemoteBlob::new(self.reads.clone(), address, object, action::READ))
    }

    pub(super) fn shown(&self, name: &ObjectName) -> String {
        format!(
            "{}/{}/{name}",
            self.location.account.name(),
            self.location.container
        )
    }

    pub(super) fn address(&self, name: &ObjectName) -> Result<Url> {
        let mut address = self.container.clone();
        extend(&mut address, name.segments())?;
        Ok(address)
    }

    pub(super) fn block_client(&self, name: &ObjectName, repeat: Repeat) -> Result<BlockBlobClient> {
        let mut options = BlockBlobClientOptions::default();
        options.client_options = self.sending().options(HostKind::Blob, repeat);
        let client = BlockBlobClient::new(self.address(name)?, Some(self.credential.clone()), Some(options));
        client.map_err(|error| self.no_client(&error))
    }

    pub(super) fn append_client(&self, name: &ObjectName, repeat: Repeat) -> Result<AppendBlobClient> {
        let mut options = AppendBlobClientOptions::default();
        options.client_options = self.sending().options(HostKind::Blob, repeat);
        let client = AppendBlobClient::new(self.address(name)?, Some(self.credential.clone()), Some(options));
        client.map_err(|error| self.no_client(&error))
    }

    pub(super) fn blob_client(&self, name: &ObjectName, repeat: Repeat) -> Result<BlobClient> {
        let mut options = BlobClientOptions::default();
        options.client_options = self.sending().options(HostKind::Blob, repeat);
        let client = BlobClient::new(self.address(name)?, Some(self.credential.clone()), Some(options));
        client.map_err(|error| self.no_client(&error))
    }

    pub(super) fn container_client(&self) -> Result<BlobContainerClient> {
        let mut options = BlobContainerClientOptions::default();
        options.client_options = self.sending().options(HostKind::Blob, Repeat::Freely);
        let client = BlobContainerClient::new(
            self.container.clone(),
            Some(self.credential.clone()),
            Some(options),
        );
        client.map_err(|error| self.no_client(&error))
    }

    fn no_client(&self, error: &azure_core::Error) -> Error {
        Error::malformed(self.location.to_string(), crate::http::redact(&error.to_string()))
    }
}

/// Adds names to a path, each percent-encoded whole, so that none of them is taken for more than a name.
fn extend<'a>(address: &mut Url, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let Ok(mut segments) = address.path_segments_mut() else {
        return Err(Error::malformed("blob endpoint", "it cannot have a path"));
    };
    segments.pop_if_empty().extend(names);
    Ok(())
}

impl fmt::Display for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Azure {}", self.location)
    }
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobStore")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
