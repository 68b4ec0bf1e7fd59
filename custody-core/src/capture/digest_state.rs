//! Where the digests of an item stand in the second register: part of the fold over the log.

use std::collections::BTreeMap;

use super::digest_outcome::DigestOutcome;
use crate::custody_log::{Act, Failure};

/// The digests of one item, as the log tells them.
#[derive(Debug, Clone, Default)]
pub(crate) struct DigestStates {
    /// By the name in the register; none are here before they are begun to be put.
    places: BTreeMap<String, Place>,
    /// Why a custodian gave up what is missing.
    pub(super) given_up: Option<String>,
}

#[derive(Debug, Clone)]
enum Place {
    /// It was begun to be put, and nothing says how that ended.
    Begun,
    There,
    Failed(Failure),
}

impl DigestStates {
    /// Takes the next line about the item, if it is about its digests.
    pub(super) fn take(&mut self, act: &Act) {
        let (name, place) = match act {
            Act::DigestIntent { name, .. } => (name, Place::Begun),
            Act::DigestDone { name, .. } => (name, Place::There),
            Act::DigestFailed { name, failure, .. } => (name, Place::Failed(failure.clone())),
            Act::DigestGivenUp { reason, .. } => {
                self.given_up = Some(reason.clone());
                return;
            }
            _ => return,
        };
        self.places.insert(name.clone(), place);
    }

    /// Whether the log says that the digest of this name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self.places.get(name), Some(Place::There))
    }

    /// Those that were begun to be put and are not known to be there, given up or not.
    pub(super) fn missing(&self) -> Vec<DigestOutcome> {
        let missing = self.places.iter().filter_map(|(name, place)| {
            let failure = match place {
                Place::There => return None,
                Place::Begun => None,
                Place::Failed(failure) => Some(failure.clone()),
            };
            Some(DigestOutcome {
                name: name.clone(),
                failure,
                given_up: self.given_up.clone(),
            })
        });
        missing.collect()
    }
}
