//! The copy that the sink's service makes by itself: watched beside the reading of the source, waited for, told of.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{Either, select};

use super::state::ItemState;
use super::workflow::Workflow;
use crate::custody_log::AcquireMethod;
use crate::error::{Error, Result};
use crate::ids::{EvidenceItemId, ObjectName, Segment};
use crate::port::{ImportState, ObjectState, Progress, ProgressPhase, Receipt};

/// How long to wait between two looks at a server-side copy: at least, and at most.
const SHORTEST_IMPORT_POLL: Duration = Duration::from_millis(250);
const LONGEST_IMPORT_POLL: Duration = Duration::from_secs(5);
/// In between it is this part of the time that was waited, so that the end of a copy is noticed soon after it.
const IMPORT_POLL_PART: u32 = 16;

/// How watching a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// The service says that it failed.
    Failed,
    /// It succeeded, or is not what is watched.
    Otherwise,
}

/// How long to wait for another look at a copy that was waited for so long.
fn import_pause(waited: Duration) -> Duration {
    (waited / IMPORT_POLL_PART).clamp(SHORTEST_IMPORT_POLL, LONGEST_IMPORT_POLL)
}

fn failed(name: &ObjectName, reason: String) -> Error {
    Error::Provider {
        object: name.to_string(),
        operation: "server-side copy",
        source: Some(reason.into()),
    }
}

impl Workflow<'_> {
    /// Drives a pass over the source, and tells beside it how far the service's own copy is. When that came to nothing,
    /// the pass is to end too, and what is told is why the copy failed.
    pub(super) async fn beside_import<T>(
        &self,
        item: &EvidenceItemId,
        file: &Segment,
        copy_failed: &AtomicBool,
        pass: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let (pass, told) = (pin!(pass), pin!(self.tell_of_import(item, file)));
        let passed = match select(pass, told).await {
            Either::Left((passed, _)) => passed,
            Either::Right((end, pass)) => {
                // Not dropped: what it began at the source and in the log is carried to its end.
                copy_failed.store(end == Watched::Failed, Ordering::Relaxed);
                pass.await
            }
        };
        match passed {
            Ok(done) => Ok(done),
            Err(error) => Err(match self.import_failure(file).await {
                Some(failure) => failure,
                None if copy_failed.load(Ordering::Relaxed) => {
                    failed(&self.object(file), "it failed while it was watched".into())
                }
                None => error,
            }),
        }
    }

    /// Why the service's copy came to nothing, where the service says that it did.
    pub(super) async fn import_failure(&self, file: &Segment) -> Option<Error> {
        let name = self.object(file);
        let acquisition = self.acquisition().await;
        match self.ports().sink.state(&name, &acquisition).await {
            Ok(ObjectState::Importing(ImportState::Failed(reason))) => Some(failed(&name, reason)),
            _ => None,
        }
    }

    /// Tells how far the service's copy is as long as it is under way, and how that ended. What became of the copy is
    /// asked for again where it counts.
    async fn tell_of_import(&self, item: &EvidenceItemId, file: &Segment) -> Watched {
        let name = self.object(file);
        let acquisition = self.acquisition().await;
        let mut waited = Duration::ZERO;
        let mut seen = None;
        loop {
            match self.ports().sink.state(&name, &acquisition).await {
                Ok(ObjectState::Importing(ImportState::Pending { copied, total })) => {
                    self.tell_copied(item, file, copied.min(total.saturating_sub(1)), total);
                    seen = Some(total);
                }
                Ok(ObjectState::Stored(_) | ObjectState::Importing(ImportState::Done(_))) => {
                    if let Some(total) = seen {
                        self.tell_copied(item, file, total, total);
                    }
                    return Watched::Otherwise;
                }
                Ok(ObjectState::Importing(ImportState::Failed(_))) => return Watched::Failed,
                // Whoever asks where it counts hears it.
                Ok(ObjectState::Absent | ObjectState::Foreign) => return Watched::Otherwise,
                Err(_) => {}
            }
            let pause = import_pause(waited);
            self.ports().clock.sleep(pause).await;
            waited = waited.saturating_add(pause);
        }
    }

    fn tell_copied(&self, item: &EvidenceItemId, file: &Segment, done: u64, total: u64) {
        let progress = Progress::new(ProgressPhase::Copy, item.clone(), file.to_string(), done, total);
        self.ports().progress.progress(&progress);
    }

    /// Waits until the service says what became of its copy. Only its word "success" counts.
    pub(super) async fn await_import(&self, item: &EvidenceItemId, file: &Segment) -> Result<Receipt> {
        let name = self.object(file);
        let acquisition = self.acquisition().await;
        let mut waited = Duration::ZERO;
        let mut seen = None;
        let report = |done, total| self.tell_copied(item, file, done, total);
        loop {
            match self.ports().sink.state(&name, &acquisition).await? {
                ObjectState::Stored(receipt) | ObjectState::Importing(ImportState::Done(receipt)) => {
                    if let Some(total) = seen {
                        report(total, total);
                    }
                    return Ok(receipt);
                }
                ObjectState::Importing(ImportState::Pending { copied, total }) => {
                    // All bytes may be there before the service says so.
                    report(copied.min(total.saturating_sub(1)), total);
                    seen = Some(total);
                    self.go_on(name.as_str())?;
                    let pause = import_pause(waited);
                    self.ports().clock.sleep(pause).await;
                    waited = waited.saturating_add(pause);
                }
                ObjectState::Importing(ImportState::Failed(reason)) => {
                    return Err(failed(&name, reason));
                }
                ObjectState::Absent => {
                    return Err(Error::NotFound {
                        object: name.to_string(),
                    });
                }
                ObjectState::Foreign => {
                    return Err(Error::AlreadyExists {
                        object: name.to_string(),
                    });
                }
            }
        }
    }

    /// Whether a server-side copy of the attempt in hand is still under way.
    pub(super) async fn import_runs(&self, item: &ItemState) -> Result<bool> {
        if self.state().await.opened.method != AcquireMethod::Import || item.streamed.is_some() {
            return Ok(false);
        }
        let name = self.object(&item.planned.file_of_attempt(item.attempt));
        let state = self.ports().sink.state(&name, &self.acquisition().await).await?;
        Ok(matches!(
            state,
            ObjectState::Importing(ImportState::Pending { .. })
        ))
    }
}
