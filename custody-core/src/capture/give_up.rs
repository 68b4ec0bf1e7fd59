//! Giving one item up, so that the others can be sealed.

use super::outcome::CaptureOutcome;
use super::state::Stage;
use super::workflow::Workflow;
use crate::custody_log::{Act, Failure};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, Statement};

impl Workflow<'_> {
    /// Closes the item for good, ends what is granted for it, and takes back what is unfinished of it.
    ///
    /// What a stop after the line leaves is done by giving it up again, or by the run that seals the others.
    pub(super) async fn give_up(&self, id: &EvidenceItemId, reason: &Statement) -> Result<CaptureOutcome> {
        let state = self.state().await;
        let refuse = |reason: &str| {
            Err(Error::Refused {
                object: format!("giving {id} of {} up", state.opened.acquisition),
                reason: reason.into(),
            })
        };
        if state.closed.is_some() || state.abandoned {
            return refuse("the acquisition is closed, or was given up as a whole");
        }
        if state.sealed.is_some() || state.seal_intent.is_some() {
            return refuse("it is being sealed: resume it, so that it is closed");
        }
        if !state.items.contains_key(id) {
            return Err(Error::NotFound {
                object: format!("{id} of {}", state.opened.acquisition),
            });
        }
        let item = self.item(id).await?;
        match &item.stage {
            Stage::Verified(_) => return refuse("its stored copy is verified evidence"),
            Stage::Failed(_) if !item.given_up => return refuse("it failed for good already"),
            Stage::Failed(_) | Stage::Planned | Stage::Snapshotted(_) | Stage::Acquired(_) => {}
        }
        self.end_earlier_grants().await;
        let given_up = Error::Refused {
            object: id.to_string(),
            reason: "a custodian gave it up".into(),
        };
        let act = Act::ItemFailed {
            item: id.clone(),
            failure: Failure::from(&given_up),
            order: Some(reason.to_string()),
        };
        if !item.given_up {
            self.journal().await.note(act).await?;
            self.step(&format!("{id}: given up: {reason}"));
        }
        self.settle_failed(id).await?;
        self.interrupted(Vec::new(), Vec::new()).await
    }
}
