//! What a service answered, kept beside what it gave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The ids, status and date of a service's answer, for the custody log.
///
/// An auditor matches these with the provider's own logs, which we do not control. Never holds a
/// credential: no URL with a query, no token, no signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceRecord {
    /// Request, correlation and operation ids and the like, by the name the service gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// The status of the answer, as the service writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The service's own date, as it wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How often the request was sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl ServiceRecord {
    /// A record of nothing: a local call with no service behind it.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds an id by the service's name for it.
    #[must_use]
    pub fn with_id(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ids.insert(name.into(), value.into());
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Sets the service's date.
    #[must_use]
    pub fn with_date(mut self, date: impl Into<String>) -> Self {
        self.date = Some(date.into());
        self
    }

    /// Sets how often the request was sent.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a mutating call gave, with what the service said when it gave it.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a pair by nature; providers build it and core takes it apart"
)]
pub struct Acted<T> {
    /// What the call gave.
    pub value: T,
    /// What the service answered.
    pub service: ServiceRecord,
}

impl<T> Acted<T> {
    /// The outcome of a call with no service behind it.
    pub fn local(value: T) -> Self {
        Self {
            value,
            service: ServiceRecord::none(),
        }
    }
}
