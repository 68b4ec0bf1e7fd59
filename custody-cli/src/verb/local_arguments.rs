use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use custody_core::capture::CaptureRequest;
use custody_core::custody_log::{AcquisitionSettings, ReadScope};
use custody_core::ids::Statement;
use custody_local::source::{LocalSources, MountedDevices, OnReadError, SourceOptions};
use custody_local::{AttributeUse, LocalPorts};

use super::case_arguments::CaseArguments;
use super::local_key_arguments::LocalKeyArguments;
use crate::circumstances;
use crate::failure::Failure;
use crate::journaled::{ATTRIBUTES, PARALLEL, STORE, attribute_word};
use crate::local_key_place::LocalKeyPlace;
use crate::local_ports::engine;
use crate::printable;
use crate::signing;
use crate::state_place::StatePlace;

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

/// Take disk images and block devices of this host
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LocalArguments {
    /// Image files, first parts of split images, block devices; each is one evidence item
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub(super) image: Vec<PathBuf>,

    #[command(flatten)]
    about: CaseArguments,

    /// Directory that keeps the evidence; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    pub(super) keys: LocalKeyArguments,

    /// Set the immutable attribute on what is stored, where the system allows it
    #[arg(long, help_heading = "Storing")]
    immutable: bool,

    /// Compute these digests too, for older tools; several with commas between, or with --also again
    #[arg(long, value_delimiter = ',', value_name = "DIGEST", help_heading = "Storing")]
    also: Vec<SideDigest>,

    /// How many items are worked on at once
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Storing")]
    parallel: NonZeroUsize,

    /// Only say what would be done. Changes neither sources nor store; makes the state folder and its key if missing
    #[arg(long, help_heading = "How far", conflicts_with = "preserve_only")]
    pub(super) dry_run: bool,

    /// Note the sources and their state, then stop with exit 3; `custody resume` stores them
    #[arg(long, help_heading = "How far")]
    pub(super) preserve_only: bool,

    /// Which of this host's keys signs
    #[arg(long, value_name = "NAME", help_heading = "This host")]
    pub(super) key: Option<String>,

    #[command(flatten)]
    pub(super) state: StatePlace,
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

impl LocalArguments {
    /// How the sources are read.
    pub(super) fn reading(&self) -> SourceOptions {
        self.reading.options()
    }

    /// What is to be captured, for whom, and under what settings.
    pub(super) fn request(
        &self,
        local: &LocalPorts,
        sources: &LocalSources,
        store: &Path,
        keys: Option<&LocalKeyPlace>,
    ) -> Result<CaptureRequest, Failure> {
        let mut settings = self.settings(store);
        settings
            .provider
            .extend(keys.map(LocalKeyPlace::settings).unwrap_or_default());
        let words = self.words(&settings);
        let circumstances = circumstances::here(
            self.about.stated(),
            self.about.why(),
            words,
            &engine()?,
            &BTreeMap::new(),
        );
        Ok(
            CaptureRequest::new(self.about.case.clone(), sources.machine().clone(), circumstances)
                .with_exhibits(self.about.exhibit.clone())
                .with_settings(settings)
                .with_parallel(self.parallel.get())
                .with_signers_pinned(signing::pinned(local.key_origin())),
        )
    }

    /// The settings that resuming must keep, with where the store lies.
    fn settings(&self, store: &Path) -> AcquisitionSettings {
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
        // They stand in the first line, and would be long on every other.
        words.retain(|name, _| !LocalKeyPlace::owns(name));
        words.insert(PARALLEL.into(), self.parallel.to_string());
        words.insert("read-all".into(), self.reading.read_all.to_string());
        if !settings.side_digests.is_empty() {
            words.insert("also".into(), settings.side_digests.join(","));
        }
        words
    }

    /// Whether the store sets file attributes.
    pub(super) const fn attributes(&self) -> AttributeUse {
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
