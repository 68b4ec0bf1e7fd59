use custody_core::Error;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::printable;

/// How something that a capture needs was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckState {
    /// It is there, and as it must be.
    Ok,
    /// It is not there.
    Missing,
    /// It is there, and not as it must be.
    Wrong,
    /// It could not be checked: nothing is known of it.
    CouldNotCheck,
    /// It stands against nothing, and is to be known before evidence is stored.
    Note,
    /// Nobody asked for it to be checked, or this version does not use it.
    LeftOut,
}

impl CheckState {
    /// The word for a person, in columns.
    const fn column(self) -> &'static str {
        match self {
            Self::Ok => "ok       ",
            Self::Missing => "MISSING  ",
            Self::Wrong => "WRONG    ",
            Self::CouldNotCheck => "UNKNOWN  ",
            Self::Note => "note     ",
            Self::LeftOut => "-        ",
        }
    }

    /// The word for a program.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::CouldNotCheck => "could-not-check",
            Self::Note => "note",
            Self::LeftOut => "left-out",
        }
    }

    /// Whether a capture may fail for it.
    pub(crate) const fn stands_in_the_way(self) -> bool {
        matches!(self, Self::Missing | Self::Wrong | Self::CouldNotCheck)
    }
}

/// One thing that a capture needs, and how it was found.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// What, in words.
    pub(crate) what: String,
    pub(crate) state: CheckState,
    /// What was found.
    pub(crate) found: String,
    /// What to do, where it is not as it must be.
    pub(crate) next: Vec<String>,
}

impl Check {
    pub(crate) fn new(what: impl Into<String>, state: CheckState, found: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            state,
            found: found.into(),
            next: Vec::new(),
        }
    }

    pub(crate) fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, CheckState::Ok, found)
    }

    /// It failed for this reason; what cannot be told apart from "not there" is not called so.
    pub(crate) fn failed(what: impl Into<String>, error: &Error) -> Self {
        let state = match error.meaning() {
            Error::NotFound { .. } => CheckState::Missing,
            Error::Refused { .. } | Error::Malformed { .. } | Error::Integrity { .. } => CheckState::Wrong,
            _ => CheckState::CouldNotCheck,
        };
        let check = Self::new(what, state, told(error));
        let steps = Failure::from_shared(error).steps();
        steps.into_iter().fold(check, Self::with_next)
    }

    #[must_use]
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// In the place of the advice that goes with any error of its kind.
    #[must_use]
    pub(crate) fn with_only_next(mut self, next: impl Into<String>) -> Self {
        self.next = vec![next.into()];
        self
    }

    /// One line, and one for each thing to do.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{}{}: {}\n",
            self.state.column(),
            printable::text(&self.what),
            printable::text(&self.found)
        );
        for next in &self.next {
            text.push_str(&format!("         next: {}\n", printable::text(next)));
        }
        text
    }

    pub(crate) fn document(&self) -> Value {
        let next: Vec<String> = self.next.iter().map(|next| printable::text(next)).collect();
        json!({
            "check": printable::text(&self.what),
            "state": self.state.as_str(),
            "found": printable::text(&self.found),
            "next": next,
        })
    }
}

/// An error with its causes, in one line.
pub(crate) fn told(error: &Error) -> String {
    let causes = error.causes();
    std::iter::once(error.to_string())
        .chain(causes)
        .collect::<Vec<_>>()
        .join(": ")
}
