use std::fmt;
use std::sync::{Mutex, PoisonError};

/// One call that reached the simulator. Holds no header, no body and of the query only the names: nothing in it is
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalEntry {
    /// When it came, by the simulated clock.
    pub at: std::time::SystemTime,
    /// The production name of the host that was meant, however the call came.
    pub host: String,
    /// `GET` and so on.
    pub method: String,
    /// The path as it came, percent-encoded; an export's token and an operation's number are `…`.
    pub path: String,
    /// The query's parameters: `comp` and `restype` with their values, of the others only the names.
    pub query: String,
    /// The status of the answer; 0 when the connection was closed without one.
    pub status: u16,
    /// The answer's `x-ms-request-id`.
    pub request_id: String,
    /// Whether the call carried an Authorization header.
    pub authorized: bool,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body, as announced.
    pub answer_bytes: u64,
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        write!(f, " {}", self.status)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Vec<JournalEntry>>);

impl Journal {
    pub(crate) fn push(&self, entry: JournalEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
