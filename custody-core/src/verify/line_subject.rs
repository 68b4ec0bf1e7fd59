use crate::custody_log::Act;
use crate::ids::EvidenceItemId;

/// The item that a line is about, where its history has to take it.
pub(super) const fn item_of(act: &Act) -> Option<&EvidenceItemId> {
    match act {
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
