use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::setup_azure::AzureSetup;
use crate::answer::Answer;
use crate::console::Console;
use crate::driver::block_on;
use crate::failure::Failure;

/// Prepare a capture: settings, signing key, roles, and a check of what holds
#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    #[command(subcommand)]
    of: SetupOf,
}

#[derive(Debug, Subcommand)]
enum SetupOf {
    Azure(Box<AzureSetup>),
}

/// The settings file that nobody named.
pub(super) const DEFAULT_FILE: &str = "custody.toml";

impl SetupArguments {
    pub(super) fn run(&self, console: &Arc<Console>) -> Result<Answer, Failure> {
        match &self.of {
            SetupOf::Azure(azure) => block_on(azure.run(console)),
        }
    }
}

/// The settings file: the one that was named, or the one of this folder.
pub(super) fn file_or_default(named: Option<&PathBuf>) -> PathBuf {
    named.cloned().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))
}
