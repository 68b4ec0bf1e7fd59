use std::collections::BTreeSet;

use super::item_history::Fault;
use crate::custody_log::Act;

/// What the log of an acquisition says of one item's digests in the second register.
#[derive(Debug, Default)]
pub(super) struct DigestHistory {
    /// Those that were begun to be put and are not known to be there.
    missing: BTreeSet<String>,
    given_up: bool,
}

impl DigestHistory {
    /// Takes the next line about the item; gives what is wrong with that line.
    pub(super) fn take(&mut self, act: Act, sealed: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        match act {
            Act::DigestIntent { name, .. } => {
                if self.given_up {
                    faults.push((
                        "no digest after what was missing was given up".into(),
                        format!("digest {name}"),
                    ));
                }
                self.missing.insert(name);
            }
            Act::DigestDone { name, .. } => {
                self.missing.remove(&name);
            }
            Act::DigestGivenUp { .. } => {
                if !sealed {
                    faults.push(("a seal, before digests are given up".into(), "none".into()));
                }
                if self.missing.is_empty() {
                    faults.push(("a digest that is missing, to be given up".into(), "none".into()));
                }
                self.given_up = true;
            }
            _ => {}
        }
        faults
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = &String> {
        self.missing.iter()
    }

    /// What stands behind the missing ones, where a custodian gave them up.
    pub(super) const fn by_order(&self) -> &'static str {
        if self.given_up {
            ": a custodian gave it up"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::EvidenceItemId;

    fn intent(name: &str) -> Act {
        Act::DigestIntent {
            item: EvidenceItemId::new(1),
            name: name.into(),
            sha256: crate::digest::Sha256Digest::of(name.as_bytes()),
        }
    }

    fn done(name: &str) -> Act {
        Act::DigestDone {
            item: EvidenceItemId::new(1),
            name: name.into(),
        }
    }

    fn given_up() -> Act {
        Act::DigestGivenUp {
            item: EvidenceItemId::new(1),
            reason: "gone".into(),
        }
    }

    #[test]
    fn digests_are_given_up_after_the_seal_and_only_where_one_is_missing() {
        let faults = |acts: Vec<Act>, sealed: bool| {
            let mut history = DigestHistory::default();
            let faults = acts
                .into_iter()
                .map(|act| history.take(act, sealed).len())
                .sum::<usize>();
            (faults, history.missing().cloned().collect::<Vec<_>>())
        };
        assert_eq!(faults(vec![intent("a"), done("a")], true), (0, vec![]));
        assert_eq!(
            faults(vec![intent("a"), given_up()], true),
            (0, vec!["a".to_owned()])
        );
        assert_eq!(faults(vec![intent("a"), done("a"), given_up()], true).0, 1);
        assert_eq!(faults(vec![intent("a"), given_up()], false).0, 1);
        assert_eq!(faults(vec![intent("a"), given_up(), intent("a")], true).0, 1);
    }
}
