//! The order of the steps.

use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::lock::{Mutex, MutexGuard};

use super::journal::Journal;
use super::key_ring::KeyRing;
use super::keys::{KeyTurnEnds, KeyTurns};
use super::outcome::CaptureOutcome;
use super::plan_judgement::common_remedy;
use super::record_state::AskAgain;
use super::register::{Entry, Register};
use super::state::{AcquisitionState, ItemState, Stage};
use crate::custody_log::{Act, Checkpoint, ClosingState, Event, Failure};
use crate::error::{Error, Result};
use crate::ids::{AcquisitionId, CaseId, EvidenceItemId, ObjectName, Segment};
use crate::layout;
use crate::ports::Ports;

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum Reach {
    /// To the end.
    #[default]
    ToTheEnd,
    /// Until the disk snapshots are taken, and what is known of the machine is recorded where it may be stored: that
    /// may be gone tomorrow as well. The rest is left to `resume`.
    SnapshotsOnly,
}

/// How far the items came, with what stopped those that are not final.
enum Worked {
    /// Only to their disk snapshots.
    Early(Vec<(EvidenceItemId, Error)>),
    /// As far as they would go.
    Through(Vec<(EvidenceItemId, Error)>),
}

/// A run of one acquisition.
#[derive(Debug)]
pub(super) struct Workflow<'a> {
    ports: &'a Ports,
    journal: Mutex<Journal>,
    folder: ObjectName,
    parallel: usize,
    key_ring: KeyRing,
}

impl<'a> Workflow<'a> {
    pub(super) fn new(ports: &'a Ports, journal: Journal, parallel: usize) -> Self {
        let opened = &journal.state().opened;
        let folder = layout::acquisition_folder(&opened.case, &opened.acquisition);
        Self {
            ports,
            journal: Mutex::new(journal),
            folder,
            parallel: parallel.max(1),
            key_ring: KeyRing::default(),
        }
    }

    pub(super) const fn ports(&self) -> &'a Ports {
        self.ports
    }

    /// The keys that are not proven yet.
    pub(super) const fn key_ring(&self) -> &KeyRing {
        &self.key_ring
    }

    /// How many items are worked on at once.
    pub(super) const fn parallel(&self) -> usize {
        self.parallel
    }

    pub(super) async fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().await
    }

    pub(super) async fn state(&self) -> AcquisitionState {
        self.journal.lock().await.state().clone()
    }

    pub(super) async fn items(&self) -> Vec<ItemState> {
        self.journal
            .lock()
            .await
            .state()
            .items
            .values()
            .cloned()
            .collect()
    }

    pub(super) async fn item(&self, id: &EvidenceItemId) -> Result<ItemState> {
        let journal = self.journal.lock().await;
        journal
            .state()
            .items
            .get(id)
            .cloned()
            .ok_or_else(|| Error::misuse(format!("{id} was never planned")))
    }

    pub(super) async fn acquisition(&self) -> AcquisitionId {
        self.journal.lock().await.state().opened.acquisition.clone()
    }

    pub(super) async fn case(&self) -> CaseId {
        self.journal.lock().await.state().opened.case.clone()
    }

    /// The acquisition's folder.
    pub(super) const fn folder(&self) -> &ObjectName {
        &self.folder
    }

    /// The object of this name in the acquisition's folder.
    pub(super) fn object(&self, file: &Segment) -> ObjectName {
        self.folder.join(file)
    }

    pub(super) fn step(&self, line: &str) {
        self.ports.progress.step(line);
    }

    /// An error when the custodian asked to stop.
    pub(super) fn go_on(&self, object: &str) -> Result<()> {
        if self.ports.stop.is_stopped() {
            Err(Error::Stopped {
                object: object.to_owned(),
            })
        } else {
            Ok(())
        }
    }

    /// As [`run`](Self::run), but only as far as the disk snapshots when something blocks what follows them; that is
    /// logged, and is the error. Nothing goes to the store then: the lines wait on the worker's disk. A store that was
    /// not asked yet is asked once the disk snapshots are there.
    pub(super) async fn run_unless(&self, blocked: Result<()>, reach: Reach) -> Result<CaptureOutcome> {
        self.end_earlier_grants().await;
        if let Err(refusal) = &blocked {
            self.note_blocked(refusal).await?;
        } else if self.state().await.needs_no_binding() {
            return self.run(reach).await;
        }
        let unsnapped = self.take_snapshots().await?;
        self.name_unfinished(&unsnapped).await?;
        let refusal = match blocked {
            Err(refusal) => refusal,
            Ok(()) => match self.make_ready().await {
                Ok(()) => return self.run(reach).await,
                Err(refusal) => {
                    self.note_blocked(&refusal).await?;
                    refusal
                }
            },
        };
        let failure = Failure::from(&refusal);
        if unsnapped.is_empty() || failure.is_integrity() {
            return Err(refusal);
        }
        let missing: Vec<String> = unsnapped
            .iter()
            .map(|(id, error)| format!("no disk snapshot of {id}: {}", Failure::from(error).in_words()))
            .collect();
        let remedies = unsnapped.iter().map(|(_, error)| error.remedy());
        Err(Error::refused(
            self.acquisition().await.to_string(),
            format!("{}; and {}", failure.in_words(), missing.join("; ")),
            common_remedy(remedies.chain([refusal.remedy()])),
        ))
    }

    async fn note_blocked(&self, refusal: &Error) -> Result<()> {
        let detail = format!(
            "only disk snapshots are taken: {}",
            Failure::from(refusal).in_words()
        );
        let act = Act::Anomaly { item: None, detail };
        self.journal().await.note(act).await.map(drop)
    }

    /// All steps from wherever the log stands.
    async fn run(&self, reach: Reach) -> Result<CaptureOutcome> {
        let state = self.state().await;
        if state.closed.is_none() && state.abandoned {
            // An order to abandon that was interrupted is carried out; what was ordered away by name is in the log.
            return self.abandon(&"as ordered before the stop".parse()?, &[]).await;
        }
        if state.sealed.is_some() || state.closed.is_some() {
            self.expect_own_store().await?;
        }
        if state.closed.is_none() {
            let unsnapped = self.take_snapshots().await?;
            self.name_unfinished(&unsnapped).await?;
            let unsnapped = self.close_refused(unsnapped).await?;
            if state.sealed.is_none() {
                let (checkpoint, _) = self.journal().await.checkpoint(self.ports).await?;
                let (turns, ends) = KeyTurns::of(self.items().await);
                let keys = self.take_all_keys(turns);
                let worked = self.work(unsnapped, reach, ends);
                let (keyless, worked) = futures::future::join(keys, worked).await;
                let (mut stopped, is_early) = match worked? {
                    Worked::Early(stopped) => (stopped, true),
                    Worked::Through(stopped) => (stopped, false),
                };
                add_unless_there(&mut stopped, self.of_hopeful(keyless).await);
                if is_early {
                    return self.interrupted(stopped, vec![checkpoint]).await;
                }
                add_unless_there(&mut stopped, self.without_keys().await);
                if !stopped.is_empty() || !self.state().await.all_final() {
                    return self.interrupted(stopped, Vec::new()).await;
                }
                if self.record_machine_or_stop(AskAgain::BeforeSeal).await? {
                    let stopped = self.all_stopped(Vec::new()).await;
                    return self.interrupted(stopped, Vec::new()).await;
                }
                self.seal().await?;
            }
            let (checkpoint, seal) = self.journal().await.checkpoint(self.ports).await?;
            self.stamp(&checkpoint).await?;
            let unregistered = self.register_digests().await?;
            self.settle_all_failed().await?;
            if !unregistered.is_empty() {
                return self.interrupted(unregistered, vec![checkpoint]).await;
            }
            self.clean_up(&seal).await?;
            let state = self.state().await.closing_state();
            self.journal()
                .await
                .note(Act::AcquisitionClosed { state })
                .await?;
        }
        self.close().await
    }

    /// What stopped the keys of items that can still become evidence: the key of another one keeps nobody waiting.
    async fn of_hopeful(&self, mut keyless: Vec<(EvidenceItemId, Error)>) -> Vec<(EvidenceItemId, Error)> {
        let items = self.state().await.items;
        keyless.retain(|(id, _)| {
            let item = items.get(id);
            item.is_none_or(|item| !matches!(item.stage, Stage::Failed(_)))
        });
        keyless
    }

    /// What is done beside the taking of keys: what is known of the machine, then the items.
    async fn work(
        &self,
        unsnapped: Vec<(EvidenceItemId, Error)>,
        reach: Reach,
        keys: KeyTurnEnds,
    ) -> Result<Worked> {
        if self.record_machine_or_stop(AskAgain::NewRun).await? {
            return Ok(Worked::Early(self.all_stopped(unsnapped).await));
        }
        match reach {
            Reach::SnapshotsOnly => Ok(Worked::Early(unsnapped)),
            Reach::ToTheEnd => Ok(Worked::Through(self.process_items(unsnapped, keys).await)),
        }
    }

    /// Records the machine; whether the custodian asked to stop meanwhile.
    async fn record_machine_or_stop(&self, again: AskAgain) -> Result<bool> {
        match self.record_machine(again).await {
            Err(error) if matches!(error.meaning(), Error::Stopped { .. }) => Ok(true),
            other => other.map(|()| false),
        }
    }

    /// Every item, with what stopped it: the custodian, where nothing else did before.
    async fn all_stopped(&self, mut stopped: Vec<(EvidenceItemId, Error)>) -> Vec<(EvidenceItemId, Error)> {
        for item in self.items().await {
            let id = item.planned.item;
            if !stopped.iter().any(|(known, _)| *known == id) {
                let object = id.to_string();
                stopped.push((id, Error::Stopped { object }));
            }
        }
        stopped
    }

    /// The last checkpoint, and the entry in the register. Also after a crash between the closing line and these.
    pub(super) async fn close(&self) -> Result<CaptureOutcome> {
        let state = self.state().await;
        if state.binding.is_none() && state.closed.is_some() {
            // It was given up before any store knew of it: there is no register to tell.
            return Ok(CaptureOutcome::of(&state, Vec::new()));
        }
        let (checkpoint, _) = self.journal().await.checkpoint(self.ports).await?;
        let closing = state
            .closed
            .ok_or_else(|| Error::misuse("closing an acquisition that is open"))?;
        let register = self.enter_in_register(&state, closing, &checkpoint).await?;
        self.step(&format!(
            "{}: closed, {}",
            state.opened.acquisition,
            closing_word(closing)
        ));
        Ok(CaptureOutcome::of(&state, vec![checkpoint, register]))
    }

    async fn enter_in_register(
        &self,
        state: &AcquisitionState,
        closing: ClosingState,
        checkpoint: &Checkpoint,
    ) -> Result<Checkpoint> {
        let circumstances = self.journal().await.circumstances().clone();
        let id = state.opened.acquisition.clone();
        let act = Act::AcquisitionRegistered {
            state: closing,
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root,
        };
        let wanted = act.clone();
        let entry = Entry {
            act,
            subject: Some((state.opened.case.clone(), id.clone())),
        };
        let present = move |event: &Event| event.acquisition.as_ref() == Some(&id) && event.act == wanted;
        Register::enter(self.ports, &circumstances, entry, present).await
    }

    /// Works on the items in parallel, bounded. Gives what stopped the ones that are not final.
    async fn process_items(
        &self,
        mut stopped: Vec<(EvidenceItemId, Error)>,
        mut keys: KeyTurnEnds,
    ) -> Vec<(EvidenceItemId, Error)> {
        let mut items = self.items().await;
        items.retain(|item| !stopped.iter().any(|(id, _)| *id == item.planned.item));
        let items = items.into_iter().map(|item| {
            let id = item.planned.item;
            let keys = keys.remove(&id);
            (id, keys)
        });
        let items: Vec<_> = items.collect();
        let runs = futures::stream::iter(items.into_iter().map(|(id, keys)| async move {
            let mut result = self.process(&id).await;
            if let Some(keys) = keys {
                // Its keys' turn has ended when the other end is gone; whether they were taken is in the log.
                let (Ok(()) | Err(oneshot::Canceled)) = keys.await;
            }
            if result.is_ok() {
                result = self.prove_keys(&id).await;
            }
            self.key_ring.forget(&id).await;
            (id, result)
        }));
        let results: Vec<_> = runs.buffer_unordered(self.parallel).collect().await;
        stopped.extend(
            results
                .into_iter()
                .filter_map(|(id, result)| result.err().map(|error| (id, error))),
        );
        stopped
    }

    /// The outcome of a run that did not come to its end: everything that can be told is at the anchor.
    pub(super) async fn interrupted(
        &self,
        stopped: Vec<(EvidenceItemId, Error)>,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<CaptureOutcome> {
        // The journal is durable here in any case; an anchor that fails as well must not hide the first failure.
        let flushed = self.journal().await.flush().await;
        let mut outcome = CaptureOutcome::of(&self.state().await, checkpoints);
        for (id, error) in stopped {
            self.step(&format!("{id}: {error}"));
            if let Some(item) = outcome.items.iter_mut().find(|item| item.item == id) {
                item.stopped_by = Some(Failure::from(&error));
            }
        }
        if let Err(error) = flushed {
            self.step(&format!("the log could not be brought to its anchor: {error}"));
        }
        Ok(outcome)
    }
}

/// Adds what stopped items, unless something else is said of them already.
fn add_unless_there(stopped: &mut Vec<(EvidenceItemId, Error)>, more: Vec<(EvidenceItemId, Error)>) {
    for (id, error) in more {
        if !stopped.iter().any(|(known, _)| *known == id) {
            stopped.push((id, error));
        }
    }
}

const fn closing_word(state: ClosingState) -> &'static str {
    match state {
        ClosingState::Complete => "complete",
        ClosingState::Incomplete => "incomplete",
        ClosingState::Failed => "failed",
        ClosingState::Abandoned => "abandoned",
    }
}
