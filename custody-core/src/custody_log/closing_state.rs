use serde::{Deserialize, Serialize};

/// How an acquisition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "exit codes and listings must decide on every end"
)]
pub enum ClosingState {
    /// Every item was verified, all of it was read.
    Complete,
    /// Every item was verified; sectors of some could not be read, or a key was not taken or is not proven to open its
    /// copy. Digests that were given up after the seal do not change what was sealed: they are named beside it.
    Incomplete,
    /// At least one item failed its verification, or could not be acquired.
    Failed,
    /// A custodian gave it up.
    Abandoned,
}
