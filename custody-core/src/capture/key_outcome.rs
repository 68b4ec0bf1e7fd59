use std::collections::BTreeMap;

use serde::Serialize;

use super::key_state::KeyState;
use super::state::ItemState;
use crate::custody_log::{Failure, KeyNeed};
use crate::ids::Segment;
use crate::port::{ProofVerdict, VolumeProof};

/// What became of the keys of an item. Never a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeysOutcome {
    /// The keys that its provider says it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyOutcome>,
    /// Why its provider cannot tell which keys it needs, where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The encrypted volumes of the stored copy that no key is proven to open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unopened: Vec<VolumeProof>,
    /// Why a key was not taken, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_taken: Option<String>,
    /// Why a custodian gave up what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// Why it could not be found out which keys it needs, or what its stored copy holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

const POSSIBLY_KEPT: &str = "its deposit was begun, and no answer says that nothing was kept";

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyOutcome {
    /// Its number among the keys of the item, from 1.
    pub key: u32,
    /// Where it lies at its source.
    pub source: String,
    /// Its name in the escrow.
    pub name: Segment,
    /// How the escrow keeps it; none when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Where exactly the escrow keeps it, by its own names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
    /// Why it may be in the escrow although it is not known to be, where it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possibly_kept: Option<String>,
    /// Whether it opens the stored copy; none when that was not tried yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<ProofVerdict>,
    /// Why the last thing that was to be done with it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl KeysOutcome {
    /// None where nothing was told of keys.
    pub(super) fn of(item: &ItemState) -> Option<Self> {
        let states = &item.keys;
        let record = states.record(&item.planned.item);
        let failure = states.not_told.clone().or_else(|| states.proof_failure.clone());
        if record.is_none() && failure.is_none() && states.not_taken.is_none() {
            return None;
        }
        let unopened = record.map_or_else(Vec::new, |record| {
            record.unopened().into_iter().cloned().collect()
        });
        Some(Self {
            keys: states.keys.iter().map(KeyOutcome::of).collect(),
            unknown: match &states.need {
                Some(KeyNeed::Unknown { reason }) => Some(reason.clone()),
                _ => None,
            },
            unopened,
            not_taken: states.not_taken.clone(),
            given_up: states.given_up.clone(),
            failure,
        })
    }

    /// Whether something about a key, or about the keys as a whole, could not be done yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.given_up.is_none()
            && (self.failure.is_some()
                || self
                    .keys
                    .iter()
                    .any(|key| key.form.is_none() || key.opens.is_none()))
    }

    /// Whether a key is in the escrow and not proven to open the stored copy, though it was tried.
    #[must_use]
    pub fn has_unproven(&self) -> bool {
        let unproven = |key: &KeyOutcome| {
            key.opens
                .as_ref()
                .is_some_and(|opens| *opens != ProofVerdict::Opens)
        };
        self.keys.iter().any(unproven)
    }

    pub(super) fn is_integrity_failure(&self) -> bool {
        let failures = self.keys.iter().filter_map(|key| key.failure.as_ref());
        failures.chain(&self.failure).any(Failure::is_integrity)
    }
}

impl KeyOutcome {
    fn of(key: &KeyState) -> Self {
        let kept = key.kept.as_ref();
        Self {
            key: key.needed.key,
            source: key.needed.source.address.clone(),
            name: key.name.clone(),
            form: kept.map(|kept| kept.receipt.form.clone()),
            version: kept.map(|kept| kept.receipt.version.clone()).unwrap_or_default(),
            possibly_kept: key.possibly_kept().map(|_| POSSIBLY_KEPT.to_owned()),
            opens: kept
                .and_then(|kept| kept.proof.as_ref())
                .map(|proof| proof.verdict.clone()),
            failure: key.failure.clone(),
        }
    }
}
