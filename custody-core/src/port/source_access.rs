use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{DiskSnapshot, ImageReader, Port};
use crate::digest::DiskData;
use crate::error::Result;
use crate::ids::Timestamp;
use crate::service::Acted;

/// When a grant ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantExpiry(Timestamp);

impl GrantExpiry {
    /// Ends at this instant.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self(time)
    }

    /// The instant.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        self.0
    }
}

/// Who can read with a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a sink must decide for every kind of grant whether its service can read with it"
)]
pub enum GrantReach {
    /// Whoever holds it, so that a sink's service can read with it too.
    #[default]
    Holder,
    /// Only a holder who signs in besides, with a right of their own. A service that is given the grant alone cannot
    /// read with it.
    SignedInHolder,
}

/// The right to read one disk snapshot for a time. Carries a secret.
///
/// It is not `Clone` and not `Serialize`; `Debug` and `Display` show the address up to its `?` and
/// never what follows. A provider without grants makes one with an empty secret.
pub struct ReadGrant {
    address: String,
    secret: String,
    expiry: Option<GrantExpiry>,
    reach: GrantReach,
}

impl ReadGrant {
    /// A grant to read `address`, which must not hold the secret; `secret` is whatever else is needed.
    pub fn new(address: impl Into<String>, secret: impl Into<String>, expiry: Option<GrantExpiry>) -> Self {
        let mut address = address.into();
        if let Some(query) = address.find('?') {
            address.truncate(query);
        }
        Self {
            address,
            secret: secret.into(),
            expiry,
            reach: GrantReach::Holder,
        }
    }

    /// Sets who can read with it.
    #[must_use]
    pub const fn with_reach(mut self, reach: GrantReach) -> Self {
        self.reach = reach;
        self
    }

    /// The address without any secret.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// When it ends by itself; `None` when there is nothing that could outlive the process.
    #[must_use]
    pub const fn expiry(&self) -> Option<GrantExpiry> {
        self.expiry
    }

    /// Who can read with it.
    #[must_use]
    pub const fn reach(&self) -> GrantReach {
        self.reach
    }

    /// The secret, for the provider that made it. Never print, log or store what this returns.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for ReadGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadGrant")
            .field("address", &self.address)
            .field("expiry", &self.expiry)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ReadGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Drop for ReadGrant {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.secret.zeroize();
    }
}

/// How to grant.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct GrantOptions {
    /// How long the grant may live.
    pub lifetime: Duration,
}

impl GrantOptions {
    /// A grant that lives at most so long.
    #[must_use]
    pub const fn lasting(lifetime: Duration) -> Self {
        Self { lifetime }
    }
}

/// What tells whether a source changed: read before and after it is acquired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceState {
    /// What must be the same before and after: length, inode, modification time, write counters, an ETag.
    pub pinned: BTreeMap<String, String>,
    /// What may change by reading alone and is recorded: access time, read counters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub noted: BTreeMap<String, String>,
}

impl SourceState {
    /// Adds something that must not change.
    #[must_use]
    pub fn with_pinned(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pinned.insert(name.into(), value.into());
        self
    }

    /// Adds something that is only recorded.
    #[must_use]
    pub fn with_noted(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.noted.insert(name.into(), value.into());
        self
    }

    /// The pinned names that differ between this state and a later one, with both values.
    #[must_use]
    pub fn changes_until(&self, later: &Self) -> Vec<(String, Option<String>, Option<String>)> {
        differences(&self.pinned, &later.pinned)
    }

    /// The noted names that differ, with both values.
    #[must_use]
    pub fn noted_changes_until(&self, later: &Self) -> Vec<(String, Option<String>, Option<String>)> {
        differences(&self.noted, &later.noted)
    }
}

fn differences(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<(String, Option<String>, Option<String>)> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| (name.clone(), before.get(name).cloned(), after.get(name).cloned()))
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// The form of an image: what kind of file it is, and which of its bytes are a disk's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageForm {
    /// `raw`, `vhd-fixed`, `vhdx`, …
    pub format: String,
    /// Which of its bytes are the disk's own.
    pub data: DiskData,
}

impl ImageForm {
    /// This format, of which these bytes are the disk's.
    pub fn new(format: impl Into<String>, data: DiskData) -> Self {
        Self {
            format: format.into(),
            data,
        }
    }
}

/// A disk snapshot opened for reading.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenedSource {
    /// Its bytes. Their length holds from the opening on.
    pub image: Arc<dyn ImageReader>,
    /// What kind of file it is, where only its bytes tell; `None` where it is what was described.
    pub form: Option<ImageForm>,
    /// What else was told at opening: the version that is pinned.
    pub attributes: BTreeMap<String, String>,
}

impl OpenedSource {
    /// An image of the form that was described.
    #[must_use]
    pub fn new(image: Arc<dyn ImageReader>) -> Self {
        Self {
            image,
            form: None,
            attributes: BTreeMap::new(),
        }
    }

    /// Sets the form, as its bytes tell.
    #[must_use]
    pub fn with_form(mut self, form: ImageForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Adds something that was told at opening.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Timed read access to disk snapshots.
///
/// # Clauses
/// * `SA-01` [`grant`](Self::grant) gives read access that ends by itself no later than asked for; the receipt of a
///   longer one is refused by the provider and revoked.
/// * `SA-02` [`revoke`](Self::revoke) ends every grant on the snapshot; revoking where there is none succeeds.
/// * `SA-03` [`open`](Self::open) gives a reader that meets the clauses of [`ImageReader`], of the snapshot's length
///   where it tells one.
/// * `SA-04` [`open`](Self::open) never opens for writing, and changes nothing of the source that can be avoided;
///   what cannot is visible in [`state`](Self::state).
/// * `SA-05` [`state`](Self::state) pins at least the length that the snapshot tells; a source that was written in between differs in
///   something pinned.
/// * `SA-06` a source that is gone is [`crate::Error::NotFound`]; one that is not what was described is
///   [`crate::Error::Integrity`] or [`crate::Error::Precondition`].
/// * `SA-07` a snapshot that is opened again has the same length and form.
#[async_trait]
pub trait SourceAccess: Port {
    /// Grants read access.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] when the provider has no such access and never will have, so that asking again is
    /// of no use; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a grant; [`revoke`](Self::revoke) ends it.
    async fn grant(&self, snapshot: &DiskSnapshot, options: GrantOptions) -> Result<Acted<ReadGrant>>;

    /// Ends every grant on the snapshot.
    ///
    /// # Errors
    /// The provider's, when a grant may still live.
    ///
    /// # Cancel safety
    /// Calling again settles it.
    async fn revoke(&self, snapshot: &DiskSnapshot) -> Result<Acted<()>>;

    /// Opens the snapshot for reading.
    ///
    /// # Errors
    /// See clause SA-06; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn open(&self, snapshot: &DiskSnapshot, grant: &ReadGrant) -> Result<OpenedSource>;

    /// What tells whether the source changed.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when it is gone; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn state(&self, snapshot: &DiskSnapshot) -> Result<SourceState>;
}
