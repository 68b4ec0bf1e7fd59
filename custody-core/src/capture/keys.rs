//! The keys of the disks: straight after the disk snapshots, beside the copying, because an intruder may purge a vault
//! while disks are copied.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::channel::oneshot;

use super::item::Snapshotted;
use super::key_state::{CanTakeKeys, KeyState};
use super::state::{ItemState, Stage};
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure, KeyNeed, NeededKey};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Segment, SnapshotName};
use crate::port::{DiskEncryption, KeyReference, KeyRequirement};
use crate::ports::KeyPorts;
use crate::visible;

/// Tells each item's copying when its keys are dealt with.
#[derive(Debug, Default)]
pub(super) struct KeyTurns {
    ends: Vec<(EvidenceItemId, oneshot::Sender<()>)>,
}

/// For each item, the end of its keys' turn.
pub(super) type KeyTurnEnds = BTreeMap<EvidenceItemId, oneshot::Receiver<()>>;

impl KeyTurns {
    pub(super) fn of(items: Vec<ItemState>) -> (Self, KeyTurnEnds) {
        let (mut turns, mut ends) = (Self::default(), KeyTurnEnds::new());
        for item in items {
            let (sender, receiver) = oneshot::channel();
            turns.ends.push((item.planned.item.clone(), sender));
            ends.insert(item.planned.item, receiver);
        }
        (turns, ends)
    }
}

impl Workflow<'_> {
    /// Takes the keys of all items, as many items at once as are worked on. Gives what stopped the ones that are open.
    pub(super) async fn take_all_keys(&self, turns: KeyTurns) -> Vec<(EvidenceItemId, Error)> {
        let runs = futures::stream::iter(turns.ends.into_iter().map(|(id, end)| async move {
            let result = self.take_keys(&id).await;
            drop(end);
            result.err().map(|error| (id, error))
        }));
        let results: Vec<_> = runs.buffer_unordered(self.parallel()).collect().await;
        results.into_iter().flatten().collect()
    }

    /// Takes the keys of one item. One that cannot be had does not keep the others from being taken.
    async fn take_keys(&self, id: &EvidenceItemId) -> Result<()> {
        let Some(ports) = self.ports().keys.as_ref() else {
            return Ok(());
        };
        let item = self.item(id).await?;
        // Of an item that failed nothing becomes evidence, and its disk snapshot may be of another disk.
        let (Some(snapshotted), false) = (item.snapshotted(), matches!(item.stage, Stage::Failed(_))) else {
            return Ok(());
        };
        if item.keys.given_up.is_some() || self.is_being_sealed().await {
            return Ok(());
        }
        self.go_on(id.as_str())?;
        if item.keys.need.is_none() {
            self.find_out_keys(id, snapshotted, ports).await?;
        }
        let keys = self.item(id).await?.keys.keys;
        let mut ended = Ok(());
        for key in keys {
            self.go_on(id.as_str())?;
            ended = ended.and(self.take_key(id, key.needed.key, ports).await);
        }
        ended
    }

    /// Asks which keys an item needs, and names them.
    async fn find_out_keys(
        &self,
        id: &EvidenceItemId,
        snapshotted: &Snapshotted,
        ports: &KeyPorts,
    ) -> Result<()> {
        self.step(&format!("{id}: finding out which keys it needs"));
        let asked = ports
            .source
            .requirement(&snapshotted.description, &snapshotted.snapshot)
            .await;
        let (need, service) = match asked {
            Ok(acted) => {
                let told = unless_contradicted(acted.value, &snapshotted.description.encryption);
                (named(told, &snapshotted.planned.snapshot), acted.service)
            }
            Err(error) => {
                let service = error.service().cloned().unwrap_or_default();
                (Err(error), service)
            }
        };
        let need = match need {
            Ok(need) => need,
            Err(error) => {
                let act = Act::KeyNotTold {
                    item: id.clone(),
                    failure: Failure::from(&error),
                };
                self.journal().await.note_answered(act, service).await?;
                return Err(error);
            }
        };
        let unknown = match (&need, &snapshotted.description.encryption) {
            (KeyNeed::Unknown { reason }, DiskEncryption::Encrypted { statement }) => Some(format!(
                "{statement}; {reason}: secure the key by other means now"
            )),
            _ => None,
        };
        let mut journal = self.journal().await;
        let act = Act::KeyRequirement {
            item: id.clone(),
            need,
        };
        journal.note_answered(act, service).await?;
        if let Some(reason) = unknown {
            let item = id.clone();
            journal.note(Act::KeyNotTaken { item, reason }).await?;
        }
        Ok(())
    }

    pub(super) async fn key(&self, id: &EvidenceItemId, number: u32) -> Result<KeyState> {
        let keys = self.item(id).await?.keys.keys;
        let found = keys.into_iter().find(|key| key.needed.key == number);
        found.ok_or_else(|| Error::misuse(format!("{id} needs no key {number}")))
    }

    /// What a manifest may have been made of is not added to.
    pub(super) async fn is_being_sealed(&self) -> bool {
        self.state().await.seal_intent.is_some()
    }

    const fn can_take_keys(&self) -> CanTakeKeys {
        match self.ports().keys {
            Some(_) => CanTakeKeys::Yes,
            None => CanTakeKeys::No,
        }
    }

    /// The items whose copies are verified and whose keys are not dealt with, with what that is for want of.
    pub(super) async fn without_keys(&self) -> Vec<(EvidenceItemId, Error)> {
        if self.is_being_sealed().await {
            return Vec::new();
        }
        let items = self.items().await;
        let open = items.into_iter().filter(|item| {
            matches!(item.stage, Stage::Verified(_)) && !item.keys.are_settled(self.can_take_keys())
        });
        open.map(|item| {
            let id = item.planned.item;
            let reason = "its keys were begun to be taken, and nothing here takes keys".to_owned();
            let object = id.to_string();
            (id, Error::Refused { object, reason })
        })
        .collect()
    }
}

/// "No key" of a disk that its own description calls encrypted is no answer: one of the two is wrong, and which one is
/// not known. What was so called must not cost the disk snapshot.
fn unless_contradicted(told: KeyRequirement, described: &DiskEncryption) -> KeyRequirement {
    match (told, described) {
        (KeyRequirement::None, DiskEncryption::Encrypted { .. }) => KeyRequirement::Unknown(
            "asked for its keys, the provider says that it needs none, against its own description".into(),
        ),
        (told, _) => told,
    }
}

/// The need with a name for each key: the disk snapshot's, and for further ones that with a number.
fn named(requirement: KeyRequirement, snapshot: &SnapshotName) -> Result<KeyNeed> {
    match requirement {
        KeyRequirement::None => Ok(KeyNeed::None),
        KeyRequirement::Unknown(reason) => Ok(KeyNeed::Unknown {
            reason: visible::escape(&reason),
        }),
        KeyRequirement::Keys(sources) if sources.is_empty() => Err(Error::misuse(format!(
            "disk snapshot {snapshot} needs keys, and none is named"
        ))),
        KeyRequirement::Keys(sources) => {
            let first = Segment::escape(snapshot.as_str().as_bytes());
            let mut keys = Vec::new();
            for (number, source) in (1..).zip(sources) {
                must_be_visible(&source)?;
                let name = match number {
                    1 => first.clone(),
                    _ => first.with_suffix(&format!("-key-{number}")),
                };
                keys.push(NeededKey::new(number, name, source));
            }
            Ok(KeyNeed::Keys { keys })
        }
    }
}

/// A reference goes into the log and comes back from there to be fetched by: it must not change on that way.
fn must_be_visible(source: &KeyReference) -> Result<()> {
    let mut texts = std::iter::once(&source.address).chain(source.attributes.values());
    let hidden = texts.any(|text| text.chars().any(visible::must_escape))
        || (source.attributes.keys()).any(|name| !name.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    if hidden {
        return Err(Error::malformed(
            visible::escape(&source.address),
            "the address of a key, or what is said of it, holds characters that cannot be seen",
        ));
    }
    Ok(())
}
