use serde::{Deserialize, Serialize};

/// How an item gets into the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "resuming must decide on every method")]
pub enum AcquireMethod {
    /// Read here, hashed, and written by stream.
    Deposit,
    /// Copied by the sink's own service from a grant, while the source stream is hashed here.
    Import,
}

/// What a failed acquisition of an item left in the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "naming the next attempt must decide on every answer"
)]
pub enum LeftBehind {
    /// Nothing: the name is free.
    Nothing,
    /// A whole copy, or one that the service still makes: the same attempt goes on with it.
    Adoptable,
    /// An object that is not evidence.
    Object,
    /// It is not known.
    Unknown,
}
