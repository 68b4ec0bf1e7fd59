use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_core::capture::Capture;
use custody_core::ids::{AcquisitionId, EvidenceItemId, Statement};
use serde_json::json;

use crate::answer::Answer;
use crate::console::Console;
use crate::failure::Failure;
use crate::reopened::{KeyUse, Reopened, unknown};
use crate::state_place::StatePlace;
use crate::stop::SignalStop;

/// Go on without keys that are gone for good, and say why
///
/// The disks' copies are sealed without them, exit 3; the disk snapshots are kept. Try first to get the keys back: a vault
/// says "not found" of a key that is deleted and can be recovered. Of what is sealed it gives up the digests that could
/// not be put into the second register.
#[derive(Debug, Args)]
pub(super) struct GiveUpArguments {
    /// Which acquisition
    acquisition: AcquisitionId,

    /// Whose keys: one item or several
    #[arg(required = true, value_name = "ITEM")]
    items: Vec<EvidenceItemId>,

    /// Why; it stands in the record
    #[arg(long, value_name = "TEXT")]
    reason: Statement,

    /// Where its store lies now [default: where it lay when the capture began]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Who decides [default: the examiner who began]
    #[arg(long, value_name = "NAME")]
    examiner: Option<Statement>,

    #[command(flatten)]
    state: StatePlace,
}

impl GiveUpArguments {
    pub(super) async fn give_up(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let id = &self.acquisition;
        let state = self.state.open_existing()?.ok_or_else(|| unknown(id))?;
        let store = self.store.as_deref();
        let stop = || SignalStop::listen(console).map(Arc::new);
        let reopened = Reopened::open(id, state, &self.state, store, KeyUse::Leave, stop, console).await?;
        let circumstances = reopened.circumstances(self.examiner.as_ref(), BTreeMap::new())?;
        let log = reopened.journaled.log.clone();
        let capture = Capture::new(reopened.ports.clone());
        capture
            .give_up_keys(log, circumstances, &self.reason, &self.items)
            .await?;
        let items: Vec<String> = self.items.iter().map(ToString::to_string).collect();
        let next = format!("custody resume {id}{}", self.state.words());
        let text = format!(
            "what is missing of {} is given up: {}\nnext: {next}\n",
            items.join(", "),
            self.reason
        );
        Ok(Answer::new(
            text,
            json!({"acquisition": id, "items": items, "reason": self.reason.to_string()}),
        ))
    }
}
