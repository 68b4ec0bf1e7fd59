use std::collections::BTreeMap;

use crate::custody_log::{Act, Failure, SealedObject, StoredRecord};
use crate::ids::{RecordName, Segment};
use crate::layout;
use crate::port::NotAcquired;

/// What the log of an acquisition says of one machine record.
#[derive(Debug, Clone)]
enum Told {
    /// These bytes will be stored.
    Intended(SealedObject),
    /// They are.
    Stored(SealedObject),
    /// They are not, as far as is known, or there are none.
    Failed(Failure),
}

/// What the log of an acquisition says of its machine records.
#[derive(Debug, Default)]
pub(super) struct RecordHistory {
    told: BTreeMap<RecordName, (String, Told)>,
    /// Names under which something was to be stored.
    begun: BTreeMap<Segment, RecordName>,
}

impl RecordHistory {
    /// Takes the next line about a record; what is due and what is there instead, if that line is wrong.
    pub(super) fn take(&mut self, act: Act, sealed: bool) -> Option<(String, String)> {
        let after_seal = sealed.then(|| {
            (
                "no machine record behind the seal".to_owned(),
                "a line about one".to_owned(),
            )
        });
        let (name, what, told) = match act {
            Act::MachineRecordIntent { object, what } => {
                let Some(name) = layout::machine_record_name(&object.file) else {
                    return Some(not_a_record(&object));
                };
                self.begun.insert(object.file.clone(), name.clone());
                (name, what, Told::Intended(object))
            }
            Act::MachineRecordDone { object, what } => {
                let Some(name) = layout::machine_record_name(&object.file) else {
                    return Some(not_a_record(&object));
                };
                (name, what, Told::Stored(object))
            }
            Act::MachineRecordFailed { name, what, failure }
            | Act::MachineRecordNotTaken { name, what, failure } => (name, what, Told::Failed(failure)),
            _ => return None,
        };
        let fault = self.fault(&name, &told);
        self.told.insert(name, (what, told));
        after_seal.or(fault)
    }

    fn fault(&self, name: &RecordName, told: &Told) -> Option<(String, String)> {
        let before = self.told.get(name).map(|(_, told)| told);
        match (before, told) {
            (Some(Told::Stored(object)), _) => Some((
                format!("no further line about {}, which is stored", object.file),
                "one".into(),
            )),
            (Some(Told::Intended(due)), Told::Stored(found)) if due != found => Some((
                format!("{} with SHA-256 {}, as it was intended", due.file, due.sha256),
                format!("SHA-256 {}", found.sha256),
            )),
            _ => None,
        }
    }

    /// The records that are stored, ordered by file name.
    pub(super) fn stored(&self) -> Vec<StoredRecord> {
        let stored = self.told.values().filter_map(|(what, told)| match told {
            Told::Stored(object) => Some(StoredRecord::new(object.clone(), what.clone())),
            Told::Intended(_) | Told::Failed(_) => None,
        });
        stored.collect()
    }

    /// The records that are not, with the reason.
    pub(super) fn not_acquired(&self) -> Vec<NotAcquired> {
        let failed = self.told.iter().filter_map(|(name, (what, told))| match told {
            Told::Failed(failure) => Some(NotAcquired::new(
                format!("machine record {name}: {what}"),
                failure.in_words(),
            )),
            Told::Stored(_) | Told::Intended(_) => None,
        });
        failed.collect()
    }

    /// Names under which something may lie that is no evidence.
    pub(super) fn leftovers(&self, given_up: bool) -> impl Iterator<Item = Segment> {
        let left = self
            .begun
            .iter()
            .filter(move |(_, name)| given_up || !matches!(self.told.get(*name), Some((_, Told::Stored(_)))));
        left.map(|(file, _)| file.clone())
    }
}

fn not_a_record(object: &SealedObject) -> (String, String) {
    (
        format!("a name that begins with {}", layout::MACHINE_RECORD_PREFIX),
        object.file.to_string(),
    )
}
