use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_core::capture::Capture;
use custody_core::ids::{AcquisitionId, EvidenceItemId, SnapshotName, Statement};
use custody_local::KeyOrigin;

use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::failure::Failure;
use crate::journaled::Journaled;
use crate::known_logs;
use crate::reopened::{KeyUse, Reopened, unknown};
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::summary::Summary;

const EXAMPLES: &str = "\
Examples:
  custody abandon 20261121T203015Z-0123abcd --reason 'wrong disk was attached'
  custody abandon 20261121T203015Z-0123abcd --item item-2 --reason 'disk deleted'

With --item only that item is given up, so that it does not keep the others from
being sealed: go on with `custody resume`. Its disk snapshot is kept.

Nothing that was stored is deleted: it stays, marked as not evidence. An
unfinished copy is taken back. Disk snapshots are kept unless --discard names
them. A capture of which nothing came into a store yet, because the store did not
answer, can be given up without one; its disk snapshots are kept then.";

/// Give a capture up, or one item of it, for good, and say why
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AbandonArguments {
    /// Which
    acquisition: AcquisitionId,

    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Statement,

    /// Give up this item only, and leave the others to `custody resume`
    #[arg(long, value_name = "ITEM", conflicts_with = "discard")]
    item: Option<EvidenceItemId>,

    /// Disk snapshots to be deleted although their copies were not verified; those that go together only together
    #[arg(long, num_args = 1.., value_name = "SNAPSHOT")]
    discard: Vec<SnapshotName>,

    /// Where its store lies now [default: where it lay when the capture began]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Who gives it up [default: the examiner who began]
    #[arg(long, value_name = "NAME")]
    examiner: Option<Statement>,

    #[command(flatten)]
    state: StatePlace,
}

impl AbandonArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        block_on(self.abandon(console))
    }

    async fn abandon(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let state = self
            .state
            .open_existing()?
            .ok_or_else(|| unknown(&self.acquisition))?;
        let reopened = Reopened::open(
            &self.acquisition,
            state,
            &self.state,
            self.store.as_deref(),
            KeyUse::Leave,
            || SignalStop::listen(console).map(Arc::new),
            console,
        )
        .await?;
        let circumstances = reopened.circumstances(self.examiner.as_ref(), BTreeMap::new())?;
        let log = reopened.journaled.log.clone();
        let capture = Capture::new(reopened.ports.clone());
        let outcome = match &self.item {
            Some(item) => capture.give_up(log, circumstances, item, &self.reason).await,
            None => {
                capture
                    .abandon(log, circumstances, &self.reason, &self.discard)
                    .await
            }
        };
        let summary_of = |outcome| Summary {
            outcome,
            store: &reopened.store,
            state: &self.state,
            key: &reopened.key,
            key_origin: KeyOrigin::Existing,
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let journaled = Journaled::read(&reopened.state, &self.acquisition).await?;
                if !journaled.is_given_up() {
                    return Err(error.into());
                }
                // The order stands, and is carried out by whoever goes on.
                return Ok(summary_of(&journaled.status.outcome).broken_off(error.into()));
            }
        };
        let summary = summary_of(&outcome);
        let not_remembered = known_logs::remember_checkpoints(&outcome, &reopened.state);
        let answer = match &self.item {
            Some(item) => summary.given_up(item),
            None => summary.answer(),
        };
        Ok(answer.or_failure(not_remembered))
    }
}
