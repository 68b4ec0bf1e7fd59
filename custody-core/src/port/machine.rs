use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SnapshotKind;
use crate::digest::DiskData;
use crate::ids::{ByteLength, DiskId, MachineRef, Region};

/// How the content of a disk is encrypted, as far as its provider says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "the workflow must decide what each state means for the keys"
)]
pub enum DiskEncryption {
    /// The provider says nothing of encryption; the image itself was not looked into.
    NotStated,
    /// The provider says that what is read is not encrypted.
    None,
    /// What is read is encrypted, and this key is needed.
    Encrypted {
        /// How, and by what key, without any secret.
        statement: String,
    },
}

/// Something of the machine that is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotAcquired {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl NotAcquired {
    /// A thing not taken, for this reason.
    pub fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            reason: reason.into(),
        }
    }
}

/// A disk or image of a machine, as its provider describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiskDescription {
    /// The provider's unique name for it.
    pub disk: DiskId,
    /// Its name as people know it, escaped; the stored item is named after it.
    pub name: String,
    /// The bytes that an acquisition of it reads; `None` where only opening it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<ByteLength>,
    /// About how many bytes those may be, where only opening it tells: how long a grant lives is reckoned by it, and
    /// nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reckoned_length: Option<ByteLength>,
    /// The smallest unit that can be read, in bytes.
    pub sector_bytes: u32,
    /// The format of what is read: `raw`, `vhd-fixed`, `vhdx`, …
    pub format: String,
    /// Which of those bytes are the disk's own.
    pub data: DiskData,
    /// Its encryption.
    pub encryption: DiskEncryption,
    /// What taking it would be; none where the provider does not tell beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotKind>,
    /// What else the provider says of it, by the provider's names, values escaped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl DiskDescription {
    /// The attribute in which a provider tells what identifies the disk itself, whatever it is called: where it does.
    pub const UNIQUE_ID: &'static str = "uniqueId";
    /// The attribute in which a provider tells at which logical unit number the machine sees the disk: where it does.
    pub const LUN: &'static str = "lun";
    /// The attribute in which a provider tells, in words, whether reading what it gives of the disk takes a key, and what is
    /// encrypted that it takes off itself.
    pub const KEY_TO_READ: &'static str = "key to read it";

    /// A raw disk of this length with 512-byte sectors.
    pub fn new(disk: DiskId, name: impl Into<String>, length: u64) -> Self {
        Self {
            disk,
            name: name.into(),
            length: Some(length.into()),
            reckoned_length: None,
            sector_bytes: 512,
            format: "raw".into(),
            data: DiskData::WholeFile,
            encryption: DiskEncryption::NotStated,
            snapshot: None,
            attributes: BTreeMap::new(),
        }
    }

    /// Leaves the length to opening; `reckoned` is about what it may be, where that is known.
    #[must_use]
    pub fn with_length_at_opening(mut self, reckoned: Option<u64>) -> Self {
        self.length = None;
        self.reckoned_length = reckoned.map(Into::into);
        self
    }

    /// Sets the sector size.
    #[must_use]
    pub fn with_sector_bytes(mut self, bytes: u32) -> Self {
        self.sector_bytes = bytes;
        self
    }

    /// Sets the format and which bytes are the disk's.
    #[must_use]
    pub fn with_format(mut self, format: impl Into<String>, data: DiskData) -> Self {
        self.format = format.into();
        self.data = data;
        self
    }

    /// Sets what taking it would be.
    #[must_use]
    pub const fn with_snapshot(mut self, kind: SnapshotKind) -> Self {
        self.snapshot = Some(kind);
        self
    }

    /// Sets the encryption.
    #[must_use]
    pub fn with_encryption(mut self, encryption: DiskEncryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// A machine and its disks, as its provider describes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// The provider's unique name for it.
    pub machine: MachineRef,
    /// Who described it: `local`, `azure`.
    pub provider: String,
    /// Where it lies; none where the provider has no regions, or could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What the provider says of it, by the provider's names, values escaped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Its disks, in the order in which they become items.
    pub disks: Vec<DiskDescription>,
    /// What is not taken, and why. Never empty: memory at least is not.
    pub not_acquired: Vec<NotAcquired>,
    /// Why its disks cannot be taken in the way that the provider was told to, and what to do: each stands in the way
    /// of all snapshots. Told when a capture is planned; no record holds it, because then none is begun.
    #[serde(skip)]
    pub obstacles: Vec<String>,
    /// What whoever decides on the capture must know, and what does not stand in its way. Told when it is planned; no
    /// record holds it.
    #[serde(skip)]
    pub cautions: Vec<String>,
}

impl Machine {
    /// A machine with these disks.
    pub fn new(
        machine: MachineRef,
        provider: impl Into<String>,
        disks: Vec<DiskDescription>,
        not_acquired: Vec<NotAcquired>,
    ) -> Self {
        Self {
            machine,
            provider: provider.into(),
            region: None,
            attributes: BTreeMap::new(),
            disks,
            not_acquired,
            obstacles: Vec::new(),
            cautions: Vec::new(),
        }
    }

    /// Sets where it lies.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Adds a reason why its disks cannot be taken as asked, with what to do about it.
    #[must_use]
    pub fn with_obstacle(mut self, reason: impl Into<String>) -> Self {
        self.obstacles.push(reason.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}
