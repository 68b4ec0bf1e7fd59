use std::collections::BTreeMap;

use crate::custody_log::{Act, ItemKeys, KeptKey, KeyDeed, KeyNeed, KeyTold, LeftBehind, PossiblyKeptKey};
use crate::ids::{EvidenceItemId, Segment};
use crate::port::{KeyProof, ProofVerdict};

/// What is due, and what is there instead.
type Fault = (String, String);

/// What the log of an acquisition says of the keys of one item, derived anew from its lines.
#[derive(Debug, Default)]
pub(super) struct KeyHistory {
    need: Option<KeyNeed>,
    kept: Vec<KeptKey>,
    found: Option<KeyProof>,
    not_taken: Option<String>,
    given_up: Option<String>,
    /// Names under which somebody else's key lies.
    taken_names: Vec<Segment>,
    /// Keys of which a deposit was begun, and whose deposit no answer says to be done or to have left nothing.
    unsure: BTreeMap<u32, Segment>,
}

impl KeyHistory {
    /// Takes the next line about it; what is wrong with that line.
    pub(super) fn take(&mut self, act: Act, sealed: bool, is_evidence: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        let fault = |due: &str, found: String| (due.to_owned(), found);
        if sealed {
            faults.push(fault("no line about keys behind the seal", "one".into()));
        }
        match act {
            Act::KeyRequirement { need, .. } => {
                if self.need.is_some() {
                    faults.push(fault(
                        "one line that says which keys are needed",
                        "another".into(),
                    ));
                }
                let numbered = (1..)
                    .zip(need.keys())
                    .all(|(number, needed)| needed.key == number);
                if !numbered || matches!(&need, KeyNeed::Keys { keys } if keys.is_empty()) {
                    faults.push(fault("keys numbered from 1, at least one", "otherwise".into()));
                }
                self.need = Some(need);
            }
            Act::KeyIntent { key, name, deed, .. } => {
                faults.extend(self.intend(key, &name, deed));
                if deed == KeyDeed::Deposit {
                    self.unsure.insert(key, name);
                }
            }
            Act::KeyDone {
                key,
                name,
                told: KeyTold::Deposit { receipt, original },
                ..
            } => {
                if receipt.name != name.as_str() {
                    faults.push(fault(&format!("a receipt for {name}"), receipt.name.clone()));
                }
                if self.kept(key).is_some() {
                    faults.push(fault(
                        &format!("key {key} put into the escrow once"),
                        "twice".into(),
                    ));
                }
                self.unsure.remove(&key);
                self.kept.push(KeptKey::new(key, receipt, original));
                self.kept.sort_by_key(|kept| kept.key);
            }
            Act::KeyFailed {
                key,
                name,
                left: LeftBehind::Object,
                ..
            } => {
                self.unsure.remove(&key);
                self.taken_names.push(name);
            }
            Act::KeyFailed {
                key,
                deed: KeyDeed::Deposit,
                left: LeftBehind::Nothing,
                ..
            } => drop(self.unsure.remove(&key)),
            Act::KeyProof { key, proof, .. } => {
                if !is_evidence {
                    faults.push(fault(
                        "a stored copy that was read back and matched, before a key is tried on it",
                        "none".into(),
                    ));
                }
                match key {
                    None => self.found = Some(proof),
                    Some(key) => match self.kept_mut(key) {
                        Some(kept) => kept.proof = Some(proof),
                        None => faults.push(fault(
                            &format!("key {key} in the escrow, before it is tried"),
                            "none".into(),
                        )),
                    },
                }
            }
            Act::KeyNotTaken { reason, .. } => self.not_taken = Some(reason),
            Act::KeyGivenUp { reason, .. } => self.given_up = Some(reason),
            _ => {}
        }
        faults
    }

    fn intend(&self, key: u32, name: &Segment, deed: KeyDeed) -> Option<Fault> {
        let needed = self.need.iter().flat_map(KeyNeed::keys);
        let Some(needed) = needed.into_iter().find(|needed| needed.key == key) else {
            return Some((
                "a key that is said to be needed before".into(),
                format!("key {key}"),
            ));
        };
        if needed.name != *name && !self.taken_names.contains(&needed.name) {
            return Some((
                format!("key {key} under the name {}", needed.name),
                name.to_string(),
            ));
        }
        let is_before = matches!(deed, KeyDeed::Fetch | KeyDeed::Wrap | KeyDeed::Deposit);
        match (is_before, self.kept(key)) {
            (true, Some(_)) => Some((
                format!("no {deed} of key {key}, which is in the escrow"),
                "one".into(),
            )),
            (false, None) => Some((
                format!("key {key} in the escrow, before {deed} it"),
                "none".into(),
            )),
            _ => None,
        }
    }

    fn kept(&self, key: u32) -> Option<&KeptKey> {
        self.kept.iter().find(|kept| kept.key == key)
    }

    fn kept_mut(&mut self, key: u32) -> Option<&mut KeptKey> {
        self.kept.iter_mut().find(|kept| kept.key == key)
    }

    /// Whether a key that the copy needs was not taken, or is not proven to open it.
    pub(super) fn is_incomplete(&self) -> bool {
        let proven = |key: u32| {
            let proof = self.kept(key).and_then(|kept| kept.proof.as_ref());
            proof.is_some_and(|proof| proof.verdict == ProofVerdict::Opens)
        };
        let needed = self.need.iter().flat_map(KeyNeed::keys);
        let unproven = needed.into_iter().any(|needed| !proven(needed.key));
        let untold = self.need.is_none() && self.given_up.is_some();
        self.not_taken.is_some() || unproven || untold
    }

    /// The entry that a manifest must have for it.
    pub(super) fn record(&self, item: &EvidenceItemId) -> Option<ItemKeys> {
        if self.need.is_none() && self.given_up.is_none() {
            return None;
        }
        let mut record = ItemKeys::new(item.clone());
        record.need.clone_from(&self.need);
        record.kept.clone_from(&self.kept);
        let unsure = self.unsure.iter();
        record.possibly_kept = unsure
            .map(|(key, name)| PossiblyKeptKey::new(*key, name.clone()))
            .collect();
        record.found.clone_from(&self.found);
        record.not_taken.clone_from(&self.not_taken);
        record.given_up.clone_from(&self.given_up);
        Some(record)
    }

    /// What a manifest must name as not acquired.
    pub(super) fn missing(&self, item: &EvidenceItemId) -> Vec<String> {
        let needed = self.need.iter().flat_map(KeyNeed::keys);
        let missing = needed
            .into_iter()
            .filter(|needed| self.kept(needed.key).is_none());
        let mut names: Vec<String> = missing
            .map(|needed| format!("key {} of {item}: {}", needed.key, needed.source.address))
            .collect();
        if self.not_taken.is_some() {
            names.push(format!("the disk key of {item}"));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn act(kind: &str, what: Value) -> Act {
        let mut what = what;
        what["item"] = json!("item-1");
        serde_json::from_value(json!({"type": kind, "what": what})).unwrap()
    }

    fn needed() -> Act {
        let key = json!({"key": 1, "name": "s", "source": {"address": "vault/1"}});
        act(
            "key.requirement",
            json!({"need": {"kind": "keys", "keys": [key]}}),
        )
    }

    fn intent(key: u32, name: &str, deed: &str) -> Act {
        act("key.intent", json!({"key": key, "name": name, "deed": deed}))
    }

    fn deposited(name: &str) -> Act {
        let told = json!({"deed": "deposit", "receipt": {"name": name, "form": "age"}});
        act("key.done", json!({"key": 1, "name": name, "told": told}))
    }

    fn proof(key: u32, verdict: &str) -> Act {
        let proof = json!({"verdict": {"verdict": verdict}});
        act("key.proof", json!({"key": key, "proof": proof}))
    }

    /// The faults of the last of these lines; the others must have none.
    fn faults(mut acts: Vec<Act>, is_evidence: bool) -> Vec<String> {
        let last = acts.pop().unwrap();
        let mut history = KeyHistory::default();
        for act in acts {
            assert_eq!(history.take(act, false, is_evidence), []);
        }
        let faults = history.take(last, false, is_evidence);
        faults.into_iter().map(|(due, _)| due).collect()
    }

    #[test]
    fn what_fits_has_no_fault_and_is_complete_once_it_is_proven() {
        let mut history = KeyHistory::default();
        for act in [
            needed(),
            intent(1, "s", "fetch"),
            intent(1, "s", "deposit"),
            deposited("s"),
        ] {
            assert_eq!(history.take(act, false, true), []);
            assert!(history.is_incomplete());
        }
        assert_eq!(history.take(proof(1, "opens"), false, true), []);
        assert!(!history.is_incomplete());
        assert_eq!(history.record(&"item-1".parse().unwrap()).unwrap().kept.len(), 1);
        assert_eq!(history.take(proof(1, "does-not-open"), false, true), []);
        assert!(history.is_incomplete());
        assert_eq!(
            history.take(needed(), true, true).len(),
            2,
            "behind the seal, and twice"
        );
    }

    #[test]
    fn what_does_not_fit_is_a_fault() {
        let kept = || vec![needed(), intent(1, "s", "deposit"), deposited("s")];
        let with = |more: Act| [kept(), vec![more]].concat();
        let taken = act(
            "key.failed",
            json!({
                "key": 1, "name": "s", "deed": "deposit", "left": "object",
                "failure": {"error": "taken", "remedy": "fix-request"},
            }),
        );
        for (acts, is_evidence, due) in [
            (vec![intent(1, "s", "fetch")], true, "said to be needed before"),
            (
                vec![needed(), intent(2, "s", "fetch")],
                true,
                "said to be needed before",
            ),
            (
                vec![needed(), intent(1, "other", "fetch")],
                true,
                "under the name s",
            ),
            (
                vec![needed(), intent(1, "s", "withdraw")],
                true,
                "in the escrow, before",
            ),
            (
                vec![needed(), proof(1, "opens")],
                true,
                "in the escrow, before it is tried",
            ),
            (with(proof(1, "opens")), false, "read back and matched"),
            (with(intent(1, "s", "fetch")), true, "which is in the escrow"),
            (with(deposited("s")), true, "once"),
            (vec![needed(), needed()], true, "one line"),
        ] {
            let found = faults(acts, is_evidence);
            assert!(found.iter().any(|fault| fault.contains(due)), "{due}: {found:?}");
        }
        let renamed = vec![
            needed(),
            intent(1, "s", "deposit"),
            taken,
            intent(1, "s-1", "deposit"),
        ];
        assert!(faults(renamed, true).is_empty(), "the name was somebody else's");
    }
}
