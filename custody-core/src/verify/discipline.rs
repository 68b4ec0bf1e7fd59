use std::collections::BTreeMap;

use crate::custody_log::{Act, Event, KeyDeed};
use crate::ids::{EvidenceItemId, Segment};

/// More intents than this are not kept open.
const MAX_OPEN_INTENTS: usize = 100_000;

/// An act on the outside: it has an intent line before it and a done or failed line after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Snapshot,
    Grant,
    Revoke,
    Acquire,
    Seal,
    Digest,
    Delete,
    Stamp,
    MachineRecord,
    Key,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Acquire => "acquire",
            Self::Seal => "seal",
            Self::Digest => "digest",
            Self::Delete => "delete",
            Self::Stamp => "stamp",
            Self::MachineRecord => "machine record",
            Self::Key => "key",
        }
    }
}

/// Which side of an act a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Intent,
    Answer,
}

/// The rule that nothing is done without saying so first: each done or failed line answers an earlier intent of the
/// same act on the same thing, and each intent is answered at most once.
#[derive(Debug, Default)]
pub(super) struct Discipline {
    /// Intents that nothing answered yet: their line's number from 0, the act, what it is about.
    open: BTreeMap<u64, (Deed, String)>,
}

impl Discipline {
    /// Takes the next line; the fault, as what is due and what is there.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), (String, String)> {
        let Some((deed, side, subject)) = sided(&event.act) else {
            return match event.intent {
                None => Ok(()),
                Some(line) => Err((
                    "no intent: this line answers none".into(),
                    format!("it claims to answer line {}", line + 1),
                )),
            };
        };
        match (side, event.intent) {
            (Side::Intent, None) => {
                if self.open.len() == MAX_OPEN_INTENTS {
                    return Err((
                        format!("at most {MAX_OPEN_INTENTS} intents without an answer"),
                        "more".into(),
                    ));
                }
                self.open.insert(event.seq, (deed, subject));
                Ok(())
            }
            (Side::Intent, Some(line)) => Err((
                "an intent that answers nothing".into(),
                format!("it claims to answer line {}", line + 1),
            )),
            (Side::Answer, Some(line)) => self.answer(line, deed, &subject),
            (Side::Answer, None) => self.adopt(deed, &subject),
        }
    }

    fn answer(&mut self, line: u64, deed: Deed, subject: &str) -> Result<(), (String, String)> {
        let due = format!("the answer to an intent: {} {subject}", deed.word());
        match self.open.remove(&line) {
            Some((intended, about)) if intended == deed && about == subject => Ok(()),
            Some((intended, about)) => Err((
                due,
                format!("it answers line {}: {} {about}", line + 1, intended.word()),
            )),
            None => Err((
                due,
                format!("it answers line {}, which is no open intent", line + 1),
            )),
        }
    }

    /// A snapshot that was found after a stop answers the intent that the stop left open.
    fn adopt(&mut self, deed: Deed, subject: &str) -> Result<(), (String, String)> {
        let open = self
            .open
            .iter()
            .find(|(_, (intended, about))| *intended == deed && about == subject)
            .map(|(line, _)| *line);
        match open {
            Some(line) if deed == Deed::Snapshot => {
                self.open.remove(&line);
                Ok(())
            }
            _ => Err((
                format!(
                    "the number of the intent that it answers: {} {subject}",
                    deed.word()
                ),
                "none".into(),
            )),
        }
    }

    /// Intents that nothing answered: line (from 1) and what was intended.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (u64, String)> {
        self.open
            .iter()
            .map(|(line, (deed, subject))| (line + 1, format!("{} {subject}", deed.word())))
    }
}

/// The act that a line belongs to, its side of it, and what it is about.
fn sided(act: &Act) -> Option<(Deed, Side, String)> {
    use Side::{Answer, Intent};
    let sided = match act {
        Act::SnapshotIntent { item, .. } => (Deed::Snapshot, Intent, item.to_string()),
        Act::SnapshotDone { item, .. } | Act::SnapshotFailed { item, .. } => {
            (Deed::Snapshot, Answer, item.to_string())
        }
        Act::GrantIntent { item, .. } => (Deed::Grant, Intent, item.to_string()),
        Act::GrantDone { item, .. } | Act::GrantFailed { item, .. } => {
            (Deed::Grant, Answer, item.to_string())
        }
        Act::RevokeIntent { item } => (Deed::Revoke, Intent, item.to_string()),
        Act::RevokeDone { item } | Act::RevokeFailed { item, .. } => (Deed::Revoke, Answer, item.to_string()),
        Act::AcquireIntent { item, attempt, file }
        | Act::AcquireFailed {
            item, attempt, file, ..
        } => {
            let side = if matches!(act, Act::AcquireIntent { .. }) {
                Intent
            } else {
                Answer
            };
            (Deed::Acquire, side, format!("{item} attempt {attempt} as {file}"))
        }
        Act::AcquireDone {
            item,
            attempt,
            receipt,
            ..
        } => {
            let file = receipt.object.file_name();
            (
                Deed::Acquire,
                Answer,
                format!("{item} attempt {attempt} as {file}"),
            )
        }
        Act::SealIntent { .. } => (Deed::Seal, Intent, "of the acquisition".into()),
        Act::SealDone { .. } | Act::SealFailed { .. } => (Deed::Seal, Answer, "of the acquisition".into()),
        Act::DigestIntent { item, name, .. } => (Deed::Digest, Intent, format!("{name} of {item}")),
        Act::DigestDone { item, name } | Act::DigestFailed { item, name, .. } => {
            (Deed::Digest, Answer, format!("{name} of {item}"))
        }
        Act::DeleteIntent { item, snapshot, .. } => (Deed::Delete, Intent, format!("{snapshot} of {item}")),
        Act::DeleteDone { item, snapshot } | Act::DeleteFailed { item, snapshot, .. } => {
            (Deed::Delete, Answer, format!("{snapshot} of {item}"))
        }
        Act::StampIntent { size } => (Deed::Stamp, Intent, format!("of the checkpoint of {size} lines")),
        Act::StampDone { size, .. } | Act::StampFailed { size, .. } => {
            (Deed::Stamp, Answer, format!("of the checkpoint of {size} lines"))
        }
        Act::MachineRecordIntent { object, .. } => (Deed::MachineRecord, Intent, object.file.to_string()),
        Act::MachineRecordDone { object, .. } => (Deed::MachineRecord, Answer, object.file.to_string()),
        Act::MachineRecordFailed { name, .. } => {
            let file = crate::layout::machine_record(name);
            (Deed::MachineRecord, Answer, file.to_string())
        }
        Act::KeyIntent {
            item,
            key,
            name,
            deed,
        } => (Deed::Key, Intent, key_subject(*deed, *key, item, name)),
        Act::KeyDone {
            item,
            key,
            name,
            told,
        } => (Deed::Key, Answer, key_subject(told.deed(), *key, item, name)),
        Act::KeyFailed {
            item,
            key,
            name,
            deed,
            ..
        } => (Deed::Key, Answer, key_subject(*deed, *key, item, name)),
        _ => return None,
    };
    Some(sided)
}

fn key_subject(deed: KeyDeed, key: u32, item: &EvidenceItemId, name: &Segment) -> String {
    format!("{key} of {item}, {deed} it as {name}")
}
