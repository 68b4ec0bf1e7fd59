use async_trait::async_trait;

use super::{Machine, Port};

/// What lacking a right means for a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a plan must decide on what every right is for"
)]
pub enum RightNeed {
    /// Without it the capture does not come to its end.
    ToCapture,
    /// Without it something that the capture made stays behind, and is named.
    ToCleanUp,
    /// Without it the capture is done, and the record names what could not be learned.
    ToRecord,
}

/// Something to be known of rights before a capture begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a plan must decide on every finding")]
pub enum RightsFinding {
    /// The right is not held there, as the provider tells.
    Missing {
        /// Where: the resource, group or container.
        scope: String,
        /// The right, by the provider's name.
        right: String,
        /// What it is for.
        need: RightNeed,
    },
    /// Whether rights are held there could not be told.
    Unchecked {
        /// Where.
        scope: String,
        /// Why not.
        reason: String,
    },
}

/// Tells which rights a capture of a machine lacks, before anything is done.
///
/// What it tells is the provider's word, which can be wrong both ways; what counts is what the service does. So nothing
/// rests on it but what a plan says.
///
/// # Clauses
/// * `RI-01` [`check`](Self::check) changes nothing.
/// * `RI-02` a right that is not held is named, once for each place, by the provider's own name for it.
/// * `RI-03` a right that is held is not named.
/// * `RI-04` a place whose rights cannot be told is [`RightsFinding::Unchecked`], with the reason; the others are told
///   all the same.
#[async_trait]
pub trait Rights: Port {
    /// What is lacking for a capture of this machine, and what could not be told, in any order.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    async fn check(&self, machine: &Machine) -> Vec<RightsFinding>;
}
