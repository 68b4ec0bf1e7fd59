use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Deposit, DepositOptions, Port, ReadGrant};
use crate::error::Result;
use crate::ids::{AcquisitionId, ByteLength, ObjectName, Region};
use crate::service::Acted;

/// What protects stored objects, in the terms of the provider. Ordered: the later resists more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProtectionKind {
    /// Nothing but convention.
    None,
    /// Objects are read-only files; their owner and the administrator can change that.
    ReadOnlyMode,
    /// The file system's immutable attribute; the administrator can clear it.
    ImmutableAttribute,
    /// A retention policy that can still be shortened.
    UnlockedRetention,
    /// A legal hold, which its holder can clear.
    LegalHold,
    /// A retention policy that nobody can shorten.
    LockedRetention,
}

/// What protects stored objects: never more than what was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Protection {
    /// The strongest kind that holds.
    pub kind: ProtectionKind,
    /// What that means and who can undo it, for the record.
    pub statement: String,
    /// Where the objects lie; none where the provider has no regions, or could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Why evidence cannot be stored there as it is, and what to do about it. Empty where nothing speaks against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
    /// What is to be known of it before evidence is stored there, and does not stand against it. Empty where there is
    /// nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<String>,
    /// What was read to know it, by the provider's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub observed: BTreeMap<String, String>,
}

impl Protection {
    /// A protection of this kind.
    pub fn new(kind: ProtectionKind, statement: impl Into<String>) -> Self {
        Self {
            kind,
            statement: statement.into(),
            region: None,
            obstacles: Vec::new(),
            cautions: Vec::new(),
            observed: BTreeMap::new(),
        }
    }

    /// Sets where the objects lie.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Adds a reason why evidence cannot be stored there, with what to do about it.
    #[must_use]
    pub fn with_obstacle(mut self, obstacle: impl Into<String>) -> Self {
        self.obstacles.push(obstacle.into());
        self
    }

    /// Adds something that is to be known of it, with what to do about it.
    #[must_use]
    pub fn with_caution(mut self, caution: impl Into<String>) -> Self {
        self.cautions.push(caution.into());
        self
    }

    /// Adds something that was read.
    #[must_use]
    pub fn with_observed(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.observed.insert(name.into(), value.into());
        self
    }
}

/// What the sink says of an object it committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The object.
    pub object: ObjectName,
    /// Its length in bytes, as the sink reports it.
    pub length: ByteLength,
    /// What identifies exactly this version: an ETag, a version id, an inode. By the provider's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
    /// What protects this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
}

impl Receipt {
    /// A receipt for an object of this name and length.
    #[must_use]
    pub fn new(object: ObjectName, length: u64) -> Self {
        Self {
            object,
            length: length.into(),
            version: BTreeMap::new(),
            protection: None,
        }
    }

    /// Adds a version identifier.
    #[must_use]
    pub fn with_version(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.version.insert(name.into(), value.into());
        self
    }

    /// Sets what protects it.
    #[must_use]
    pub fn with_protection(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }
}

/// What the sink offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SinkCapabilities {
    /// Whether it copies from a grant on the server's side ([`EvidenceSink::import`]).
    pub import: bool,
    /// Whether it takes a stream ([`EvidenceSink::deposit`]).
    pub deposit: bool,
    /// Whether it can place a legal hold ([`EvidenceSink::hold`]).
    pub hold: bool,
}

impl SinkCapabilities {
    /// A sink that takes streams only.
    #[must_use]
    pub const fn deposit_only() -> Self {
        Self {
            import: false,
            deposit: true,
            hold: false,
        }
    }

    /// A sink that does everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            import: true,
            deposit: true,
            hold: true,
        }
    }
}

/// The state of a server-side copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the workflow must decide on every state of an import"
)]
pub enum ImportState {
    /// The copy runs. What is there is not evidence yet, whatever its size.
    Pending {
        /// Bytes copied, as the service reports.
        copied: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The service says that the copy succeeded.
    Done(Receipt),
    /// The service says that it failed, and why.
    Failed(String),
}

/// What is under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "resuming must decide on every state of an object"
)]
pub enum ObjectState {
    /// Nothing.
    Absent,
    /// A server-side copy of ours that is not finished.
    Importing(ImportState),
    /// A committed object of this acquisition.
    Stored(Receipt),
    /// Something that this acquisition did not make.
    Foreign,
}

/// Whether a legal hold is placed on an object as it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum LegalHold {
    /// None.
    #[default]
    Omit,
    /// Placed.
    Place,
}

/// How to import.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The acquisition the object belongs to; the sink tags it.
    pub acquisition: AcquisitionId,
    /// The length the object must have.
    pub length: u64,
    /// Whether to place a legal hold.
    pub hold: LegalHold,
}

impl ImportOptions {
    /// An import for this acquisition, of an object of this length.
    #[must_use]
    pub const fn new(acquisition: AcquisitionId, length: u64) -> Self {
        Self {
            acquisition,
            length,
            hold: LegalHold::Omit,
        }
    }
}

/// Where evidence is stored, written once.
///
/// # Clauses
/// * `ES-01` a committed object has exactly the bytes that were written, and the length that was declared.
/// * `ES-02` nothing is ever overwritten: a name that is taken is refused with [`Error::AlreadyExists`], at the
///   latest by `commit`, and what was there stays as it was.
/// * `ES-03` nothing is visible under the name before `commit` succeeded.
/// * `ES-04` after `commit` succeeded the object survives a crash of the machine, name and bytes.
/// * `ES-05` `abort`, and a deposit that was dropped, leave nothing under the name, and the name free.
/// * `ES-06` [`state`](Self::state) tells an absent, a stored, an importing and a foreign object apart; what it
///   cannot tell is an error, never `Absent`.
/// * `ES-07` extents must arrive in order and cover the declared length exactly: otherwise `write` or `commit` is
///   [`Error::Misuse`] and nothing is committed. [`Extent::Zero`](crate::extent::Extent::Zero) and
///   [`Extent::Unread`](crate::extent::Extent::Unread) are stored as zeros.
/// * `ES-08` [`protection`](Self::protection) and each receipt claim only what was seen to hold.
/// * `ES-09` no room at the destination is [`Error::NoSpace`], and leaves nothing under the name.
/// * `ES-10` what [`capabilities`](Self::capabilities) leaves out is [`Error::Unsupported`] when called.
/// * `ES-11` `import` called again with the same name and acquisition adopts the first call's copy.
/// * `ES-12` a name never leads outside the store, whatever links lie in the way.
/// * `ES-13` `import` from a grant with which the sink's service cannot read ([`GrantReach`]) is
///   [`Error::Unsupported`], and leaves the name free: such an item is deposited.
/// * `ES-14` a deposit wants bytes a second time only where [`DepositOptions::rereading`] allows it, and none that it
///   told to be settled ([`Taken`]). What is written again takes the place of what was lost.
///
/// [`Taken`]: super::Taken
/// [`GrantReach`]: super::GrantReach
/// [`Error::AlreadyExists`]: crate::Error::AlreadyExists
/// [`Error::Misuse`]: crate::Error::Misuse
/// [`Error::NoSpace`]: crate::Error::NoSpace
/// [`Error::Unsupported`]: crate::Error::Unsupported
#[async_trait]
pub trait EvidenceSink: Port {
    /// What this sink offers.
    fn capabilities(&self) -> SinkCapabilities;

    /// What protects objects stored here, as far as it can be seen now.
    ///
    /// # Errors
    /// The provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn protection(&self) -> Result<Protection>;

    /// What is under a name, seen by this acquisition.
    ///
    /// # Errors
    /// The provider's, when it cannot tell.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn state(&self, name: &ObjectName, acquisition: &AcquisitionId) -> Result<ObjectState>;

    /// Starts, or adopts, a server-side copy from a grant. Ask [`state`](Self::state) how it goes on.
    ///
    /// # Errors
    /// [`crate::Error::AlreadyExists`]; [`crate::Error::Unsupported`] when the sink's service cannot make this copy and
    /// nothing lies under the name, so that the object can be deposited; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a copy running; [`state`](Self::state) tells.
    async fn import(
        &self,
        name: &ObjectName,
        from: &ReadGrant,
        options: ImportOptions,
    ) -> Result<Acted<ImportState>>;

    /// Begins to store an object by stream. What an interrupted deposit of the same name and acquisition left
    /// unfinished is discarded.
    ///
    /// # Errors
    /// [`crate::Error::AlreadyExists`], [`crate::Error::PermissionDenied`], [`crate::Error::NoSpace`]; otherwise the
    /// provider's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing under the name.
    async fn deposit(&self, name: &ObjectName, options: DepositOptions) -> Result<Box<dyn Deposit>>;

    /// Places a legal hold on a stored object.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`]; otherwise the provider's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the hold placed; calling again is harmless.
    async fn hold(&self, name: &ObjectName) -> Result<Acted<()>>;
}
