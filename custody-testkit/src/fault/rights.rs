use std::fmt;

use async_trait::async_trait;
use custody_core::port::{Machine, RightNeed, Rights, RightsFinding};

use crate::fake::FakeRights;

/// How [`FaultyRights`] break their port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RightsFault {
    /// Checking changes something.
    Changes,
    /// What is missing is not told.
    HidesMissing,
    /// What is missing is told twice.
    RepeatsMissing,
    /// A right that is held is told as missing.
    AccusesHeld,
    /// What could not be told is passed over.
    HidesUnchecked,
    /// Where something could not be told, nothing is.
    StopsAtUnchecked,
    /// What could not be told has no reason.
    GivesNoReason,
}

/// Rights with one fault.
#[derive(Debug)]
pub struct FaultyRights {
    inner: FakeRights,
    fault: RightsFault,
}

impl FaultyRights {
    /// These rights with this fault.
    #[must_use]
    pub const fn new(inner: FakeRights, fault: RightsFault) -> Self {
        Self { inner, fault }
    }
}

impl fmt::Display for FaultyRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({}, {:?})", self.inner, self.fault)
    }
}

const fn is_missing(finding: &RightsFinding) -> bool {
    matches!(finding, RightsFinding::Missing { .. })
}

#[async_trait]
impl Rights for FaultyRights {
    async fn check(&self, machine: &Machine) -> Vec<RightsFinding> {
        let mut found = self.inner.check(machine).await;
        match self.fault {
            RightsFault::Changes => self.inner.touch(),
            RightsFault::HidesMissing => found.retain(|finding| !is_missing(finding)),
            RightsFault::RepeatsMissing => {
                let again: Vec<_> = found
                    .iter()
                    .filter(|finding| is_missing(finding))
                    .cloned()
                    .collect();
                found.extend(again);
            }
            RightsFault::AccusesHeld => found.push(RightsFinding::Missing {
                scope: "the vault".into(),
                right: "held".into(),
                need: RightNeed::ToCapture,
            }),
            RightsFault::HidesUnchecked => found.retain(is_missing),
            RightsFault::StopsAtUnchecked => found.retain(|finding| !is_missing(finding)),
            RightsFault::GivesNoReason => {
                for finding in &mut found {
                    if let RightsFinding::Unchecked { reason, .. } = finding {
                        reason.clear();
                    }
                }
            }
        }
        found
    }
}
