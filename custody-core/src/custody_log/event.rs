use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::act::Act;
use crate::digest::Sha256Digest;
use crate::ids::{AcquisitionId, CaseId, Statement, Timestamp};
use crate::service::ServiceRecord;

/// Who acts, as they state it. Nothing here was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Stated {
    /// The examiner.
    pub examiner: Statement,
    /// Who asked for the acquisition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Statement>,
    /// Who watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Statement>,
}

impl Stated {
    /// This examiner, nobody else.
    #[must_use]
    pub const fn new(examiner: Statement) -> Self {
        Self {
            examiner,
            requester: None,
            witness: None,
        }
    }
}

/// Who acts: as stated, and as a system authenticated them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Who {
    /// As stated by the people themselves.
    pub stated: Stated,
    /// As a system knows them: the operating system's user, a tenant's object. By that system's names.
    pub authenticated: BTreeMap<String, String>,
}

impl Who {
    /// These people, known to a system as this.
    #[must_use]
    pub const fn new(stated: Stated, authenticated: BTreeMap<String, String>) -> Self {
        Self {
            stated,
            authenticated,
        }
    }
}

/// When a line was written, by clocks that nobody vouches for until a time stamp covers the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct When {
    /// The host's UTC.
    pub utc: Timestamp,
    /// Milliseconds of the host's monotonic clock.
    pub monotonic_ms: u64,
    /// The run of the host that the monotonic clock belongs to.
    pub boot: String,
    /// Always "not independently timed": a time stamp over a checkpoint is what times a line.
    pub assurance: String,
}

impl When {
    /// The only assurance that a line can give of its own time.
    pub const NOT_INDEPENDENTLY_TIMED: &'static str = "not independently timed";

    /// By these clocks.
    #[must_use]
    pub fn new(utc: Timestamp, monotonic_ms: u64, boot: impl Into<String>) -> Self {
        Self {
            utc,
            monotonic_ms,
            boot: boot.into(),
            assurance: Self::NOT_INDEPENDENTLY_TIMED.into(),
        }
    }
}

/// With what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct How {
    /// The program's name.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The commit it was built from, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 of the running executable, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<Sha256Digest>,
    /// What was asked for: settings by name, never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

impl How {
    /// This program in this version.
    pub fn new(tool: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            tool: tool.into(),
            version: version.into(),
            commit: None,
            executable: None,
            settings: BTreeMap::new(),
        }
    }
}

/// Why: on what authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Why {
    /// The warrant, policy or ticket, as stated.
    pub authority: Statement,
    /// What it is about, as stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Statement>,
}

impl Why {
    /// On this authority.
    #[must_use]
    pub const fn new(authority: Statement) -> Self {
        Self {
            authority,
            description: None,
        }
    }
}

/// What stays the same from line to line: who acts, where, with what and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Circumstances {
    /// Who.
    pub who: Who,
    /// Where: host name, operating system, and what else places the act.
    #[serde(rename = "where")]
    pub place: BTreeMap<String, String>,
    /// With what.
    pub how: How,
    /// Why.
    pub why: Why,
}

impl Circumstances {
    /// These.
    #[must_use]
    pub const fn new(who: Who, place: BTreeMap<String, String>, how: How, why: Why) -> Self {
        Self { who, place, how, why }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The format's version: 1.
    pub v: u32,
    /// The line's number, from 0.
    pub seq: u64,
    /// SHA-256 of the line before, without its line feed; zeros for the first.
    pub prev: Sha256Digest,
    /// 16 random bytes, hexadecimal, so that a line's digest tells nothing of the line.
    pub salt: String,
    /// The case; none for what concerns the whole store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The acquisition; none for what concerns the whole store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquisition: Option<AcquisitionId>,
    /// The number of the intent line that this line answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<u64>,
    /// When.
    pub when: When,
    /// Who, where, how, why.
    #[serde(flatten)]
    pub circumstances: Circumstances,
    /// What the service answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceRecord>,
    /// What: its kind in `type`, its content in `what`.
    #[serde(flatten)]
    pub act: Act,
}

impl Event {
    /// The version that this crate writes and reads.
    pub const VERSION: u32 = 1;
}
