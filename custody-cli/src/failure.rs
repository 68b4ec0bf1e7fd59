use std::io::ErrorKind;

use custody_core::custody_log::Failure as LoggedFailure;
use custody_core::{Error, Remedy};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::printable;

/// Why a command did not end well, and what its reader does next.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    exit: Exit,
    error: String,
    causes: Vec<String>,
    remedy: String,
    next: Vec<String>,
}

impl Failure {
    /// What went wrong, with a remedy that speaks for itself.
    pub(crate) fn new(exit: Exit, error: impl Into<String>, remedy: Remedy) -> Self {
        Self {
            exit,
            error: error.into(),
            causes: Vec::new(),
            remedy: remedy.as_str().into(),
            next: Vec::new(),
        }
    }

    /// The command was not understood.
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self::new(Exit::Usage, error, Remedy::FixRequest)
    }

    /// What stands in a log line, with the exit it leads to.
    pub(crate) fn logged(exit: Exit, failure: &LoggedFailure) -> Self {
        Self {
            exit,
            error: failure.error.clone(),
            causes: failure.causes.clone(),
            remedy: failure.remedy.clone(),
            next: Vec::new(),
        }
    }

    /// An operation of the operating system on an object.
    pub(crate) fn system(object: &str, operation: &'static str, error: std::io::Error) -> Self {
        let object = object.to_owned();
        match error.kind() {
            ErrorKind::NotFound => Error::NotFound { object },
            ErrorKind::PermissionDenied => Error::PermissionDenied {
                object,
                operation,
                source: Some(error.into()),
            },
            ErrorKind::StorageFull => Error::NoSpace {
                object,
                source: Some(error.into()),
            },
            _ => Error::Provider {
                object,
                operation,
                source: Some(error.into()),
            },
        }
        .into()
    }

    /// Says what to do next in this very case, before the remedy's general advice.
    #[must_use]
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// Says what to do after the steps that there are: this case's own, or else the remedy's advice.
    #[must_use]
    pub(crate) fn with_last(mut self, next: impl Into<String>) -> Self {
        self.next = self.steps();
        self.with_next(next)
    }

    /// The same exit and remedy in other words, without its causes and steps: for what sums up several failures.
    pub(crate) fn in_words(&self, error: impl Into<String>) -> Self {
        Self {
            exit: self.exit,
            error: error.into(),
            causes: Vec::new(),
            remedy: self.remedy.clone(),
            next: Vec::new(),
        }
    }

    /// Adds a cause below the others.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The error itself, in one line.
    pub(crate) fn error(&self) -> &str {
        &self.error
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) const fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// For a person, on standard error.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("custody: error: {}\n", printable::text(&self.error));
        for cause in &self.causes {
            text.push_str(&format!("  because: {}\n", printable::text(cause)));
        }
        for next in self.steps() {
            text.push_str(&format!("  next: {}\n", printable::text(&next)));
        }
        text
    }

    /// For a program, as members of the one document.
    pub(crate) fn into_members(self, document: &mut Map<String, Value>) {
        let next = self.steps();
        let shown = |texts: &[String]| -> Value { texts.iter().map(|text| printable::text(text)).collect() };
        document.insert("error".into(), json!(printable::text(&self.error)));
        document.insert("causes".into(), shown(&self.causes));
        document.insert("remedy".into(), json!(self.remedy));
        document.insert("next".into(), shown(&next));
    }

    /// Of an error that somebody else keeps.
    pub(crate) fn from_shared(error: &Error) -> Self {
        let exit = match error.meaning() {
            Error::Integrity { .. } => Exit::Integrity,
            _ => Exit::Incomplete,
        };
        Self {
            exit,
            error: error.to_string(),
            causes: error.causes(),
            remedy: error.remedy().as_str().into(),
            next: Vec::new(),
        }
    }

    /// What to do next: this case's own steps, or else the remedy's advice.
    pub(crate) fn steps(&self) -> Vec<String> {
        if !self.next.is_empty() {
            return self.next.clone();
        }
        const REMEDIES: [Remedy; 6] = [
            Remedy::Retry,
            Remedy::FixRequest,
            Remedy::FixPermission,
            Remedy::Wait,
            Remedy::Escalate,
            Remedy::ReportBug,
        ];
        let known = REMEDIES.iter().find(|remedy| remedy.as_str() == self.remedy);
        known
            .map(|remedy| remedy.advice().to_owned())
            .into_iter()
            .collect()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from_shared(&error)
    }
}
