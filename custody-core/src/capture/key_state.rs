//! Where the keys of an item stand: part of the fold over the log.

use crate::custody_log::{
    Act, Failure, ItemKeys, KeptKey, KeyDeed, KeyNeed, KeyTold, LeftBehind, NeededKey, PossiblyKeptKey,
};
use crate::ids::{EvidenceItemId, Segment};
use crate::port::KeyProof;

/// The keys of one item, as the log tells them.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyStates {
    /// Which it needs, once that was told.
    pub(super) need: Option<KeyNeed>,
    /// Why that could not be told, the last time.
    pub(super) not_told: Option<Failure>,
    pub(super) keys: Vec<KeyState>,
    /// What was found in the stored copy without a key.
    pub(super) found: Option<KeyProof>,
    /// Why the stored copy could not be looked into, the last time.
    pub(super) proof_failure: Option<Failure>,
    /// Why a key was not taken.
    pub(super) not_taken: Option<String>,
    /// Why a custodian gave up what is missing.
    pub(super) given_up: Option<String>,
}

/// One key that an item needs.
#[derive(Debug, Clone)]
pub(super) struct KeyState {
    pub(super) needed: NeededKey,
    /// The name under which it is, or will be, in the escrow.
    pub(super) name: Segment,
    /// Somebody else's key has that name.
    pub(super) name_taken: bool,
    /// An intent that nothing answered yet: its line, and what it was for.
    pub(super) open: Option<(u64, KeyDeed)>,
    /// It may lie in the escrow without the log knowing.
    pub(super) may_lie_there: bool,
    /// What the escrow says of it, once it is there.
    pub(super) kept: Option<KeptKey>,
    /// Why the last thing that was to be done with it was not done.
    pub(super) failure: Option<Failure>,
}

impl KeyStates {
    /// Takes the next line about the item, if it is about its keys.
    pub(super) fn take(&mut self, line: u64, act: &Act) -> Result<(), String> {
        match act {
            Act::KeyRequirement { need, .. } => {
                if self.need.is_some() {
                    return Err("which keys it needs was told before".into());
                }
                self.keys = need.keys().iter().cloned().map(KeyState::needed).collect();
                self.need = Some(need.clone());
                self.not_told = None;
            }
            Act::KeyNotTold { failure, .. } => self.not_told = Some(failure.clone()),
            Act::KeyIntent { key, name, deed, .. } => self.key(*key)?.intend(line, name, *deed)?,
            Act::KeyDone { key, told, .. } => self.key(*key)?.done(told)?,
            Act::KeyFailed {
                key,
                deed,
                failure,
                left,
                ..
            } => self.key(*key)?.fail(*deed, failure, *left)?,
            Act::KeyProof { key, proof, .. } => {
                self.proof_failure = None;
                match key {
                    Some(key) => self.key(*key)?.prove(proof)?,
                    None => self.found = Some(proof.clone()),
                }
            }
            Act::KeyProofFailed { failure, .. } => self.proof_failure = Some(failure.clone()),
            Act::KeyNotTaken { reason, .. } => self.not_taken = Some(reason.clone()),
            Act::KeyGivenUp { reason, .. } => self.given_up = Some(reason.clone()),
            _ => {}
        }
        Ok(())
    }

    fn key(&mut self, number: u32) -> Result<&mut KeyState, String> {
        let mut keys = self.keys.iter_mut();
        keys.find(|key| key.needed.key == number)
            .ok_or_else(|| format!("key {number} is none that it needs"))
    }

    /// Whether nothing more is to be done for them, by someone who can deal with keys or cannot.
    pub(super) fn are_settled(&self, can: CanTakeKeys) -> bool {
        if self.given_up.is_some() {
            return true;
        }
        match &self.need {
            None => can == CanTakeKeys::No,
            Some(KeyNeed::None | KeyNeed::Unknown { .. }) => self.found.is_some() || can == CanTakeKeys::No,
            Some(KeyNeed::Keys { .. }) => self.keys.iter().all(KeyState::is_settled),
        }
    }

    /// Why the disk snapshot must stay, if it must.
    pub(super) fn why_kept(&self) -> Option<String> {
        if self.not_taken.is_some() {
            return Some("the key that its copy needs was not taken".into());
        }
        for key in &self.keys {
            let number = key.needed.key;
            match &key.kept {
                None => return Some(format!("key {number} that its copy needs was not taken")),
                Some(kept) if !kept.opens() => {
                    return Some(format!("it is not proven that key {number} opens its copy"));
                }
                Some(_) => {}
            }
        }
        let untold = self.given_up.is_some() && self.need.is_none();
        untold.then(|| "which keys its copy needs was not found out".into())
    }

    /// What a manifest says of them; none where nothing was told of keys.
    pub(super) fn record(&self, item: &EvidenceItemId) -> Option<ItemKeys> {
        if self.need.is_none() && self.given_up.is_none() {
            return None;
        }
        let mut record = ItemKeys::new(item.clone());
        record.need.clone_from(&self.need);
        record.kept = self.keys.iter().filter_map(|key| key.kept.clone()).collect();
        record.possibly_kept = self.keys.iter().filter_map(KeyState::possibly_kept).collect();
        record.found.clone_from(&self.found);
        record.not_taken.clone_from(&self.not_taken);
        record.given_up.clone_from(&self.given_up);
        Some(record)
    }
}

/// Whether a run has what it takes to deal with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CanTakeKeys {
    Yes,
    No,
}

impl KeyState {
    fn needed(needed: NeededKey) -> Self {
        Self {
            name: needed.name.clone(),
            needed,
            name_taken: false,
            open: None,
            may_lie_there: false,
            kept: None,
            failure: None,
        }
    }

    /// Where it may lie in the escrow although no line says that it does.
    pub(super) fn possibly_kept(&self) -> Option<PossiblyKeptKey> {
        let is_unsure = self.kept.is_none() && self.may_lie_there;
        is_unsure.then(|| PossiblyKeptKey::new(self.needed.key, self.name.clone()))
    }

    fn is_settled(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.proof.is_some())
    }

    fn intend(&mut self, line: u64, name: &Segment, deed: KeyDeed) -> Result<(), String> {
        if *name != self.name && !self.name_taken {
            return Err(format!("key {} is to lie under {}", self.needed.key, self.name));
        }
        if self.kept.is_some() && matches!(deed, KeyDeed::Fetch | KeyDeed::Wrap | KeyDeed::Deposit) {
            return Err(format!("key {} is in the escrow already", self.needed.key));
        }
        self.name = name.clone();
        self.name_taken = false;
        self.open = Some((line, deed));
        self.may_lie_there |= deed == KeyDeed::Deposit;
        Ok(())
    }

    fn close(&mut self, deed: KeyDeed) -> Result<(), String> {
        match self.open.take() {
            Some((_, open)) if open == deed => Ok(()),
            _ => Err(format!("{deed} key {} was not intended", self.needed.key)),
        }
    }

    fn done(&mut self, told: &KeyTold) -> Result<(), String> {
        self.close(told.deed())?;
        self.failure = None;
        if let KeyTold::Deposit { receipt, original } = told {
            self.kept = Some(KeptKey::new(self.needed.key, receipt.clone(), original.clone()));
        }
        Ok(())
    }

    fn fail(&mut self, deed: KeyDeed, failure: &Failure, left: LeftBehind) -> Result<(), String> {
        self.close(deed)?;
        self.failure = Some(failure.clone());
        match left {
            LeftBehind::Object => {
                self.name_taken = true;
                self.may_lie_there = false;
            }
            LeftBehind::Nothing if deed == KeyDeed::Deposit => self.may_lie_there = false,
            LeftBehind::Nothing | LeftBehind::Adoptable | LeftBehind::Unknown => {}
        }
        Ok(())
    }

    fn prove(&mut self, proof: &KeyProof) -> Result<(), String> {
        let number = self.needed.key;
        let kept = self.kept.as_mut();
        let kept = kept.ok_or_else(|| format!("key {number} was tried and is not in the escrow"))?;
        kept.proof = Some(proof.clone());
        self.failure = None;
        Ok(())
    }
}
