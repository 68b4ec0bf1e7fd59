use async_trait::async_trait;
use custody_core::port::{Machine, Rights, RightsFinding};

use super::Crashing;

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Rights for Crashing<dyn Rights> {
    /// A dead process is told nothing, and says so.
    async fn check(&self, machine: &Machine) -> Vec<RightsFinding> {
        match self.gate.alive("check rights") {
            Ok(()) => self.inner.check(machine).await,
            Err(error) => vec![RightsFinding::Unchecked {
                scope: self.inner.to_string(),
                reason: error.to_string(),
            }],
        }
    }
}
