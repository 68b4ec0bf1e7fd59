use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use custody_core::capture::{Capture, CaptureRequest, Plan, Reach};
use custody_core::custody_log::{AcquisitionSettings, ReadScope, Stated, Why};
use custody_core::ids::{CaseId, ExhibitNumber, Statement};
use custody_core::port::SealSigner as _;
use custody_core::{Error, Ports};
use custody_local::source::{LocalSources, MountedDevices, OnReadError, SourceOptions};
use custody_local::{AttributeUse, KeyOrigin, LocalPorts};
use futures::executor::block_on;

use super::plan;
use crate::answer::Answer;
use crate::circumstances;
use crate::console::Console;
use crate::failure::Failure;
use crate::journaled::{ATTRIBUTES, STORE, attribute_word};
use crate::local_ports::{absolute, engine, open, watched};
use crate::made_folders::MadeFolders;
use crate::printable;
use crate::progress;
use crate::signing;
use crate::state_place::StatePlace;
use crate::stop::SignalStop;
use crate::summary::Summary;

const EXAMPLES: &str = "\
Examples:
  custody capture local --image disk.raw --case 2026-117 \\
      --examiner 'M. Example' --authority 'Warrant 4711' --store /mnt/evidence
  custody capture local --image /dev/sdb /dev/sdc --exhibit MX-1 MX-2 \\
      --write-blocker 'Tableau T35u' …
  custody capture local … --dry-run
      says what would be done, and what stands against it

The source is opened for reading only. The store may be any directory on a disk
that stays; one store can hold many cases. What was taken is complete when the
summary says `complete` and the exit code is 0.";

/// Take disks as evidence
#[derive(Debug, Args)]
pub(crate) struct CaptureArguments {
    #[command(subcommand)]
    from: CaptureFrom,
}

#[derive(Debug, Subcommand)]
enum CaptureFrom {
    Local(Box<LocalArguments>),
}

/// Take disk images and block devices of this host
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct LocalArguments {
    /// Image files, first parts of split images, block devices; each is one evidence item
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    image: Vec<PathBuf>,

    /// The case, as you number cases
    #[arg(long, value_name = "ID")]
    case: CaseId,

    /// Who captures
    #[arg(long, value_name = "NAME")]
    examiner: Statement,

    /// On what authority: the warrant, policy or ticket
    #[arg(long, value_name = "TEXT")]
    authority: Statement,

    /// Directory that keeps the evidence; made if it is missing
    #[arg(long, value_name = "DIR")]
    store: PathBuf,

    /// Exhibit numbers, one for each image, in their order
    #[arg(long, num_args = 1.., value_name = "NO")]
    exhibit: Vec<ExhibitNumber>,

    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<Statement>,

    /// Who asked for it
    #[arg(long, value_name = "NAME")]
    requester: Option<Statement>,

    /// Who watches
    #[arg(long, value_name = "NAME")]
    witness: Option<Statement>,

    #[command(flatten)]
    reading: Reading,

    /// Set the immutable attribute on what is stored, where the system allows it
    #[arg(long, help_heading = "Storing")]
    immutable: bool,

    /// Compute these digests too, for older tools
    #[arg(long, value_delimiter = ',', value_name = "DIGESTS", help_heading = "Storing")]
    also: Vec<SideDigest>,

    /// How many items are worked on at once
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Storing")]
    parallel: NonZeroUsize,

    /// Only say what would be done. Changes neither sources nor store; makes the state folder and its key if missing
    #[arg(long, help_heading = "How far", conflicts_with = "preserve_only")]
    dry_run: bool,

    /// Note the sources and their state, then stop with exit 3; `custody resume` stores them
    #[arg(long, help_heading = "How far")]
    preserve_only: bool,

    /// Which of this host's keys signs
    #[arg(long, value_name = "NAME", help_heading = "This host")]
    key: Option<String>,

    #[command(flatten)]
    state: StatePlace,
}

/// How sources are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
struct Reading {
    /// Read everything: take no hole on the file system's word, neither in the source nor in the stored copy
    #[arg(long)]
    read_all: bool,

    /// How often a sector that cannot be read is tried again
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,

    /// What becomes of a sector that cannot be read: zeros in the copy, listed as unread; or the end of the capture
    #[arg(long, value_enum, value_name = "WHAT", default_value = "fill")]
    on_read_error: ReadErrors,

    /// Read a block device although it is mounted or in use; the record says so
    #[arg(long)]
    allow_mounted: bool,

    /// The write blocker in use. Recorded as stated: custody does not check one
    #[arg(long, value_name = "TEXT")]
    write_blocker: Option<Statement>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReadErrors {
    Fill,
    Stop,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideDigest {
    Md5,
    Sha1,
}

impl CaptureArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let CaptureFrom::Local(local) = &self.from;
        block_on(local.capture(console))
    }
}

impl LocalArguments {
    async fn capture(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        let options = self.reading.options();
        let sources = LocalSources::named(&self.image, options)?;
        let store = absolute(&self.store)?;
        let key = signing::choose(&self.state.open()?, self.key.as_deref())?;
        let made = MadeFolders::before(&store);
        let local = open(&store, &self.state, &key, self.attributes());
        // A plan leaves no empty store behind, whether it can be made or not.
        let made = made.only_if(self.dry_run);
        let local = local?;
        if local.key_origin() == KeyOrigin::MadeNow {
            // At once: what follows may fail, and the key stays.
            let key = local.signer().verifier_key();
            console.err(&format!(
                "custody: a signing key was made for this host: {}\ncustody: write its fingerprint down, away from this host and from the store: {}\n",
                key.name(),
                key.fingerprint()
            ));
        }
        let request = self.request(&local, &sources, &store)?;
        let stop = Arc::new(SignalStop::listen(console)?);
        let ports = watched(&local, sources, progress::observer(console), stop)?;
        let plan = Capture::new(ports.clone()).plan(request).await?;
        if self.dry_run {
            drop(local);
            made.take_back();
            return Ok(plan::answer(&plan, &store));
        }
        self.run(ports, plan, &local, &store).await
    }

    async fn run(
        &self,
        ports: Ports,
        plan: Plan,
        local: &LocalPorts,
        store: &std::path::Path,
    ) -> Result<Answer, Failure> {
        let acquisition = plan.acquisition.clone();
        let _turn = local.state().lock_acquisition(&acquisition)?;
        let reach = if self.preserve_only {
            Reach::SnapshotsOnly
        } else {
            Reach::ToTheEnd
        };
        let ran = Capture::new(ports).run(plan, reach).await;
        let outcome = match ran {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.broken_off(error, &acquisition, local).await),
        };
        for checkpoint in &outcome.checkpoints {
            local.state().remember(checkpoint)?;
        }
        let summary = Summary {
            outcome: &outcome,
            store,
            state: &self.state,
            key: local.signer().verifier_key(),
            key_origin: local.key_origin(),
        };
        Ok(summary.answer())
    }

    /// The failure of a run that could not even say how far it came; how to go on, where there is something to go on
    /// with.
    async fn broken_off(
        &self,
        error: Error,
        acquisition: &custody_core::ids::AcquisitionId,
        local: &LocalPorts,
    ) -> Failure {
        let begun = local.state().log_name(acquisition).await.is_ok();
        let failure = Failure::from(error);
        if begun {
            failure
                .with_next("remove the cause named above")
                .with_next(format!("custody resume {acquisition}{}", self.state.words()))
        } else {
            failure
        }
    }

    fn request(
        &self,
        local: &LocalPorts,
        sources: &LocalSources,
        store: &std::path::Path,
    ) -> Result<CaptureRequest, Failure> {
        let settings = self.settings(store);
        let mut stated = Stated::new(self.examiner.clone());
        stated.requester.clone_from(&self.requester);
        stated.witness.clone_from(&self.witness);
        let mut why = Why::new(self.authority.clone());
        why.description.clone_from(&self.description);
        let circumstances = circumstances::here(stated, why, self.words(&settings), &engine()?);
        Ok(
            CaptureRequest::new(self.case.clone(), sources.machine().clone(), circumstances)
                .with_exhibits(self.exhibit.clone())
                .with_settings(settings)
                .with_parallel(self.parallel.get())
                .with_signers_pinned(signing::pinned(local.key_origin())),
        )
    }

    /// The settings that resuming must keep, with where the store lies.
    fn settings(&self, store: &std::path::Path) -> AcquisitionSettings {
        let mut settings = AcquisitionSettings::default();
        if self.reading.read_all {
            settings.reads = ReadScope::Everything;
        }
        settings.side_digests = self.also.iter().map(|digest| digest.name().to_owned()).collect();
        settings.side_digests.sort_unstable();
        settings.side_digests.dedup();
        settings.provider = self.reading.options().to_settings();
        settings.provider.insert(STORE.into(), printable::path(store));
        if let Some(word) = attribute_word(self.attributes()) {
            settings.provider.insert(ATTRIBUTES.into(), word.into());
        }
        settings
    }

    /// What was asked for, by name, for every line of the log.
    fn words(&self, settings: &AcquisitionSettings) -> BTreeMap<String, String> {
        let mut words = settings.provider.clone();
        words.insert("parallel".into(), self.parallel.to_string());
        words.insert("read-all".into(), self.reading.read_all.to_string());
        if !settings.side_digests.is_empty() {
            words.insert("also".into(), settings.side_digests.join(","));
        }
        words
    }

    const fn attributes(&self) -> AttributeUse {
        if self.immutable {
            AttributeUse::WhereAllowed
        } else {
            AttributeUse::Omit
        }
    }
}

impl Reading {
    fn options(&self) -> SourceOptions {
        let mounted = if self.allow_mounted {
            MountedDevices::Allow
        } else {
            MountedDevices::Refuse
        };
        let on_read_error = match self.on_read_error {
            ReadErrors::Fill => OnReadError::Fill,
            ReadErrors::Stop => OnReadError::Stop,
        };
        SourceOptions::default()
            .with_retries(self.retries)
            .with_on_read_error(on_read_error)
            .with_mounted(mounted)
            .with_write_blocker(self.write_blocker.clone())
    }
}

impl SideDigest {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
        }
    }
}
