//! A custodian's order to go on without what is missing of the keys.

use super::key_state::CanTakeKeys;
use super::outcome::CaptureOutcome;
use super::workflow::Workflow;
use crate::custody_log::Act;
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Statement};

impl Workflow<'_> {
    /// Logs the order for each item, and brings it to the anchor. Once it is sealed, only digests can be missing.
    pub(super) async fn give_up_keys(
        &self,
        reason: &Statement,
        items: &[EvidenceItemId],
    ) -> Result<CaptureOutcome> {
        let state = self.state().await;
        let refused = |reason: &str| Error::Refused {
            object: state.opened.acquisition.to_string(),
            reason: reason.into(),
        };
        if state.closed.is_some() || state.abandoned {
            return Err(refused("it has ended already: there is nothing to give up"));
        }
        if state.sealed.is_some() {
            return self.give_up_digests(&state, reason, items).await;
        }
        // What a manifest may have been made of is not changed.
        if state.seal_intent.is_some() {
            return Err(refused("it is being sealed: resume it, so that it is closed"));
        }
        state.bound()?;
        for id in items {
            let item = state.items.get(id).ok_or_else(|| Error::NotFound {
                object: format!("{id} of acquisition {}", state.opened.acquisition),
            })?;
            if item.keys.given_up.is_some() {
                continue;
            }
            if item.keys.are_settled(CanTakeKeys::Yes) {
                return Err(Error::Refused {
                    object: id.to_string(),
                    reason: "nothing of its keys is missing: resume the acquisition".into(),
                });
            }
            let act = Act::KeyGivenUp {
                item: id.clone(),
                reason: reason.to_string(),
            };
            self.journal().await.note(act).await?;
            self.step(&format!("{id}: what is missing of its keys is given up"));
        }
        self.journal().await.flush().await?;
        Ok(CaptureOutcome::of(&self.state().await, Vec::new()))
    }
}
