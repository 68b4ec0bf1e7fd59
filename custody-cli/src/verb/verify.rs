use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_core::capture::Register;
use custody_core::custody_log::{ReadScope, Stated, Trust, Why};
use custody_core::ids::{AcquisitionId, CaseId, Segment, Statement};
use custody_core::port::EvidenceReader;
use custody_core::verify::{Report, Verifier, VerifyOptions};
use custody_core::{Remedy, layout};
use custody_local::{KeyOrigin, StateFolder};
use futures::StreamExt as _;

use super::verdict;
use crate::answer::Answer;
use crate::circumstances;
use crate::console::Console;
use crate::driver::block_on;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::known_logs;
use crate::local_ports::{engine, hasher, registering};
use crate::printable;
use crate::progress;
use crate::signing;
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::store_place::StorePlace;

const EXAMPLES: &str = "\
Examples:
  custody verify /mnt/evidence
      trusts the keys of this host
  custody verify /mnt/evidence --trust keys.txt
      trusts the keys that this file names as well
  custody verify /mnt/evidence --case 2026-117
      only this case

A trust file has one signer a line, as `custody key show` prints it on the host
that captured; compare the fingerprint with the one that was written down there.
Without a trusted signer the best answer is exit 1: consistent, signer not
established.";

/// Check a store: derive everything anew from its bytes, and compare
///
/// Reads the store only; writes nothing into it unless --record is given.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// The store: a directory, or the address of a container (https://ACCOUNT.blob.core.windows.net/CONTAINER)
    store: PathBuf,

    /// For a container: the settings file that says as whom it is read
    #[arg(long, value_name = "FILE", env = "CUSTODY_CONFIG")]
    config: Option<PathBuf>,

    /// Trust the signers that this file names, beside this host's own keys
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,

    /// Only this case
    #[arg(long, value_name = "ID")]
    case: Option<CaseId>,

    /// Only this acquisition
    #[arg(long, value_name = "ID")]
    acquisition: Option<AcquisitionId>,

    /// Read everything: take no hole of a stored copy on the word of the file system or the service
    #[arg(long)]
    read_all: bool,

    /// Enter in the store's register that it was verified, with the result; needs a key of this host
    #[arg(long)]
    record: bool,

    /// With --record: who verifies
    #[arg(long, value_name = "NAME", requires = "record")]
    examiner: Option<Statement>,

    /// With --record: on what authority
    #[arg(long, value_name = "TEXT", requires = "record")]
    authority: Option<Statement>,

    #[command(flatten)]
    state: StatePlace,
}

impl VerifyArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        block_on(self.verify(console))
    }

    async fn verify(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let place = StorePlace::named(&self.store, self.config.as_deref())?;
        let reader = place.reader()?;
        let state = self.state.open_existing()?;
        let key = self.recording_key(state.as_ref())?;
        let mut trust = self.trusted()?;
        let mut options = VerifyOptions::default()
            .with_progress(progress::observer(console))
            .with_stop(Arc::new(SignalStop::listen(console)?));
        if self.read_all {
            options = options.with_reads(ReadScope::Everything);
        }
        if let Some(acquisitions) = self.scope(reader.as_ref()).await? {
            options = options.with_acquisitions(acquisitions);
        }
        if let Some(state) = &state {
            trust = trust.and(state.own_trust()?);
            for known in known_logs::of_store(reader.as_ref(), state).await? {
                options = options.with_known(known);
            }
        }
        let hasher = hasher()?;
        let report = Verifier::new(reader, hasher, trust)
            .with_options(options)
            .verify()
            .await;
        if let Some(state) = &state
            && let Err(error) = known_logs::remember(&report, state)
        {
            // The verification stands; a later one will know less than it could.
            console.err(
                &Failure::from(error)
                    .with_next("what was seen in this store is not remembered")
                    .to_text(),
            );
        }
        let not_recorded = match (&state, key) {
            (Some(state), Some(key)) => self.enter(&place, state, &key, &report).await.err(),
            _ => None,
        };
        Ok(verdict::answer(&report, &place, not_recorded))
    }

    fn trusted(&self) -> Result<Trust, Failure> {
        let Some(file) = &self.trust else {
            return Ok(Trust::nobody());
        };
        let shown = format!("trust file {}", printable::path(file));
        let text = fs::read_to_string(file).map_err(|error| Failure::system(&shown, "read", error))?;
        Ok(Trust::parse(&shown, &text)?)
    }

    /// The acquisitions that were asked for; `None` for all.
    async fn scope(&self, reader: &dyn EvidenceReader) -> Result<Option<Vec<AcquisitionId>>, Failure> {
        let Some(case) = &self.case else {
            return Ok(self.acquisition.clone().map(|acquisition| vec![acquisition]));
        };
        let folder = layout::cases().join(&Segment::escape(case.as_str().as_bytes()));
        let depth = folder.segments().count();
        let mut found = Vec::new();
        let mut objects = reader.list(Some(folder));
        while let Some(object) = objects.next().await {
            // What has no object's name belongs to no acquisition; the verification reports it.
            let Ok(object) = object else { continue };
            let id = object
                .name
                .segments()
                .nth(depth)
                .and_then(|id| id.parse::<AcquisitionId>().ok());
            if let Some(id) = id
                && found.last() != Some(&id)
            {
                found.push(id);
            }
        }
        if let Some(one) = &self.acquisition {
            found.retain(|id| id == one);
        }
        if found.is_empty() {
            let missing = custody_core::Error::NotFound {
                object: format!("case {case} in {}", printable::path(&self.store)),
            };
            return Err(Failure::from(missing).with_next(format!(
                "`custody list --store {}` names its cases",
                printable::word(&self.store)
            )));
        }
        Ok(Some(found))
    }

    /// The key that signs the entry, if one is to be made. No key is ever made for it.
    fn recording_key(&self, state: Option<&StateFolder>) -> Result<Option<String>, Failure> {
        if !self.record {
            return Ok(None);
        }
        let no_key = || {
            Failure::new(
                Exit::Incomplete,
                "nothing can be recorded: this host has no signing key",
                Remedy::FixRequest,
            )
            .with_next("custody key new")
        };
        let state = state.ok_or_else(no_key)?;
        if signing::keys(state)?.is_empty() {
            return Err(no_key());
        }
        signing::choose(state, None).map(Some)
    }

    async fn enter(
        &self,
        place: &StorePlace,
        state: &StateFolder,
        key: &str,
        report: &Report,
    ) -> Result<(), Failure> {
        let not_stated = |what: &str| format!("{what} not stated").parse::<Statement>();
        let examiner = self.examiner.clone().map_or_else(|| not_stated("examiner"), Ok)?;
        let authority = self
            .authority
            .clone()
            .map_or_else(|| not_stated("authority"), Ok)?;
        let settings = BTreeMap::from([("read-all".to_owned(), self.read_all.to_string())]);
        let (ports, signed_in) = match place {
            StorePlace::Directory(store) => (registering(store, state, key)?, BTreeMap::new()),
            StorePlace::Container { place, .. } => {
                let (ports, azure) = place.ports(state, state.signer(key)?)?;
                (ports, azure.signed_in().await?.authenticated())
            }
        };
        let circumstances = circumstances::here(
            Stated::new(examiner),
            Why::new(authority),
            settings,
            &engine()?,
            &signed_in,
        );
        let checkpoint = Register::enter_verification(
            &ports,
            &circumstances,
            signing::pinned(KeyOrigin::Existing),
            report.outcome.exit_code(),
            &report.result,
            self.acquisition.clone(),
        )
        .await?;
        Ok(state.remember(&checkpoint)?)
    }
}
