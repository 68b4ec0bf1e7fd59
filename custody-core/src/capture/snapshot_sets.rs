//! Disk snapshots that can only be deleted together.

use super::state::ItemState;
use super::warrant::DeletionWarrant;
use crate::ids::EvidenceItemId;
use crate::port::{DiskSnapshot, SnapshotKind};

/// Disk snapshots that we made, that still exist as far as the log knows, and that go together: one alone, or all of
/// a set.
#[derive(Debug)]
pub(super) struct SnapshotSet {
    pub(super) members: Vec<Member>,
}

/// A disk snapshot and the item that it is for.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) item: ItemState,
    pub(super) snapshot: DiskSnapshot,
}

/// A member that stays, and why.
pub(super) type Kept<'a> = (&'a Member, String);

impl Member {
    pub(super) const fn id(&self) -> &EvidenceItemId {
        &self.item.planned.item
    }
}

impl SnapshotSet {
    /// All that we made of these items, in the order of their first members.
    pub(super) fn all(items: Vec<ItemState>) -> Vec<Self> {
        let mut sets: Vec<Self> = Vec::new();
        for item in items {
            let Some(snapshotted) = item.snapshotted() else {
                continue;
            };
            if snapshotted.snapshot.kind != SnapshotKind::Made || item.deleted {
                continue;
            }
            let snapshot = snapshotted.snapshot.clone();
            let together = |set: &&mut Self| snapshot.set.is_some() && set.is(&snapshot);
            match sets.iter_mut().find(together) {
                Some(set) => set.members.push(Member { item, snapshot }),
                None => sets.push(Self {
                    members: vec![Member { item, snapshot }],
                }),
            }
        }
        sets
    }

    fn is(&self, snapshot: &DiskSnapshot) -> bool {
        self.members
            .first()
            .is_some_and(|member| member.snapshot.set == snapshot.set)
    }

    /// The warrant that covers every member. Where one member has none, no member goes: each with the reason.
    pub(super) fn warrant(
        &self,
        of: impl Fn(&Member) -> Result<DeletionWarrant, String>,
    ) -> Result<DeletionWarrant, Vec<Kept<'_>>> {
        let mut warrant: Option<DeletionWarrant> = None;
        let mut kept = Vec::new();
        for member in &self.members {
            match of(member) {
                Ok(one) => {
                    warrant = Some(match warrant {
                        Some(others) => others.and(one),
                        None => one,
                    });
                }
                Err(reason) => kept.push((member, reason)),
            }
        }
        match (warrant, kept.first()) {
            (Some(warrant), None) => Ok(warrant),
            (_, Some((other, reason))) => {
                let with = format!(
                    "it can only be deleted together with disk snapshot {} of {}, which is kept: {reason}",
                    other.snapshot.name,
                    other.id()
                );
                let stays = |member: &Member| kept.iter().any(|(known, _)| known.id() == member.id());
                let covered: Vec<Kept<'_>> = self
                    .members
                    .iter()
                    .filter(|member| !stays(member))
                    .map(|member| (member, with.clone()))
                    .collect();
                kept.extend(covered);
                Err(kept)
            }
            (None, None) => Err(kept),
        }
    }
}
