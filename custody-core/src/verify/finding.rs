use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::error::Error;
use crate::extent::ByteRange;
use crate::visible;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a new weight must be given its outcome")]
pub enum Weight {
    /// Worth knowing; decides nothing.
    Note,
    /// Something is not established.
    NotProven,
    /// Something could not be checked, or is not finished.
    CouldNotCheck,
    /// Something is not what the record says.
    Integrity,
}

impl Weight {
    /// The outcome that this alone leads to.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Note => Outcome::Proven,
            Self::NotProven => Outcome::NotProven,
            Self::CouldNotCheck => Outcome::CouldNotCheck,
            Self::Integrity => Outcome::IntegrityFailure,
        }
    }
}

/// Something that a verification found: in which object, where in it, what was due and what is there, and what a
/// person does next. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The object's name in the store.
    pub object: String,
    /// Where in the object: a line (counted from 1), a field, ranges of bytes.
    pub place: String,
    /// What the record says, or what the format demands.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do next.
    pub next: String,
    /// The ranges of bytes concerned, where they are known: the first 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<ByteRange>,
}

/// For what is not as recorded.
const COMPARE: &str =
    "stop, change nothing, and have a person compare this object with another copy of the store";
/// For what could not be read.
const READ_AGAIN: &str = "remove the cause, then verify again";
/// The longest text of a finding that is kept.
const MAX_TEXT_CHARS: usize = 4000;

impl Finding {
    fn new(
        weight: Weight,
        object: &(impl fmt::Display + ?Sized),
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            weight,
            object: printable(&object.to_string()),
            place: printable(&place.into()),
            expected: printable(&expected.into()),
            found: printable(&found.into()),
            next: printable(&next.into()),
            ranges: Vec::new(),
        }
    }

    /// Something is not what the record says.
    pub(super) fn integrity(
        object: &(impl fmt::Display + ?Sized),
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::new(Weight::Integrity, object, place, expected, found, COMPARE)
    }

    /// Something could not be checked.
    pub(super) fn could_not_check(
        object: &(impl fmt::Display + ?Sized),
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::new(Weight::CouldNotCheck, object, place, expected, found, READ_AGAIN)
    }

    /// Something is not established.
    pub(super) fn not_proven(
        object: &(impl fmt::Display + ?Sized),
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::new(Weight::NotProven, object, place, expected, found, next)
    }

    /// Something worth knowing.
    pub(super) fn note(
        object: &(impl fmt::Display + ?Sized),
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::new(Weight::Note, object, place, expected, found, "nothing; know it")
    }

    /// Sets what to do next.
    #[must_use]
    pub(super) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = printable(&next.into());
        self
    }

    /// Sets the ranges.
    #[must_use]
    pub(super) fn with_ranges(mut self, ranges: Vec<ByteRange>) -> Self {
        self.ranges = ranges;
        self
    }

    /// What reading an object that the record names gave instead of its bytes.
    ///
    /// That it is missing, or has no form it could have, contradicts the record; whatever else keeps it from being
    /// read says nothing of the object.
    pub(super) fn of_error(object: &(impl fmt::Display + ?Sized), error: &Error) -> Self {
        match error.meaning() {
            Error::NotFound { .. } => Self::integrity(object, "whole object", "present", "missing"),
            Error::Malformed { reason, .. } => {
                Self::integrity(object, "form", "the form that its format demands", reason.clone())
            }
            Error::Integrity {
                place,
                expected,
                actual,
                ..
            } => Self::integrity(object, place.clone(), expected.clone(), actual.clone()),
            Error::Stopped { .. } => Self::stopped(object),
            other => {
                let mut found = other.to_string();
                for cause in other.causes() {
                    found.push_str(": ");
                    found.push_str(&cause);
                }
                Self::could_not_check(object, "while reading", "readable", found)
                    .with_next(other.remedy().advice())
            }
        }
    }

    /// The custodian asked to stop before this was checked.
    pub(super) fn stopped(object: &(impl fmt::Display + ?Sized)) -> Self {
        Self::could_not_check(object, "whole object", "checked", "stopped on request")
            .with_next("verify again")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            weight,
            object,
            place,
            expected,
            found,
            next,
            ..
        } = self;
        let weight = match weight {
            Weight::Note => "note",
            other => other.outcome().as_str(),
        };
        write!(
            f,
            "{object}: {weight} at {place}: expected {expected}; found {found}; next: {next}"
        )
    }
}

/// The text with everything that must not reach a terminal written out, and cut where it is very long. A backslash
/// stays, so that what was escaped before reads the same.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_TEXT_CHARS));
    for (i, c) in text.chars().enumerate() {
        if i == MAX_TEXT_CHARS {
            out.push('…');
            break;
        }
        if visible::must_escape(c) {
            out.push_str(&format!("\\u{{{:x}}}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

/// Findings as they are made: the first ones kept, all of them counted and weighed.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    omitted: u64,
    worst: Option<Weight>,
}

/// So many findings of one object group are kept, so that a hostile store cannot fill the memory.
const MAX_FINDINGS: usize = 1000;

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let outranks = self.worst.is_none_or(|worst| finding.weight > worst);
        self.worst = self.worst.max(Some(finding.weight));
        // What decides the outcome is kept even when the list is full.
        if self.kept.len() < MAX_FINDINGS || outranks {
            self.kept.push(finding);
        } else {
            self.omitted += 1;
        }
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.push(finding);
        }
    }

    /// Takes all of another list.
    pub(super) fn absorb(&mut self, other: Self) {
        self.omitted += other.omitted;
        self.extend(other.kept);
    }

    /// Whether anything contradicts the record.
    pub(super) fn has_integrity_failure(&self) -> bool {
        self.worst == Some(Weight::Integrity)
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.worst.map_or(Outcome::Proven, Weight::outcome)
    }

    /// The findings kept, heaviest first, and how many more there were.
    pub(super) fn into_parts(mut self) -> (Vec<Finding>, u64) {
        self.kept.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
        (self.kept, self.omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_store_cannot_reach_the_terminal_raw() {
        let finding = Finding::integrity("a", "x\u{1b}[2J", "b", "\u{202e}c\n");
        assert!(
            !finding.to_string().chars().any(visible::must_escape),
            "{finding}"
        );
    }

    #[test]
    fn the_worst_is_kept_however_many_there_are() {
        let mut findings = Findings::default();
        for n in 0..3000 {
            findings.push(Finding::note("a", n.to_string(), "b", "c"));
        }
        findings.push(Finding::integrity("bad", "there", "b", "c"));
        assert_eq!(findings.outcome(), Outcome::IntegrityFailure);
        let (kept, omitted) = findings.into_parts();
        assert_eq!(kept.first().unwrap().object, "bad");
        assert_eq!((kept.len(), omitted), (MAX_FINDINGS + 1, 2000));
    }
}
