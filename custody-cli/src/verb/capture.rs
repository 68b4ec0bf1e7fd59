use std::sync::Arc;

use clap::{Args, Subcommand};
use custody_core::capture::{Blocks, Capture, CaptureOutcome, Plan, Reach};
use custody_core::port::SealSigner as _;
use custody_core::{Error, Ports};
use custody_local::KeyOrigin;
use custody_local::source::LocalSources;

use super::capture_azure::AzureCapture;
use super::local_arguments::LocalArguments;
use super::plan;
use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::failure::Failure;
use crate::journaled::Journaled;
use crate::known_logs;
use crate::local_ports::{absolute, open, watched};
use crate::made_folders::MadeFolders;
use crate::progress;
use crate::signing;
use crate::stop::SignalStop;
use crate::store_place::StorePlace;
use crate::summary::Summary;

/// Take disks as evidence
#[derive(Debug, Args)]
pub(crate) struct CaptureArguments {
    #[command(subcommand)]
    from: CaptureFrom,
}

#[derive(Debug, Subcommand)]
enum CaptureFrom {
    Local(Box<LocalArguments>),
    Azure(Box<AzureCapture>),
}

impl CaptureArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        match &self.from {
            CaptureFrom::Local(local) => block_on(capture(local, console)),
            CaptureFrom::Azure(azure) => block_on(azure.capture(console)),
        }
    }
}

async fn capture(asked: &LocalArguments, console: &Arc<Console>) -> Result<Answer, Failure> {
    let sources = LocalSources::named(&asked.image, asked.reading())?;
    let store = absolute(&asked.store)?;
    let keys = asked.keys.place(&sources)?;
    let key = signing::choose(&asked.state.open()?, asked.key.as_deref())?;
    let made = MadeFolders::before(&store);
    let local = open(&store, &asked.state, &key, asked.attributes())?;
    if local.key_origin() == KeyOrigin::MadeNow {
        signing::tell_of_new_key(local.signer().verifier_key(), console);
    }
    let request = asked.request(&local, &sources, &store, keys.as_ref())?;
    let stop = Arc::new(SignalStop::listen(console)?);
    let mut ports = watched(&local, sources.clone(), progress::observer(console), stop)?;
    let plan = Capture::new(ports.clone()).plan(request).await;
    let is_refused = |plan: &Plan| {
        plan.refusals
            .iter()
            .any(|refusal| refusal.blocks == Blocks::TheSnapshot)
    };
    if asked.dry_run || plan.as_ref().map_or(true, is_refused) {
        // What is not captured leaves no empty store behind.
        made.take_back();
    }
    let plan = plan?;
    if asked.dry_run {
        return Ok(plan::answer(&plan, &StorePlace::Directory(store), &[]));
    }
    if let Some(place) = &keys {
        ports.keys = Some(asked.keys.ports(place, &sources, local.state(), console)?);
    }
    let _turn = local.state().lock_acquisition(&plan.acquisition)?;
    let acquisition = plan.acquisition.clone();
    match run(asked, ports, plan).await {
        Ok(outcome) => {
            let summary = Summary {
                outcome: &outcome,
                store: &StorePlace::Directory(store),
                state: &asked.state,
                key: local.signer().verifier_key(),
                key_origin: local.key_origin(),
            };
            Ok(summary
                .answer()
                .or_failure(known_logs::remember_checkpoints(&outcome, local.state())))
        }
        Err(error) => {
            let failure = Failure::from(error);
            // What was preserved all the same must be told with what stopped it.
            let Ok(journaled) = Journaled::read(local.state(), &acquisition).await else {
                return Err(failure);
            };
            let summary = Summary {
                outcome: &journaled.status.outcome,
                store: &StorePlace::Directory(store),
                state: &asked.state,
                key: local.signer().verifier_key(),
                key_origin: local.key_origin(),
            };
            Ok(summary.broken_off(failure))
        }
    }
}

async fn run(asked: &LocalArguments, ports: Ports, plan: Plan) -> Result<CaptureOutcome, Error> {
    let reach = if asked.preserve_only {
        Reach::SnapshotsOnly
    } else {
        Reach::ToTheEnd
    };
    Capture::new(ports).run(plan, reach).await
}
