use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_core::Error;
use custody_core::capture::Capture;
use custody_core::ids::{AcquisitionId, Statement};
use custody_local::{KeyOrigin, StateFolder};
use serde_json::json;

use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journaled::{Journaled, PARALLEL};
use crate::known_logs;
use crate::reopened::{KeyUse, Reopened, unknown};
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::summary::Summary;
use crate::supplied_key::SuppliedKey;

/// What is told where there is nothing to go on with.
pub(super) const NONE_OPEN: &str = "no acquisition is open on this host\n";

const EXAMPLES: &str = "\
Examples:
  custody resume
      the one acquisition that is open on this host
  custody resume 20261121T203015Z-0123abcd
      this one; `custody list` names them all
  custody resume --all
      every one that is open, one after the other: after a restart of the machine

With --all each is told as soon as it has ended, and the exit code is the worst of
theirs. Ctrl-C stops the one at hand, and begins no other.";

/// Go on with a capture that was stopped, at whatever point
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResumeArguments {
    /// Which; may be left out when only one is open
    acquisition: Option<AcquisitionId>,

    /// Every acquisition that is open on this host, one after the other; one that cannot go on does not keep the others
    /// from it
    #[arg(long, conflicts_with_all = ["acquisition", "store", "key_file"])]
    all: bool,

    /// Where its store lies now [default: where it lay when the capture began]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Who goes on [default: the examiner who began]
    #[arg(long, value_name = "NAME")]
    examiner: Option<Statement>,

    /// How many items are worked on at once [default: as many as when the capture began]
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,

    /// The key of an image, where the capture lacks it: one that was read from standard input is kept nowhere, and a file
    /// may have been moved. The image's number, an equals sign, the file, or - for standard input
    #[arg(long, value_name = "N=FILE")]
    key_file: Vec<SuppliedKey>,

    #[command(flatten)]
    pub(super) state: StatePlace,
}

impl ResumeArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        block_on(self.resume(console))
    }

    /// The acquisition that was named, or the only one that is open, with the state folder that knows of it.
    async fn open_acquisition(&self) -> Result<Option<(StateFolder, AcquisitionId)>, Failure> {
        let state = self.state.open_existing()?;
        match (state, &self.acquisition) {
            (Some(state), Some(named)) => Ok(Some((state, named.clone()))),
            (Some(state), None) => {
                let only = only_open(&state).await?;
                Ok(only.map(|only| (state, only)))
            }
            (None, Some(named)) => Err(unknown(named)),
            (None, None) => Ok(None),
        }
    }

    async fn resume(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        if self.all {
            return self.resume_all(console).await;
        }
        let Some((state, acquisition)) = self.open_acquisition().await? else {
            return Ok(Answer::new(NONE_OPEN, json!({"open": []})));
        };
        let stop = || SignalStop::listen(console).map(Arc::new);
        self.go_on_with(&acquisition, state, stop, console).await
    }

    /// Goes on with one, until it has ended or is asked to stop.
    pub(super) async fn go_on_with(
        &self,
        acquisition: &AcquisitionId,
        state: StateFolder,
        stop: impl FnOnce() -> Result<Arc<SignalStop>, Failure>,
        console: &Arc<Console>,
    ) -> Result<Answer, Failure> {
        let reopened = Reopened::open(
            acquisition,
            state,
            &self.state,
            self.store.as_deref(),
            KeyUse::Take(&self.key_file),
            stop,
            console,
        )
        .await?;
        let parallel = self
            .parallel
            .or_else(|| reopened.journaled.parallel())
            .unwrap_or(NonZeroUsize::MIN);
        let settings = BTreeMap::from([(PARALLEL.to_owned(), parallel.to_string())]);
        let circumstances = reopened.circumstances(self.examiner.as_ref(), settings)?;
        let resumed = Capture::new(reopened.ports.clone())
            .resume(reopened.journaled.log.clone(), circumstances, parallel.get())
            .await;
        let summary_of = |outcome| Summary {
            outcome,
            store: &reopened.store,
            state: &self.state,
            key: &reopened.key,
            key_origin: KeyOrigin::Existing,
        };
        let outcome = match resumed {
            Ok(outcome) => outcome,
            Err(error) => {
                let journaled = Journaled::read(&reopened.state, acquisition).await?;
                return Ok(summary_of(&journaled.status.outcome).broken_off(error.into()));
            }
        };
        let summary = summary_of(&outcome);
        let not_remembered = known_logs::remember_checkpoints(&outcome, &reopened.state);
        Ok(summary.answer().or_failure(not_remembered))
    }
}

/// The acquisition that is open, when only one is; an error that lists them when there are more.
async fn only_open(state: &StateFolder) -> Result<Option<AcquisitionId>, Failure> {
    let mut open = Vec::new();
    for journaled in Journaled::all(state).await? {
        let journaled = journaled.map_err(|error: Error| {
            Failure::from(error).with_next("name the acquisition to go on with: custody resume ACQUISITION")
        })?;
        if !journaled.settled {
            open.push(journaled);
        }
    }
    match open.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.acquisition().clone())),
        many => {
            let error = format!("{} acquisitions are open on this host", many.len());
            let failure = Failure::new(Exit::Usage, error, custody_core::Remedy::FixRequest);
            let listed = many.iter().fold(failure, |failure, one| {
                let outcome = &one.status.outcome;
                failure.with_cause(format!(
                    "{} of case {}, begun {}",
                    outcome.acquisition, outcome.case, one.status.opened_at
                ))
            });
            Err(listed
                .with_next("name one of them: custody resume ACQUISITION")
                .with_next("or go on with all of them, one after the other: custody resume --all"))
        }
    }
}
