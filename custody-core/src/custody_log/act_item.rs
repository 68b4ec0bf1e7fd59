use super::Act;
use crate::ids::EvidenceItemId;

impl Act {
    /// The item whose history this act belongs to. None for what concerns the whole acquisition, and for an anomaly:
    /// it changes nothing of the item that it may name.
    #[must_use]
    pub const fn item(&self) -> Option<&EvidenceItemId> {
        match self {
            Act::SnapshotIntent { item, .. }
            | Act::SnapshotDone { item, .. }
            | Act::SnapshotFailed { item, .. }
            | Act::GrantIntent { item, .. }
            | Act::GrantDone { item, .. }
            | Act::GrantFailed { item, .. }
            | Act::RevokeIntent { item }
            | Act::RevokeDone { item }
            | Act::RevokeFailed { item, .. }
            | Act::AcquireIntent { item, .. }
            | Act::SourceOpened { item, .. }
            | Act::AcquireStreamed { item, .. }
            | Act::AcquireDone { item, .. }
            | Act::AcquireFailed { item, .. }
            | Act::ReadBackDone { item, .. }
            | Act::ReadBackFailed { item, .. }
            | Act::ItemFailed { item, .. }
            | Act::KeyRequirement { item, .. }
            | Act::KeyNotTold { item, .. }
            | Act::KeyIntent { item, .. }
            | Act::KeyDone { item, .. }
            | Act::KeyFailed { item, .. }
            | Act::KeyProof { item, .. }
            | Act::KeyProofFailed { item, .. }
            | Act::KeyGivenUp { item, .. }
            | Act::KeyNotTaken { item, .. }
            | Act::DigestIntent { item, .. }
            | Act::DigestDone { item, .. }
            | Act::DigestFailed { item, .. }
            | Act::DigestGivenUp { item, .. }
            | Act::DeleteIntent { item, .. }
            | Act::DeleteDone { item, .. }
            | Act::DeleteFailed { item, .. }
            | Act::SnapshotKept { item, .. }
            | Act::DiscardOrdered { item, .. } => Some(item),
            _ => None,
        }
    }
}
