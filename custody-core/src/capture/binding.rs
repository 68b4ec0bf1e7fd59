//! Which store an acquisition is bound to: asked before anything of it is stored.

use futures::StreamExt as _;

use super::plan::Plan;
use super::plan_judgement::storing_refusals;
use super::register::Register;
use super::state::AcquisitionState;
use super::workflow::Workflow;
use crate::custody_log::{Act, StoreBinding};
use crate::error::{Error, Result};
use crate::ids::AcquisitionId;
use crate::ports::Ports;

/// Binds a planned acquisition to the store at hand, whose register is opened.
///
/// # Errors
/// [`Error::Refused`] or [`Error::RightsMissing`] when something blocks what follows the disk snapshots; otherwise what the store answered.
pub(super) async fn of_plan(ports: &Ports, plan: &Plan) -> Result<StoreBinding> {
    let protection = plan.must_allow_storing()?;
    let request = &plan.request;
    let store = Register::open(ports, &request.circumstances, &request.signers_pinned).await?;
    Ok(StoreBinding::new(store, &plan.acquisition, protection))
}

/// The store at hand, where it can be asked, must be the one that the log names: an acquisition never moves.
///
/// # Errors
/// [`Error::Refused`] for another store.
pub(super) async fn refuse_other_store(ports: &Ports, state: &AcquisitionState) -> Result<()> {
    let Some(bound) = &state.binding else {
        return Ok(());
    };
    match expect_store(ports, &state.opened.acquisition, bound).await {
        Err(error) if matches!(error.meaning(), Error::Refused { .. }) => Err(error),
        // Whatever needs the store asks it again.
        _ => Ok(()),
    }
}

async fn expect_store(ports: &Ports, acquisition: &AcquisitionId, bound: &StoreBinding) -> Result<()> {
    let here = Register::read(ports).await?.store()?;
    if here.as_ref() == Some(&bound.store) {
        return Ok(());
    }
    let here = here.map_or_else(|| "has no register".to_owned(), |id| format!("is the store {id}"));
    Err(Error::Refused {
        object: acquisition.to_string(),
        reason: format!(
            "it is bound to the store {}, and what is at hand {here}: name the store it began with",
            bound.store
        ),
    })
}

impl Workflow<'_> {
    /// Makes sure that what this acquisition still has to store may be stored, in the store it is bound to; binds it
    /// where it is bound to none yet.
    ///
    /// # Errors
    /// [`Error::Refused`] when the sink, as it is now, may not take it, or is another one; otherwise what the store
    /// answered.
    pub(super) async fn make_ready(&self) -> Result<()> {
        let state = self.state().await;
        if state.sealed.is_some() || state.closed.is_some() || state.abandoned {
            return Ok(());
        }
        self.bind().await
    }

    /// Makes sure that the store at hand is the one that this acquisition is bound to. What cannot be told is an error:
    /// a seal that was anchored elsewhere warrants nothing.
    pub(super) async fn expect_own_store(&self) -> Result<()> {
        let state = self.state().await;
        match &state.binding {
            Some(bound) => expect_store(self.ports(), &state.opened.acquisition, bound).await,
            None => Ok(()),
        }
    }

    /// As [`make_ready`](Self::make_ready), however far the acquisition is.
    pub(super) async fn bind(&self) -> Result<()> {
        let state = self.state().await;
        let sink = &self.ports().sink;
        let protection = sink.protection().await?;
        let opened = &state.opened;
        let reasons = storing_refusals(
            sink.capabilities(),
            &opened.machine,
            &protection,
            &opened.settings,
        );
        if !reasons.is_empty() {
            return Err(Error::Refused {
                object: state.opened.acquisition.to_string(),
                reason: reasons.join("; "),
            });
        }
        if let Some(bound) = &state.binding {
            return expect_store(self.ports(), &state.opened.acquisition, bound).await;
        }
        self.expect_free_folder().await?;
        let circumstances = self.journal().await.circumstances().clone();
        let pinned = state.opened.signers_pinned.as_deref().unwrap_or("not stated");
        let store = Register::open(self.ports(), &circumstances, pinned).await?;
        let StoreBinding {
            store,
            origin,
            protection,
        } = StoreBinding::new(store, &state.opened.acquisition, protection);
        self.step(&format!(
            "{}: bound to the store {store}",
            state.opened.acquisition
        ));
        let act = Act::AcquisitionBound {
            store,
            origin,
            protection,
        };
        self.journal().await.note(act).await.map(drop)
    }

    /// Nothing of an acquisition that is bound to no store can lie in one.
    async fn expect_free_folder(&self) -> Result<()> {
        let mut listed = self.ports().reader.list(Some(self.folder().clone()));
        match listed.next().await.transpose()? {
            None => Ok(()),
            Some(found) => Err(Error::AlreadyExists {
                object: found.name.to_string(),
            }),
        }
    }
}
