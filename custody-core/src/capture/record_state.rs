//! Where the machine records of an acquisition stand: part of the fold over its log.

use std::collections::{BTreeMap, BTreeSet};

use crate::custody_log::{Act, Failure, SealedObject, StoredRecord};
use crate::error::Remedy;
use crate::ids::RecordName;
use crate::layout;
use crate::port::NotAcquired;

/// When a record that could not be had is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskAgain {
    /// At the beginning of a run: what may have passed since, and what may have been permitted since.
    NewRun,
    /// In the same run, before it seals: what may have passed.
    BeforeSeal,
}

impl AskAgain {
    fn may_help(self, failure: &Failure) -> bool {
        let remedies: &[Remedy] = match self {
            Self::NewRun => &[Remedy::Retry, Remedy::Wait, Remedy::FixPermission],
            Self::BeforeSeal => &[Remedy::Retry, Remedy::Wait],
        };
        remedies.iter().any(|remedy| remedy.as_str() == failure.remedy)
    }
}

/// How far a record is.
#[derive(Debug, Clone)]
pub(super) enum RecordStage {
    /// The line that says it will be stored, with nothing behind it yet.
    Intended { line: u64, object: SealedObject },
    /// Stored and read back.
    Stored(SealedObject),
    /// Not known to be stored; the bytes that may lie there all the same.
    Failed {
        failure: Failure,
        begun: Option<SealedObject>,
    },
}

/// One record, as the log tells it.
#[derive(Debug, Clone)]
pub(super) struct RecordState {
    pub(super) what: String,
    pub(super) stage: RecordStage,
}

/// The records of an acquisition, as its log tells them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordStates(BTreeMap<RecordName, RecordState>);

impl RecordStates {
    /// Takes the next line, if it is about a record.
    pub(super) fn take(&mut self, line: u64, act: &Act) -> Result<(), String> {
        match act {
            Act::MachineRecordIntent { object, what } => {
                let name = name_of(object)?;
                if let Some(RecordStage::Stored(_) | RecordStage::Intended { .. }) = self.stage(&name) {
                    return Err(format!("{} will be stored a second time", object.file));
                }
                let object = object.clone();
                self.set(name, what, RecordStage::Intended { line, object });
            }
            Act::MachineRecordDone { object, what } => {
                let name = name_of(object)?;
                match self.stage(&name) {
                    Some(RecordStage::Intended { object: intended, .. }) if intended == object => {}
                    _ => return Err(format!("{} was not to be stored", object.file)),
                }
                self.set(name, what, RecordStage::Stored(object.clone()));
            }
            Act::MachineRecordFailed { name, what, failure } => {
                let Some(RecordStage::Intended { object, .. }) = self.stage(name) else {
                    return Err(format!("machine record {name} was not to be stored"));
                };
                let begun = Some(object.clone());
                let failure = failure.clone();
                self.set(name.clone(), what, RecordStage::Failed { failure, begun });
            }
            Act::MachineRecordNotTaken { name, what, failure } => {
                let begun = match self.stage(name) {
                    Some(RecordStage::Failed { begun, .. }) => begun.clone(),
                    None => None,
                    Some(RecordStage::Stored(_) | RecordStage::Intended { .. }) => {
                        return Err(format!("machine record {name} was taken"));
                    }
                };
                let failure = failure.clone();
                self.set(name.clone(), what, RecordStage::Failed { failure, begun });
            }
            _ => {}
        }
        Ok(())
    }

    fn stage(&self, name: &RecordName) -> Option<&RecordStage> {
        self.0.get(name).map(|record| &record.stage)
    }

    fn set(&mut self, name: RecordName, what: &str, stage: RecordStage) {
        let what = what.to_owned();
        self.0.insert(name, RecordState { what, stage });
    }

    /// Every record.
    pub(super) fn all(&self) -> impl Iterator<Item = (&RecordName, &RecordState)> {
        self.0.iter()
    }

    /// The names that need not be asked for: stored, or failed for a reason that will not pass.
    pub(super) fn settled(&self, again: AskAgain) -> BTreeSet<RecordName> {
        let settled = self.0.iter().filter(|(_, record)| match &record.stage {
            RecordStage::Stored(_) => true,
            RecordStage::Failed { failure, .. } => !again.may_help(failure),
            RecordStage::Intended { .. } => false,
        });
        settled.map(|(name, _)| name.clone()).collect()
    }

    /// Whether asking again may give something more.
    pub(super) fn any_open(&self, again: AskAgain) -> bool {
        self.settled(again).len() < self.0.len()
    }

    /// What is stored, ordered by file name.
    pub(super) fn stored(&self) -> Vec<StoredRecord> {
        let stored = self.0.values().filter_map(|record| match &record.stage {
            RecordStage::Stored(object) => Some(StoredRecord::new(object.clone(), &record.what)),
            RecordStage::Intended { .. } | RecordStage::Failed { .. } => None,
        });
        stored.collect()
    }

    /// What is not, and why.
    pub(super) fn not_acquired(&self) -> impl Iterator<Item = NotAcquired> {
        self.0.iter().filter_map(|(name, record)| match &record.stage {
            RecordStage::Failed { failure, .. } => Some(NotAcquired::new(
                format!("machine record {name}: {}", record.what),
                failure.in_words(),
            )),
            RecordStage::Stored(_) | RecordStage::Intended { .. } => None,
        })
    }
}

fn name_of(object: &SealedObject) -> Result<RecordName, String> {
    layout::machine_record_name(&object.file)
        .ok_or_else(|| format!("{} is no machine record's name", object.file))
}
