use std::fmt;

use async_trait::async_trait;
use custody_core::port::{Machine, RightNeed, Rights, RightsFinding};

use crate::shared::Shared;

/// Rights that a test hands out. Clones are the same rights; without more said, nothing is lacking.
#[derive(Debug, Clone, Default)]
pub struct FakeRights {
    findings: Shared<Vec<RightsFinding>>,
    changes: Shared<u64>,
}

impl FakeRights {
    /// Everything is held.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a right away.
    pub fn take(&self, scope: &str, right: &str, need: RightNeed) {
        self.findings.lock().push(RightsFinding::Missing {
            scope: scope.into(),
            right: right.into(),
            need,
        });
    }

    /// Makes it untold what is held in a place.
    pub fn hide(&self, scope: &str, reason: &str) {
        self.findings.lock().push(RightsFinding::Unchecked {
            scope: scope.into(),
            reason: reason.into(),
        });
    }

    /// What checking must not change.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{:?} {}", self.findings.lock(), self.changes.lock())
    }

    pub(crate) fn touch(&self) {
        *self.changes.lock() += 1;
    }
}

impl fmt::Display for FakeRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rights in memory")
    }
}

#[async_trait]
impl Rights for FakeRights {
    async fn check(&self, _: &Machine) -> Vec<RightsFinding> {
        self.findings.lock().clone()
    }
}
