use serde::{Deserialize, Serialize};

use super::checked_text;
use super::item_id::escaped;

/// A region of a provider: a part of the world in which it keeps what it is given. Escaped text, spelt in the one way
/// that the provider chose for records, so that two names of one region are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);
checked_text!(Region, "region", escaped);
