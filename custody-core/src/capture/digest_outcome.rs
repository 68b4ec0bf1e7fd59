use serde::Serialize;

use crate::custody_log::Failure;

/// A digest that is not known to be in the second register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DigestOutcome {
    /// Its name there.
    pub name: String,
    /// Why it was not put, the last time; none where that was begun and nothing says how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why a custodian gave it up, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}
