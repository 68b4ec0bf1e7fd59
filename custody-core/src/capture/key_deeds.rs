//! What is done with a key, with a line at the anchor before it and a line after it: each of these exposes it.

use std::future::Future;

use super::journal::Intent;
use super::key_state::KeyState;
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure, KeyDeed, KeyTold, LeftBehind};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Segment};
use crate::service::{Acted, ServiceRecord};

/// A key of an item, under the name that it has, or will have, in the escrow.
#[derive(Debug, Clone)]
pub(super) struct KeyAt {
    pub(super) item: EvidenceItemId,
    pub(super) number: u32,
    pub(super) name: Segment,
}

impl KeyAt {
    pub(super) fn of(item: &EvidenceItemId, key: &KeyState) -> Self {
        Self {
            item: item.clone(),
            number: key.needed.key,
            name: key.name.clone(),
        }
    }
}

impl Workflow<'_> {
    /// Does something with a key.
    pub(super) async fn do_with_key<T>(
        &self,
        at: &KeyAt,
        deed: KeyDeed,
        act: impl Future<Output = Result<Acted<T>>>,
        told: impl FnOnce(&T) -> KeyTold,
    ) -> Result<T> {
        let intent = self.intend_with_key(at, deed).await?;
        match act.await {
            Ok(acted) => {
                let told = told(&acted.value);
                self.key_done(at, intent, told, acted.service).await?;
                Ok(acted.value)
            }
            Err(error) => {
                self.key_failed(at, intent, deed, &error).await?;
                Err(error)
            }
        }
    }

    pub(super) async fn intend_with_key(&self, at: &KeyAt, deed: KeyDeed) -> Result<Intent> {
        let act = Act::KeyIntent {
            item: at.item.clone(),
            key: at.number,
            name: at.name.clone(),
            deed,
        };
        self.journal().await.intend_anchored(act).await
    }

    pub(super) async fn key_done(
        &self,
        at: &KeyAt,
        intent: Intent,
        told: KeyTold,
        service: ServiceRecord,
    ) -> Result<()> {
        let act = Act::KeyDone {
            item: at.item.clone(),
            key: at.number,
            name: at.name.clone(),
            told,
        };
        self.journal().await.answer(intent, act, service).await
    }

    pub(super) async fn key_failed(
        &self,
        at: &KeyAt,
        intent: Intent,
        deed: KeyDeed,
        error: &Error,
    ) -> Result<()> {
        self.step(&format!("{}: {deed} key {}: {error}", at.item, at.number));
        let act = Act::KeyFailed {
            item: at.item.clone(),
            key: at.number,
            name: at.name.clone(),
            deed,
            failure: Failure::from(error),
            left: left_behind(deed, error),
        };
        let service = error.service().cloned().unwrap_or_default();
        self.journal().await.answer(intent, act, service).await
    }

    /// Answers an intent that a stop left open.
    pub(super) async fn close_key_intent(&self, at: &KeyAt, line: u64, deed: KeyDeed) -> Result<()> {
        let stopped = Error::Provider {
            object: format!("key {} of {}", at.number, at.item),
            operation: "what was to be done with it",
            source: Some("the run that began it was stopped".into()),
        };
        self.key_failed(at, Intent::of_line(line), deed, &stopped).await
    }
}

/// What an attempt may have left in the escrow. "Not found" says nothing of a deposit: an escrow answers so of a key that it
/// took and does not show yet, or that was deleted and can be recovered.
fn left_behind(deed: KeyDeed, error: &Error) -> LeftBehind {
    match (deed, error.meaning()) {
        (KeyDeed::Deposit, Error::AlreadyExists { .. }) => LeftBehind::Object,
        (KeyDeed::Deposit, Error::Unsupported { .. }) => LeftBehind::Nothing,
        (KeyDeed::Deposit, _) => LeftBehind::Unknown,
        _ => LeftBehind::Nothing,
    }
}
