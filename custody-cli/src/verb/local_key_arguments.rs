use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use custody_core::KeyPorts;
use custody_local::StateFolder;
use custody_local::source::LocalSources;

use crate::failure::Failure;
use crate::guarded_process;
use crate::local_key_place::{LocalKeyPlace, STANDARD_INPUT};

/// Which keys of encrypted images are taken, and for whom they are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of encrypted images")]
pub(super) struct LocalKeyArguments {
    /// The file that holds the key of an image: the image's number in the order of --image, an equals sign, the file (a
    /// .BEK file, a key file, a passphrase), or - for standard input. More than once for several
    #[arg(long, value_name = "N=FILE", requires = "key_recipients")]
    key_file: Vec<NumberedFile>,

    /// Take keys, wrapped so that only the custodians can use them: their age recipients (age1…), one a line. What was
    /// stored is also looked through for encrypted volumes
    #[arg(long, value_name = "FILE")]
    key_recipients: Option<PathBuf>,

    /// The directory that keeps the wrapped keys [default: in the state folder]
    #[arg(long, value_name = "DIR", requires = "key_recipients")]
    key_escrow: Option<PathBuf>,
}

/// A file for the image of this number.
#[derive(Debug, Clone)]
struct NumberedFile {
    number: usize,
    path: PathBuf,
}

impl FromStr for NumberedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, path) = text
            .split_once('=')
            .ok_or("an image's number, an equals sign and a file are needed: 1=disk.BEK")?;
        let number = number.strip_prefix("item-").unwrap_or(number).parse().map_err(
            |_not_a_number| "what stands before the equals sign is the number of an image, from 1",
        )?;
        if path.is_empty() {
            return Err("no file is named behind the equals sign".into());
        }
        Ok(Self {
            number,
            path: path.into(),
        })
    }
}

impl LocalKeyArguments {
    /// Where keys come from and go to; `None` where none are taken.
    pub(super) fn place(&self, sources: &LocalSources) -> Result<Option<LocalKeyPlace>, Failure> {
        let Some(recipients) = &self.key_recipients else {
            return Ok(None);
        };
        let mut place = LocalKeyPlace::of(recipients, self.key_escrow.as_deref())?;
        for named in self
            .key_file
            .iter()
            .filter(|named| !is_standard_input(&named.path))
        {
            place.add_file(disk(sources, named)?, &named.path)?;
        }
        Ok(Some(place))
    }

    /// The ports that take the keys. What standard input gives is read here, once.
    pub(super) fn ports(
        &self,
        place: &LocalKeyPlace,
        sources: &LocalSources,
        state: &StateFolder,
    ) -> Result<KeyPorts, Failure> {
        guarded_process::guard()?;
        let mut keys = place.keys()?;
        let mut entered = self
            .key_file
            .iter()
            .filter(|named| is_standard_input(&named.path));
        if let Some(named) = entered.next() {
            keys = keys.with_entered(&disk(sources, named)?, std::io::stdin().as_fd(), STANDARD_INPUT)?;
        }
        if entered.next().is_some() {
            return Err(Failure::usage("standard input gives the key of one image only"));
        }
        place.ports(keys, state)
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn disk(sources: &LocalSources, named: &NumberedFile) -> Result<custody_core::ids::DiskId, Failure> {
    let at = named.number.checked_sub(1);
    let disk = at.and_then(|at| sources.disks().nth(at).cloned());
    disk.ok_or_else(|| {
        Failure::usage(format!(
            "--key-file names image {}, and there are {}",
            named.number,
            sources.disks().count()
        ))
    })
}
