//! The capture workflow: plan, run, resume, abandon.
//!
//! ```text
//! plan -> snapshot -> keys, beside: what is known of the machine, per item: grant, acquire, read back; then prove its keys
//!      -> seal -> digests into a second register, where there is one -> clean up -> close
//! ```
//!
//! Every act on the outside has a durable intent line before it and a done or failed line after it;
//! the state of a capture is a fold over those lines. After a stop at any point, [`Capture::resume`]
//! goes on from what the log says, adopting what was made and not yet logged.

mod abandon;
mod acquire;
mod binding;
mod chunk_list;
mod clean_up;
mod copy;
mod digest_outcome;
mod digest_state;
mod digests;
mod extent_lists;
mod footer;
mod give_up;
mod given_up_keys;
mod granted_source;
mod item;
mod item_state;
mod journal;
mod key_deeds;
mod key_escrow;
mod key_outcome;
mod key_proofs;
mod key_ring;
mod key_state;
mod keys;
mod live_access;
mod machine_records;
mod notes;
mod opening;
mod outcome;
mod outline;
mod pieces;
mod plan;
mod plan_judgement;
mod process;
mod protection_change;
mod put_once;
mod read_back;
mod record_state;
mod region_rule;
mod register;
mod request;
mod rereading;
mod seal;
mod server_copy;
mod snapshot_sets;
mod snapshots;
mod stamps;
mod state;
mod status;
mod stopping_image;
mod warrant;
mod workflow;

pub use digest_outcome::DigestOutcome;
pub use key_outcome::{KeyOutcome, KeysOutcome};
pub use live_access::LiveAccess;
pub use outcome::{CaptureOutcome, ItemOutcome, ItemStatus};
pub use outline::Outline;
pub use plan::{Blocks, Plan, Refusal};
pub use register::Register;
pub use request::{CaptureRequest, StoreAsked};
pub use status::AcquisitionStatus;
pub use warrant::{DeletionWarrant, DiscardOrder};
pub use workflow::Reach;

use self::journal::Journal;
use self::register::signer_lines;
use self::workflow::Workflow;
use crate::custody_log::{Act, Circumstances};
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, SnapshotName, Statement};
use crate::port::LogName;
use crate::ports::Ports;

/// Captures evidence through a bundle of ports.
///
/// # Evidence
/// Writes the acquisition's log, its objects and its seal into the store, and one line into the
/// store's register.
#[derive(Debug, Clone)]
pub struct Capture {
    ports: Ports,
}

impl Capture {
    /// Through these ports.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// The ports.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Finds out what a capture would do. Read only.
    ///
    /// # Errors
    /// The ports', when something cannot be found out. What can and speaks against the capture is in
    /// [`Plan::refusals`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn plan(&self, request: CaptureRequest) -> Result<Plan> {
        Plan::make(&self.ports, request).await
    }

    /// Captures what was planned.
    ///
    /// An outcome without a state did not come to its end: what stopped it stands with its items, and
    /// [`resume`](Self::resume) goes on.
    ///
    /// # Errors
    /// [`Error::Refused`], or [`Error::RightsMissing`] where rights are all that is wanting, when the plan has refusals
    /// that block the snapshot (nothing was done), or others (the snapshots were taken, and
    /// [`resume`](Self::resume) goes on once the cause is removed); so also what the store
    /// answered when it could not be opened; otherwise the ports', when the log itself cannot go on.
    ///
    /// # Cancel safety
    /// Dropping the future is a crash: [`resume`](Self::resume) goes on from the log. Ask for a stop through
    /// [`crate::port::StopSignal`] instead.
    pub async fn run(&self, plan: Plan, reach: Reach) -> Result<CaptureOutcome> {
        plan.must_allow_snapshot()?;
        let request = &plan.request;
        // Nothing of this goes to a store that may not take the evidence, or does not answer; the rest can wait.
        let (binding, blocked) = match request.store_asked {
            StoreAsked::AfterSnapshots => (None, Ok(())),
            StoreAsked::WhenPlanned => match binding::of_plan(&self.ports, &plan).await {
                Ok(binding) => (Some(binding), Ok(())),
                Err(error) => (None, Err(error)),
            },
        };
        let signers_pinned = binding.is_none().then(|| request.signers_pinned.clone());
        let (store, origin, protection) = match binding {
            Some(binding) => (
                Some(binding.store),
                Some(binding.origin),
                Some(binding.protection),
            ),
            None => (None, None, None),
        };
        let opening = Act::AcquisitionOpened {
            store,
            origin,
            signers: signer_lines(&self.ports),
            signers_pinned,
            machine: plan.machine.clone(),
            items: plan.items.clone(),
            method: plan.method,
            protection,
            settings: request.settings.clone(),
        };
        let journal = Journal::begin(&self.ports, plan.log(), request.circumstances.clone(), opening).await?;
        Workflow::new(&self.ports, journal, request.parallel)
            .run_unless(blocked, reach)
            .await
    }

    /// Goes on with a capture that was stopped at any point.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such log; [`Error::Refused`] when it was begun with other signers, when this
    /// is not the store it is bound to, or when the sink may not take the evidence; the sink's, when it cannot be asked.
    /// Disk snapshots that were missing are taken all the same. [`Error::Integrity`] when the log does not hold
    /// together; otherwise as [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn resume(
        &self,
        log: LogName,
        circumstances: Circumstances,
        parallel: usize,
    ) -> Result<CaptureOutcome> {
        let workflow = self.reopen(log, circumstances, parallel).await?;
        let blocked = workflow.make_ready().await;
        workflow.run_unless(blocked, Reach::ToTheEnd).await
    }

    /// Gives a capture up: ends grants, takes back what is unfinished, keeps every disk snapshot but the ones that
    /// `discard` names, and closes the log.
    ///
    /// An acquisition that is bound to no store yet, and can still be bound to none, is closed all the same: no store
    /// knows of it, so no register tells of it. Its disk snapshots are kept then.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is sealed already, or when a snapshot is to be discarded and no store can take the order
    /// first; [`Error::NotFound`] when `discard` names a snapshot that is not
    /// this acquisition's; otherwise as [`resume`](Self::resume).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn abandon(
        &self,
        log: LogName,
        circumstances: Circumstances,
        reason: &Statement,
        discard: &[SnapshotName],
    ) -> Result<CaptureOutcome> {
        let workflow = self.reopen(log, circumstances, 1).await?;
        workflow.abandon(reason, discard).await
    }

    /// Gives one item up, for good, so that it does not keep the others from being sealed: a disk that is gone, for
    /// example. Its disk snapshot, where there is one, is kept. [`resume`](Self::resume) goes on with the others.
    ///
    /// # Errors
    /// [`Error::Refused`] when the acquisition is sealed or closed, or when the item is verified or failed already;
    /// [`Error::NotFound`] when there is no such item; otherwise as [`resume`](Self::resume).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run): calling again settles it.
    pub async fn give_up(
        &self,
        log: LogName,
        circumstances: Circumstances,
        item: &EvidenceItemId,
        reason: &Statement,
    ) -> Result<CaptureOutcome> {
        let workflow = self.reopen(log, circumstances, 1).await?;
        workflow.give_up(item, reason).await
    }

    /// Gives up what is missing of the keys of these items: keys that cannot be had, proofs that cannot be made. Their
    /// disk snapshots are kept. [`resume`](Self::resume) then goes on, and can seal.
    ///
    /// Of an acquisition that is sealed it gives up the digests of these items that could not be put into the second
    /// register; [`resume`](Self::resume) then closes it, and its outcome names them.
    ///
    /// # Errors
    /// [`Error::Refused`] when nothing of an item is missing, when it is closed or given up already, or bound to no store
    /// yet; [`Error::NotFound`] for an item that it does not have; otherwise as [`resume`](Self::resume).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    ///
    /// # Evidence
    /// A line for each item, with who, when and why.
    pub async fn give_up_keys(
        &self,
        log: LogName,
        circumstances: Circumstances,
        reason: &Statement,
        items: &[EvidenceItemId],
    ) -> Result<CaptureOutcome> {
        let workflow = self.reopen(log, circumstances, 1).await?;
        workflow.give_up_keys(reason, items).await
    }

    /// What the log of an acquisition says of it. Read only.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such log; [`Error::Integrity`] when it does not hold together.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn status(&self, log: &LogName) -> Result<AcquisitionStatus> {
        AcquisitionStatus::read(&self.ports, log).await
    }

    async fn reopen(
        &self,
        log: LogName,
        circumstances: Circumstances,
        parallel: usize,
    ) -> Result<Workflow<'_>> {
        let mut journal = Journal::reopen(&self.ports, log, circumstances).await?;
        let opened = &journal.state().opened;
        let mut named = opened.signers.clone();
        let mut ours = signer_lines(&self.ports);
        named.sort_unstable();
        ours.sort_unstable();
        if named != ours {
            return Err(Error::Refused {
                object: opened.acquisition.to_string(),
                reason: format!("it was begun with other signing keys: {}", named.join(" ")),
            });
        }
        binding::refuse_other_store(&self.ports, journal.state()).await?;
        if journal.state().closed.is_none() {
            let lines = journal.lines();
            journal.note(Act::AcquisitionResumed { lines }).await?;
        }
        Ok(Workflow::new(&self.ports, journal, parallel))
    }
}
