//! Where an acquisition stands: a fold over the lines of its log.

use std::collections::BTreeMap;

pub(crate) use super::item_state::{ItemState, Stage};
use super::record_state::RecordStates;
use crate::custody_log::{
    AcquireMethod, AcquisitionSettings, Act, ClosingState, Event, SealedObject, StoreBinding,
};
use crate::error::{Error, Result};
use crate::ids::{AcquisitionId, CaseId, EvidenceItemId};
use crate::port::{DiskDescription, Machine};

/// What the first line of an acquisition's log says.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) case: CaseId,
    pub(crate) acquisition: AcquisitionId,
    pub(crate) signers: Vec<String>,
    pub(crate) signers_pinned: Option<String>,
    pub(crate) machine: Machine,
    pub(crate) method: AcquireMethod,
    pub(crate) settings: AcquisitionSettings,
}

/// One acquisition, as its log tells it.
#[derive(Debug, Clone)]
pub(crate) struct AcquisitionState {
    pub(crate) opened: Opened,
    /// The store; none as long as evidence could not be stored.
    pub(crate) binding: Option<StoreBinding>,
    pub(crate) items: BTreeMap<EvidenceItemId, ItemState>,
    pub(crate) records: RecordStates,
    pub(crate) seal_intent: Option<SealedObject>,
    pub(crate) sealed: Option<Vec<SealedObject>>,
    /// The checkpoint of so many lines is to carry a time stamp.
    pub(crate) stamp_intent: Option<u64>,
    /// It carries one, or none was to be had.
    pub(crate) stamp_settled: bool,
    pub(crate) abandoned: bool,
    pub(crate) closed: Option<ClosingState>,
}

impl AcquisitionState {
    /// Reads the whole log.
    pub(crate) fn fold(object: &str, events: &[Event]) -> Result<Self> {
        let mut events = events.iter();
        let first = events.next().ok_or_else(|| Error::NotFound {
            object: object.to_owned(),
        })?;
        let mut state = Self::opened(object, first)?;
        for event in events {
            state.take(event).map_err(|reason| Error::Integrity {
                object: object.to_owned(),
                place: format!("line {}", event.seq + 1),
                expected: "a line that fits what came before".into(),
                actual: reason,
            })?;
        }
        Ok(state)
    }

    fn opened(object: &str, event: &Event) -> Result<Self> {
        let (
            Act::AcquisitionOpened {
                store,
                origin,
                signers,
                signers_pinned,
                machine,
                items,
                method,
                protection,
                settings,
            },
            Some(case),
            Some(acquisition),
        ) = (&event.act, &event.case, &event.acquisition)
        else {
            return Err(Error::malformed(object, "line 1 does not open an acquisition"));
        };
        let binding = StoreBinding::of_opening(store.clone(), origin.clone(), protection.clone())
            .map_err(|reason| Error::malformed(object, format!("line 1 {reason}")))?;
        let opened = Opened {
            case: case.clone(),
            acquisition: acquisition.clone(),
            signers: signers.clone(),
            signers_pinned: signers_pinned.clone(),
            machine: machine.clone(),
            method: *method,
            settings: settings.clone(),
        };
        let items = items
            .iter()
            .map(|planned| (planned.item.clone(), ItemState::planned(planned.clone())))
            .collect();
        Ok(Self {
            opened,
            binding,
            items,
            records: RecordStates::default(),
            seal_intent: None,
            sealed: None,
            stamp_intent: None,
            stamp_settled: false,
            abandoned: false,
            closed: None,
        })
    }

    /// Takes the next line.
    pub(crate) fn take(&mut self, event: &Event) -> std::result::Result<(), String> {
        if self.closed.is_some() {
            return Err("something follows the closing line".into());
        }
        if self.binding.is_none() && !event.act.needs_no_store() {
            return Err("it needs a store, and the acquisition is bound to none".into());
        }
        match &event.act {
            Act::AcquisitionBound {
                store,
                origin,
                protection,
            } => self.bind(StoreBinding {
                store: store.clone(),
                origin: origin.clone(),
                protection: protection.clone(),
            })?,
            Act::SealIntent { manifest } => self.seal_intent = Some(manifest.clone()),
            Act::SealDone { objects } => self.sealed = Some(objects.clone()),
            Act::StampIntent { size } => self.stamp_intent = Some(*size),
            Act::StampDone { .. } | Act::StampFailed { .. } => self.stamp_settled = true,
            Act::AcquisitionAbandoned { .. } => self.abandoned = true,
            Act::AcquisitionClosed { state } => self.closed = Some(*state),
            act => {
                self.records.take(event.seq, act)?;
                if let Some(id) = act.item() {
                    let description = self.description(id);
                    let item = self
                        .items
                        .get_mut(id)
                        .ok_or_else(|| format!("{id} was never planned"))?;
                    item.take(event.seq, act, description)?;
                }
            }
        }
        Ok(())
    }

    fn bind(&mut self, binding: StoreBinding) -> std::result::Result<(), String> {
        if let Some(bound) = &self.binding {
            return Err(format!("it is bound to the store {} already", bound.store));
        }
        self.binding = Some(binding);
        Ok(())
    }

    /// The store that the acquisition is bound to.
    pub(crate) fn bound(&self) -> Result<&StoreBinding> {
        self.binding.as_ref().ok_or_else(|| Error::Refused {
            object: self.opened.acquisition.to_string(),
            reason: "evidence could not be stored yet: it is bound to no store".into(),
        })
    }

    fn description(&self, id: &EvidenceItemId) -> Option<DiskDescription> {
        let disk = &self.items.get(id)?.planned.disk;
        self.opened
            .machine
            .disks
            .iter()
            .find(|description| description.disk == *disk)
            .cloned()
    }

    /// Whether it is bound to its store, or will never need one.
    pub(crate) const fn needs_no_binding(&self) -> bool {
        self.binding.is_some() || self.abandoned || self.closed.is_some()
    }

    /// Whether every item is verified or finally failed.
    pub(crate) fn all_final(&self) -> bool {
        self.items
            .values()
            .all(|item| matches!(item.stage, Stage::Verified(_) | Stage::Failed(_)))
    }

    /// How the acquisition ends as it stands.
    pub(crate) fn closing_state(&self) -> ClosingState {
        let incomplete = |item: &ItemState| {
            item.keys.why_kept().is_some()
                || matches!(&item.stage, Stage::Verified(verified) if verified.acquired().copy().unread.sectors > 0)
        };
        if self.abandoned {
            ClosingState::Abandoned
        } else if self
            .items
            .values()
            .any(|item| !matches!(item.stage, Stage::Verified(_)))
        {
            ClosingState::Failed
        } else if self.items.values().any(incomplete) {
            ClosingState::Incomplete
        } else {
            ClosingState::Complete
        }
    }
}
