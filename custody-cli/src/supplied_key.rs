use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use custody_core::ids::DiskId;
use custody_local::LocalKeys;
use custody_local::source::LocalSources;

use crate::failure::Failure;
use crate::local_key_place::STANDARD_INPUT;

/// A key that a custodian supplies for the image of this number: `N=FILE`, or `N=-` for standard input.
#[derive(Debug, Clone)]
pub(crate) struct SuppliedKey {
    number: usize,
    path: PathBuf,
}

impl FromStr for SuppliedKey {
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

impl SuppliedKey {
    pub(crate) fn is_entered(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The disk that it is for.
    pub(crate) fn disk(&self, sources: &LocalSources) -> Result<DiskId, Failure> {
        let at = self.number.checked_sub(1);
        let disk = at.and_then(|at| sources.disks().nth(at).cloned());
        disk.ok_or_else(|| {
            Failure::usage(format!(
                "--key-file names image {}, and there are {}",
                self.number,
                sources.disks().count()
            ))
        })
    }

    /// Adds it to the keys of the disk; reads standard input if that is what is meant.
    pub(crate) fn add_to(&self, keys: LocalKeys, disk: &DiskId) -> Result<LocalKeys, Failure> {
        Ok(if self.is_entered() {
            keys.with_entered(disk, std::io::stdin().as_fd(), STANDARD_INPUT)?
        } else {
            keys.with_file(disk, &self.path)?
        })
    }
}

/// Refuses more than one key from standard input: it is read once, to its end.
pub(crate) fn expect_one_entered(keys: &[SuppliedKey]) -> Result<(), Failure> {
    if keys.iter().filter(|key| key.is_entered()).count() > 1 {
        return Err(Failure::usage("standard input gives the key of one image only"));
    }
    Ok(())
}
