use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Args;
use custody_core::capture::{Capture, CaptureRequest, Reach, StoreAsked};
use custody_core::custody_log::{AcquisitionSettings, ReadScope};
use custody_core::ids::MachineRef;
use custody_core::port::SealSigner as _;
use custody_local::{KeyOrigin, SystemEntropy};

use super::case_arguments::CaseArguments;
use super::plan;
use crate::answer::Answer;
use crate::azure::{AZURE, AzureArguments, AzurePlace};
use crate::circumstances;
use crate::console::Console;
use crate::failure::Failure;
use crate::guarded_process;
use crate::journaled::{Journaled, PARALLEL, STORE};
use crate::known_logs;
use crate::local_ports::engine;
use crate::progress;
use crate::signing;
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::store_place::StorePlace;
use crate::summary::Summary;

const EXAMPLES: &str = "\
Examples:
  custody capture azure --config custody.toml --subscription SUB \\
      --resource-group production --vm web-01 --case 2026-117 \\
      --examiner 'M. Example' --authority 'Incident 4711'
  custody capture azure … --dry-run
      what would be created, read and deleted, and what stands against it
  custody capture azure … --preserve-only
      disk snapshots now, the rest later with `custody resume`

The machine and its disks are not changed. Disk snapshots that custody makes are
deleted once their copies are stored, read back, matched and sealed; otherwise
they are kept and named.";

/// Take the disks of a virtual machine in Azure
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AzureCapture {
    #[command(flatten)]
    azure: AzureArguments,

    #[command(flatten)]
    about: CaseArguments,

    /// Read everything: take no range on the service's word that it is empty, on either side
    #[arg(long, help_heading = "Reading")]
    read_all: bool,

    /// How many disks are worked on at once
    #[arg(long, value_name = "N", default_value = "4", help_heading = "Reading")]
    parallel: NonZeroUsize,

    /// Only say what would be done. Changes nothing in Azure; makes the state folder and its key if missing
    #[arg(long, help_heading = "How far", conflicts_with = "preserve_only")]
    dry_run: bool,

    /// Take the disk snapshots, then stop with exit 3; `custody resume` stores them
    #[arg(long, help_heading = "How far")]
    preserve_only: bool,

    /// Which of this host's keys signs
    #[arg(long, value_name = "NAME", help_heading = "This host")]
    key: Option<String>,

    #[command(flatten)]
    state: StatePlace,
}

impl AzureCapture {
    pub(super) async fn capture(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let settings = self.azure.settings()?;
        let machine = self.azure.machine()?;
        let place = self.azure.place(&settings, &machine)?;
        let state = self.state.open()?;
        let key = signing::choose(&state, self.key.as_deref())?;
        let (signer, key_origin) = state.signer_or_new(&key, &SystemEntropy::new())?;
        let verifier_key = signer.verifier_key().clone();
        if key_origin == KeyOrigin::MadeNow {
            signing::tell_of_new_key(&verifier_key, console);
        }
        let store = StorePlace::container(place.clone())?;
        let (mut ports, azure) = place.ports(&state, signer)?;
        if ports.keys.is_some() {
            guarded_process::guard()?.tell(console);
        }
        let signed_in = azure.signed_in().await?.authenticated();
        ports.progress = progress::observer(console);
        ports.stop = Arc::new(SignalStop::listen(console)?);

        let mut kept = AcquisitionSettings::default();
        if self.read_all {
            kept.reads = ReadScope::Everything;
        }
        kept.protection_floor = self.azure.protection_floor(&settings);
        kept.regions = self.azure.regions(&settings);
        kept.grant_days = self.azure.grant_days(&settings)?;
        kept.provider = provider_settings(&place, &store)?;
        let request = self.request(machine, kept, key_origin, &signed_in)?;
        let capture = Capture::new(ports);
        let plan = capture.plan(request).await?;
        if self.dry_run {
            return Ok(plan::answer(&plan, &store, &place.acts(&plan)));
        }
        let _turn = state.lock_acquisition(&plan.acquisition)?;
        let acquisition = plan.acquisition.clone();
        let reach = if self.preserve_only {
            Reach::SnapshotsOnly
        } else {
            Reach::ToTheEnd
        };
        match capture.run(plan, reach).await {
            Ok(outcome) => {
                let summary = Summary {
                    outcome: &outcome,
                    store: &store,
                    state: &self.state,
                    key: &verifier_key,
                    key_origin,
                };
                let not_remembered = known_logs::remember_checkpoints(&outcome, &state);
                Ok(summary.answer().or_failure(not_remembered))
            }
            Err(error) => {
                let failure = Failure::from(error);
                // What was preserved all the same must be told with what stopped it.
                let Ok(journaled) = Journaled::read(&state, &acquisition).await else {
                    return Err(failure);
                };
                let summary = Summary {
                    outcome: &journaled.status.outcome,
                    store: &store,
                    state: &self.state,
                    key: &verifier_key,
                    key_origin,
                };
                Ok(summary.broken_off(failure))
            }
        }
    }

    fn request(
        &self,
        machine: MachineRef,
        settings: AcquisitionSettings,
        key_origin: KeyOrigin,
        signed_in: &BTreeMap<String, String>,
    ) -> Result<CaptureRequest, Failure> {
        let mut words = settings.provider.clone();
        words.insert(PARALLEL.into(), self.parallel.to_string());
        words.insert("read-all".into(), self.read_all.to_string());
        let circumstances = circumstances::here(
            self.about.stated(),
            self.about.why(),
            words,
            &engine()?,
            signed_in,
        );
        let store_asked = if self.preserve_only {
            StoreAsked::AfterSnapshots
        } else {
            StoreAsked::WhenPlanned
        };
        Ok(
            CaptureRequest::new(self.about.case.clone(), machine, circumstances)
                .with_exhibits(self.about.exhibit.clone())
                .with_settings(settings)
                .with_parallel(self.parallel.get())
                .with_store_asked(store_asked)
                .with_signers_pinned(signing::pinned(key_origin)),
        )
    }
}

/// What going on needs to find the Azure side again.
fn provider_settings(place: &AzurePlace, store: &StorePlace) -> Result<BTreeMap<String, String>, Failure> {
    Ok(BTreeMap::from([
        (AZURE.to_owned(), place.to_setting()?),
        (STORE.to_owned(), store.shown()),
    ]))
}
