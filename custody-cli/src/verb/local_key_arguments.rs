use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use custody_core::KeyPorts;
use custody_local::StateFolder;
use custody_local::source::LocalSources;

use crate::console::Console;
use crate::failure::Failure;
use crate::guarded_process;
use crate::local_key_place::LocalKeyPlace;
use crate::supplied_key::{SuppliedKey, expect_one_entered};

/// Which keys of encrypted images are taken, and for whom they are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of encrypted images")]
pub(super) struct LocalKeyArguments {
    /// The file that holds the key of an image: the image's number in the order of --image, an equals sign, the file (a
    /// .BEK file, a key file, a passphrase), or - for standard input. More than once for several
    #[arg(long, value_name = "N=FILE", requires = "key_recipients")]
    key_file: Vec<SuppliedKey>,

    /// Take keys, wrapped so that only the custodians can use them: their age recipients (age1…), one a line. What was
    /// stored is also looked through for encrypted volumes
    #[arg(long, value_name = "FILE")]
    key_recipients: Option<PathBuf>,

    /// The directory that keeps the wrapped keys [default: in the state folder]
    #[arg(long, value_name = "DIR", requires = "key_recipients")]
    key_escrow: Option<PathBuf>,
}

impl LocalKeyArguments {
    /// Where keys come from and go to; `None` where none are taken.
    pub(super) fn place(&self, sources: &LocalSources) -> Result<Option<LocalKeyPlace>, Failure> {
        let Some(recipients) = &self.key_recipients else {
            return Ok(None);
        };
        expect_one_entered(&self.key_file)?;
        let mut place = LocalKeyPlace::of(recipients, self.key_escrow.as_deref())?;
        for key in &self.key_file {
            let disk = key.disk(sources)?;
            if key.is_entered() {
                place.add_entered(disk);
            } else {
                place.add_file(disk, key.path())?;
            }
        }
        Ok(Some(place))
    }

    /// The ports that take the keys. What standard input gives is read here, once.
    pub(super) fn ports(
        &self,
        place: &LocalKeyPlace,
        sources: &LocalSources,
        state: &StateFolder,
        console: &Arc<Console>,
    ) -> Result<KeyPorts, Failure> {
        guarded_process::guard()?.tell(console);
        let mut keys = place.keys()?;
        for entered in self.key_file.iter().filter(|key| key.is_entered()) {
            keys = entered.add_to(keys, &entered.disk(sources)?)?;
        }
        place.ports(keys, state)
    }
}
