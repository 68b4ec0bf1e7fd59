use std::path::{Path, PathBuf};

use clap::Args;
use custody_local::{StateFolder, StateOptions, TemporaryState};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::printable;

/// Where this host keeps journals, keys and what it knows of stores.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StatePlace {
    /// State folder: journals, signing keys, checkpoints seen; for you alone, never inside a store
    /// [default: $XDG_STATE_HOME/custody, or /var/lib/custody for root]
    #[arg(long, value_name = "DIR", help_heading = "This host")]
    state: Option<PathBuf>,

    /// Let the state folder lie where the next start of the machine empties it: for tests and demonstrations
    #[arg(long, hide = true)]
    allow_temporary_state: bool,
}

impl StatePlace {
    /// The folder, whether it is there or not.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        let named = self.state.clone();
        let administrator = rustix::process::geteuid().is_root();
        let path = named.or_else(|| Environment::read().state_folder(administrator));
        let path = path.ok_or_else(|| {
            Failure::usage("no state folder: neither XDG_STATE_HOME nor HOME is set")
                .with_next("name one with --state DIR")
        })?;
        std::path::absolute(&path)
            .map_err(|error| Failure::system(&printable::path(&path), "make an absolute path of", error))
    }

    /// Opens it; makes it where it is missing.
    pub(crate) fn open(&self) -> Result<StateFolder, Failure> {
        Ok(StateFolder::open(&self.path()?, self.options())?)
    }

    /// Opens it where it is; `None` where nobody made one.
    ///
    /// One that was named and is not there is a failure: a mistyped name must not look like a host without state.
    pub(crate) fn open_existing(&self) -> Result<Option<StateFolder>, Failure> {
        let path = self.path()?;
        if is_there(&path)? {
            return Ok(Some(StateFolder::open(&path, self.options())?));
        }
        if self.state.is_some() {
            let missing = custody_core::Error::NotFound {
                object: format!("state folder {}", printable::path(&path)),
            };
            return Err(Failure::from(missing)
                .with_next("name the folder that was used for the capture, or leave --state out"));
        }
        Ok(None)
    }

    /// The words that name this folder in a command to be run later; empty where it is the default.
    pub(crate) fn words(&self) -> String {
        let mut words = self
            .state
            .as_ref()
            .map(|path| {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                format!(" --state {}", printable::word(&path))
            })
            .unwrap_or_default();
        if self.allow_temporary_state {
            words.push_str(" --allow-temporary-state");
        }
        words
    }

    pub(crate) fn options(&self) -> StateOptions {
        let temporary = if self.allow_temporary_state {
            TemporaryState::Allow
        } else {
            TemporaryState::Refuse
        };
        StateOptions::default().with_temporary(temporary)
    }
}

fn is_there(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| {
        Failure::system(
            &format!("state folder {}", printable::path(path)),
            "look for",
            error,
        )
    })
}
