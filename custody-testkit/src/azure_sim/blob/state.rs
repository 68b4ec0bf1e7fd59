use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::copy::CopyState;
use crate::azure_sim::content::Content;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::StorageAccount;

/// A storage account's blobs.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) settings: StorageAccount,
    pub(crate) containers: BTreeMap<String, Container>,
    /// Grows when user delegation keys are revoked.
    pub(crate) delegation_epoch: u64,
}

pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) etag: String,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) policy: Option<Policy>,
    pub(crate) hold_tags: Vec<HoldTag>,
    pub(crate) hold_appends_all: bool,
    pub(crate) version_level_worm: bool,
    pub(crate) blobs: BTreeMap<String, Blob>,
}

/// A container's time-based retention policy.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) etag: String,
    pub(crate) days: u32,
    pub(crate) locked: bool,
    pub(crate) appends: bool,
    pub(crate) appends_all: bool,
    pub(crate) extensions: u32,
    pub(crate) history: Vec<Value>,
}

impl Policy {
    pub(crate) fn state(&self) -> &'static str {
        if self.locked { "Locked" } else { "Unlocked" }
    }
}

/// A tag of a container's legal hold.
#[derive(Clone)]
pub(crate) struct HoldTag {
    pub(crate) tag: String,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) tenant: String,
}

/// Where a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobPlace {
    pub(crate) account: String,
    pub(crate) container: String,
    pub(crate) blob: String,
}

/// Everything under one name.
#[derive(Default)]
pub(crate) struct Blob {
    pub(crate) current: Option<Version>,
    /// Oldest first.
    pub(crate) previous: Vec<Version>,
    /// Blocks that were put and not yet committed, by their id in base64.
    pub(crate) uncommitted: BTreeMap<String, Bytes>,
}

impl Blob {
    pub(crate) fn version(&self, id: Option<&str>) -> Option<&Version> {
        match id {
            None => self.current.as_ref(),
            Some(id) => self
                .previous
                .iter()
                .chain(&self.current)
                .find(|version| version.id.as_deref() == Some(id)),
        }
    }

    pub(crate) fn version_mut(&mut self, id: Option<&str>) -> Option<&mut Version> {
        match id {
            None => self.current.as_mut(),
            Some(id) => self
                .previous
                .iter_mut()
                .chain(&mut self.current)
                .find(|version| version.id.as_deref() == Some(id)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Page,
    Block,
    Append,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Page => "PageBlob",
            Self::Block => "BlockBlob",
            Self::Append => "AppendBlob",
        }
    }
}

/// One version of a blob; the only one, where the account keeps none.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) id: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) content: Content,
    /// Ids and lengths of the committed blocks.
    pub(crate) blocks: Vec<(String, u64)>,
    pub(crate) etag: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) content_type: String,
    pub(crate) content_md5: Option<String>,
    pub(crate) copy: Option<CopyState>,
    /// Until when it is immutable by itself, and whether that is locked.
    pub(crate) policy: Option<(Timestamp, bool)>,
    pub(crate) hold: bool,
    pub(crate) appended_blocks: u64,
    pub(crate) sealed: bool,
    pub(crate) sequence: u64,
}

impl Version {
    pub(crate) fn new(kind: Kind, content: Content, etag: String, now: Timestamp) -> Self {
        Self {
            id: None,
            kind,
            content,
            blocks: Vec::new(),
            etag,
            created: now,
            modified: now,
            metadata: Vec::new(),
            content_type: "application/octet-stream".into(),
            content_md5: None,
            copy: None,
            policy: None,
            hold: false,
            appended_blocks: 0,
            sealed: false,
            sequence: 0,
        }
    }

    /// Notes a change.
    pub(crate) fn touch(&mut self, etag: String, now: Timestamp) {
        (self.etag, self.modified) = (etag, now);
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.copy.as_ref().is_some_and(CopyState::is_pending)
    }
}

impl Account {
    pub(crate) fn new(settings: &StorageAccount, id: String, now: Timestamp) -> Self {
        let containers = settings.containers.iter().map(|wanted| {
            let etag = format!("\"0x8DC{}\"", &keyed::guid(&wanted.name)[..8].to_uppercase());
            let mut container = Container::new(&wanted.name, etag.clone(), now);
            container.policy = wanted.immutability_policy.as_ref().map(|policy| Policy {
                etag,
                days: policy.days,
                locked: policy.locked,
                appends: policy.allow_protected_append_writes,
                appends_all: policy.allow_protected_append_writes_all,
                extensions: 0,
                history: Vec::new(),
            });
            let tag = |tag: &String| HoldTag {
                tag: tag.to_lowercase(),
                at: now,
                by: "scenario".into(),
                tenant: String::new(),
            };
            container.hold_tags = wanted.legal_hold.iter().map(tag).collect();
            container.hold_appends_all = wanted.legal_hold_allows_appends;
            container.version_level_worm = wanted.version_level_worm;
            (wanted.name.clone(), container)
        });
        Self {
            name: settings.name.clone(),
            id,
            created: now,
            containers: containers.collect(),
            settings: settings.clone(),
            delegation_epoch: 0,
        }
    }

    pub(crate) fn blob(&self, container: &str, blob: &str) -> Option<&Blob> {
        self.containers.get(container)?.blobs.get(blob)
    }
}

impl Container {
    pub(crate) fn new(name: &str, etag: String, now: Timestamp) -> Self {
        Self {
            name: name.into(),
            created: now,
            modified: now,
            etag,
            metadata: Vec::new(),
            policy: None,
            hold_tags: Vec::new(),
            hold_appends_all: false,
            version_level_worm: false,
            blobs: BTreeMap::new(),
        }
    }
}
