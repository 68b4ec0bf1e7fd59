use serde::Serialize;

use crate::custody_log::Act;
use crate::port::GrantExpiry;

/// Access to a disk snapshot that may live on when this process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LiveAccess {
    /// When it ends by itself; none where no answer told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<GrantExpiry>,
}

impl LiveAccess {
    /// What may live after the next line about the item, where `before` may have lived.
    pub(super) fn after(before: Option<Self>, act: &Act) -> Option<Self> {
        match act {
            // Until it is answered nobody knows how long it would live.
            Act::GrantIntent { .. } => Some(Self { until: None }),
            // Nothing of it outlives the process.
            Act::GrantDone { expires: None, .. } | Act::RevokeDone { .. } => None,
            Act::GrantDone { expires, .. } => Some(Self {
                until: before.and_then(|access| access.until).max(*expires),
            }),
            // What failed for us may have been done all the same.
            Act::GrantFailed { .. } | Act::RevokeFailed { .. } => before.or(Some(Self { until: None })),
            _ => before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody_log::Failure;
    use crate::ids::EvidenceItemId;

    fn done(expires: Option<&str>) -> Act {
        Act::GrantDone {
            item: EvidenceItemId::new(1),
            address: "https://export".into(),
            expires: expires.map(|time| GrantExpiry::at(time.parse().unwrap())),
        }
    }

    fn told(acts: &[Act]) -> Option<Option<String>> {
        let access = acts.iter().fold(None, LiveAccess::after);
        access.map(|access| access.until.map(|until| until.time().to_string()))
    }

    #[test]
    fn access_lives_until_its_end_is_answered_and_no_longer_than_was_told() {
        let item = EvidenceItemId::new(1);
        let intent = Act::GrantIntent {
            item: item.clone(),
            lifetime_s: 1,
        };
        let ends = Some("2026-12-01T00:00:00.000Z");
        let failure = Failure::from(&crate::Error::misuse("away"));
        let failed = Act::RevokeFailed {
            item: item.clone(),
            failure,
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(std::slice::from_ref(&intent)), Some(None));
        let until = Some(Some("2026-12-01T00:00:00.000Z".to_owned()));
        assert_eq!(told(&[intent.clone(), done(ends)]), until);
        assert_eq!(told(&[intent.clone(), done(ends), failed]), until);
        assert_eq!(told(&[intent.clone(), done(None)]), None);
        assert_eq!(told(&[intent, done(ends), Act::RevokeDone { item }]), None);
    }
}
