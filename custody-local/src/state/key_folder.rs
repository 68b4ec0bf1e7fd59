use std::ffi::CStr;

use custody_core::custody_log::{SignerSet, Trust, VerifierKey};
use custody_core::ids::Segment;
use custody_core::port::{Entropy, SealSigner as _};
use custody_core::{Error, Result};
use rustix::fs::Stat;
use zeroize::Zeroizing;

use super::file_signer::FileSigner;
use super::state_folder::StateFolder;
use crate::disk::{Branch, PartialFile, check_ours, failed, read_up_to, write_all_at};

const FOLDER: &str = "keys";
const PRIVATE_SUFFIX: &str = ".pem";
const PUBLIC_SUFFIX: &str = ".pub";
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;
const GROUP_AND_OTHERS: u32 = 0o077;
const MAX_KEY_BYTES: usize = 16 * 1024;

/// Where a signing key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whether a key is known elsewhere must be decided on"
)]
pub enum KeyOrigin {
    /// It was there.
    Existing,
    /// It was made now: nobody else knows its fingerprint yet.
    MadeNow,
}

/// The folder of signing keys: `<name>.pem` (private, 0600) and `<name>.pub` (public, note form).
#[derive(Debug)]
pub(super) struct KeyFolder {
    branch: Branch,
}

impl KeyFolder {
    pub(super) fn of(state: &StateFolder) -> Result<Self> {
        Ok(Self {
            branch: state.branch([FOLDER])?,
        })
    }

    pub(super) fn signer_or_new(&self, name: &str, entropy: &dyn Entropy) -> Result<(FileSigner, KeyOrigin)> {
        match self.signer(name) {
            Err(Error::NotFound { .. }) => {}
            other => return other.map(|signer| (signer, KeyOrigin::Existing)),
        }
        let signer = FileSigner::generate(name, entropy)?;
        match self.put(name, PRIVATE_SUFFIX, PRIVATE_MODE, signer.to_pem()?.as_bytes()) {
            Ok(()) => {}
            // Another program made it at the same moment.
            Err(Error::AlreadyExists { .. }) => {
                return self.signer(name).map(|signer| (signer, KeyOrigin::Existing));
            }
            Err(error) => return Err(error),
        }
        self.publish(name, &signer)?;
        Ok((signer, KeyOrigin::MadeNow))
    }

    pub(super) fn signer(&self, name: &str) -> Result<FileSigner> {
        let file_name = file_name(name, PRIVATE_SUFFIX);
        let path = self.branch.folder().path_of(&file_name);
        let bytes = self
            .read(&file_name, |stat| {
                if stat.st_mode & GROUP_AND_OTHERS == 0 {
                    return Ok(());
                }
                Err(Error::Refused {
                    object: path.clone(),
                    reason: format!(
                        "others may read or change this private key (mode {:04o}); treat it as known to them and make a new one",
                        stat.st_mode & 0o7777
                    ),
                })
            })?
            .ok_or_else(|| Error::NotFound { object: path.clone() })?;
        let signer = FileSigner::from_pem(name, &path, &bytes)?;
        self.publish(name, &signer)?;
        Ok(signer)
    }

    pub(super) fn trust(&self) -> Result<Trust> {
        let mut trust = Trust::nobody();
        for name in self.branch.folder().names()? {
            if !name.to_bytes().ends_with(PUBLIC_SUFFIX.as_bytes()) || name.to_bytes().starts_with(b".") {
                continue;
            }
            let key = self.public(&name)?;
            trust = trust.with(SignerSet::new([key])?);
        }
        Ok(trust)
    }

    /// Writes the public half, or checks it where it is there.
    fn publish(&self, name: &str, signer: &FileSigner) -> Result<()> {
        let line = format!("{}\n", signer.verifier_key());
        match self.put(name, PUBLIC_SUFFIX, PUBLIC_MODE, line.as_bytes()) {
            Err(Error::AlreadyExists { object }) => {
                let there = self.read(&file_name(name, PUBLIC_SUFFIX), |_| Ok(()))?;
                if there.is_some_and(|there| *there == line.as_bytes()) {
                    return Ok(());
                }
                Err(Error::Integrity {
                    object,
                    place: "line 1".into(),
                    expected: format!(
                        "the public half of the private key beside it, {}",
                        signer.verifier_key()
                    ),
                    actual: "another text".into(),
                })
            }
            other => other,
        }
    }

    fn public(&self, file_name: &CStr) -> Result<VerifierKey> {
        let shown = file_name.to_string_lossy();
        let path = self.branch.folder().path_of(&shown);
        let bad = |reason: String| Error::malformed(&*path, reason);
        let bytes = self
            .read(&shown, |_| Ok(()))?
            .ok_or_else(|| Error::NotFound { object: path.clone() })?;
        let text = std::str::from_utf8(&bytes).map_err(|error| bad(error.to_string()))?;
        text.trim_end()
            .parse()
            .map_err(|error: Error| bad(error.to_string()))
    }

    fn put(&self, name: &str, suffix: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let partial = PartialFile::begin(self.branch.clone(), &file_name(name, suffix))?;
        write_all_at(partial.file(), bytes, 0).map_err(failed(partial.path(), "write"))?;
        partial.commit(mode, |_| Ok(()))
    }

    fn read(
        &self,
        file_name: &str,
        check: impl FnOnce(&Stat) -> Result<()>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let folder = self.branch.folder();
        let Some(file) = folder.open_plain(file_name)? else {
            return Ok(None);
        };
        let path = folder.path_of(file_name);
        let stat = rustix::fs::fstat(&file).map_err(failed(&*path, "describe"))?;
        check_ours(&path, &stat)?;
        check(&stat)?;
        let bytes = read_up_to(&file, 0, MAX_KEY_BYTES).map_err(failed(path, "read"))?;
        Ok(Some(Zeroizing::new(bytes)))
    }
}

fn file_name(name: &str, suffix: &str) -> String {
    Segment::escape(name.as_bytes()).with_suffix(suffix).to_string()
}
