//! What can go wrong, named by what it means for the evidence.

use std::fmt;
use std::time::Duration;

use crate::extent::ByteRange;
use crate::service::ServiceRecord;

/// The result of every fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause kept from another library.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A failure, by its meaning.
///
/// `Display` is one lower-case line that names the object; the cause is in
/// [`std::error::Error::source`] and never repeated in the line. What to do next is [`Error::remedy`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object is not there.
    #[error("{object}: not found")]
    NotFound {
        /// What was looked for.
        object: String,
    },
    /// The name is taken, by something that is not ours to adopt.
    #[error("{object}: already exists and is not this acquisition's to adopt")]
    AlreadyExists {
        /// The name.
        object: String,
    },
    /// The object may not be changed or deleted.
    #[error("{object}: immutable, {operation} refused")]
    Immutable {
        /// The object.
        object: String,
        /// What was tried.
        operation: &'static str,
    },
    /// The service asks for patience.
    #[error("{object}: throttled{}", wait_words(.retry_after.as_ref()))]
    Throttled {
        /// What was called.
        object: String,
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// A right is missing.
    #[error("{object}: permission denied for {operation}")]
    PermissionDenied {
        /// The object.
        object: String,
        /// What was tried.
        operation: &'static str,
        /// The operating system's or the service's own words.
        #[source]
        source: Option<BoxError>,
    },
    /// Something else than what was expected is there: another writer, another version.
    #[error("{object}: expected {expected}, found {actual}")]
    Precondition {
        /// The object.
        object: String,
        /// What the caller said it would find.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// Bytes are not what they must be. Never retried; it closes the item.
    #[error("{object}: integrity failure at {place}: expected {expected}, found {actual}")]
    Integrity {
        /// The object.
        object: String,
        /// Where in the object.
        place: String,
        /// What the record says.
        expected: String,
        /// What was found.
        actual: String,
    },
    /// A range of the source could not be read.
    #[error("{object}: bytes {range} could not be read")]
    Unreadable {
        /// The source.
        object: String,
        /// The range asked for.
        range: ByteRange,
        /// The last cause.
        #[source]
        source: Option<BoxError>,
    },
    /// The destination has no room left.
    #[error("{object}: no space left at the destination")]
    NoSpace {
        /// The object being written.
        object: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
    /// The provider does not offer this.
    #[error("{provider}: {operation} is not supported")]
    Unsupported {
        /// The port's operation.
        operation: &'static str,
        /// Who does not offer it.
        provider: String,
    },
    /// The custodian asked to stop.
    #[error("{object}: stopped on request")]
    Stopped {
        /// What was in hand.
        object: String,
    },
    /// The capture was refused before it began, or before what follows the snapshot.
    #[error("{object}: refused: {reason}")]
    Refused {
        /// What was refused.
        object: String,
        /// Why, and what would lift it.
        reason: String,
    },
    /// As [`Refused`](Self::Refused), for want of rights and of nothing else.
    #[error("{object}: refused: {reason}")]
    RightsMissing {
        /// What was refused.
        object: String,
        /// Which rights are missing where, and what would lift it.
        reason: String,
    },
    /// Text, a record or a file from outside does not have the form it must have.
    #[error("{object}: malformed: {reason}")]
    Malformed {
        /// What was read.
        object: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// The provider failed otherwise.
    #[error("{object}: {operation} failed")]
    Provider {
        /// The object.
        object: String,
        /// What was tried.
        operation: &'static str,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
    /// The caller broke this crate's contract.
    #[error("misuse: {what}")]
    Misuse {
        /// The broken clause.
        what: String,
    },
    /// Another error, together with what the service answered.
    #[error(transparent)]
    Answered(Box<Answer>),
}

/// How long the service asks to wait, in the words of an error's line.
fn wait_words(retry_after: Option<&Duration>) -> String {
    let wait = retry_after.filter(|wait| !wait.is_zero());
    wait.map_or_else(String::new, |wait| {
        format!(": the service asks to wait {} s", wait.as_secs_f64().ceil())
    })
}

/// An error together with what the service answered. It speaks, and gives its cause, as the error does.
#[derive(Debug)]
pub struct Answer {
    error: Error,
    service: ServiceRecord,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Answer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

/// What the reader of an error does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The same call may succeed: call again, or `resume`.
    Retry,
    /// Change what was asked for.
    FixRequest,
    /// Ask for the missing right, then resume.
    FixPermission,
    /// Wait, then resume.
    Wait,
    /// A person must look before anything else is done with this item.
    Escalate,
    /// This is our fault: report it.
    ReportBug,
}

impl Remedy {
    /// The word that stands in records and in `--json` output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::FixRequest => "fix-request",
            Self::FixPermission => "fix-permission",
            Self::Wait => "wait",
            Self::Escalate => "escalate",
            Self::ReportBug => "report-bug",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Retry => "run it again, or `custody resume` if a capture was under way",
            Self::FixRequest => "correct what was asked for and run it again",
            Self::FixPermission => "ask for the right named above, then run it again or `custody resume`",
            Self::Wait => "wait, then run it again or `custody resume`",
            Self::Escalate => "stop, change nothing, and have a person compare the object with its record",
            Self::ReportBug => "this is a fault of custody itself: report it with this message",
        }
    }
}

impl Error {
    /// The error without the service's answer around it.
    #[must_use]
    pub fn meaning(&self) -> &Self {
        match self {
            Self::Answered(answer) => answer.error.meaning(),
            other => other,
        }
    }

    /// What the service answered, where one was asked.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceRecord> {
        match self {
            Self::Answered(answer) => Some(&answer.service),
            _ => None,
        }
    }

    /// Adds what the service answered.
    #[must_use]
    pub fn answered(self, service: ServiceRecord) -> Self {
        Self::Answered(Box::new(Answer { error: self, service }))
    }

    /// What the reader does next.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self.meaning() {
            Self::Throttled { .. } => Remedy::Wait,
            Self::PermissionDenied { .. } | Self::RightsMissing { .. } => Remedy::FixPermission,
            Self::Integrity { .. } | Self::Immutable { .. } => Remedy::Escalate,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Unsupported { .. }
            | Self::NoSpace { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. } => Remedy::FixRequest,
            Self::Misuse { .. } => Remedy::ReportBug,
            _ => Remedy::Retry,
        }
    }

    /// A refusal for this reason: [`Error::RightsMissing`] where asking for rights is all that would lift it, otherwise
    /// [`Error::Refused`].
    pub(crate) fn refused(object: impl Into<String>, reason: impl Into<String>, remedy: Remedy) -> Self {
        let (object, reason) = (object.into(), reason.into());
        match remedy {
            Remedy::FixPermission => Self::RightsMissing { object, reason },
            _ => Self::Refused { object, reason },
        }
    }

    /// The chain of causes below this error, outermost first, each once.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self.meaning());
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }

    /// A [`Error::Misuse`] with this text.
    pub fn misuse(what: impl Into<String>) -> Self {
        Self::Misuse { what: what.into() }
    }

    /// A [`Error::Malformed`] of this object.
    pub fn malformed(object: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed {
            object: object.into(),
            reason: reason.into(),
        }
    }
}
