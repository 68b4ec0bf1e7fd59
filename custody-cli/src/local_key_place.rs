use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use custody_core::ids::DiskId;
use custody_core::port::KeyEscrow;
use custody_core::{Error, KeyPorts, visible};
use custody_local::{AgeWrapper, DirectoryEscrow, LocalKeys, StateFolder};

use crate::failure::Failure;
use crate::key_prover;
use crate::local_ports::absolute;
use crate::printable;

/// By these names the settings of an acquisition hold for whom its keys are wrapped, where they are kept, and which files
/// hold them: never a key.
const RECIPIENTS: &str = "key-recipients";
const ESCROW: &str = "key-escrow";
const FILES: &str = "key-files";
/// How messages and records name the standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// For whom the keys of a local acquisition are wrapped, where they are kept, and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct LocalKeyPlace {
    recipients: String,
    escrow: Option<PathBuf>,
    files: Vec<(DiskId, PathBuf)>,
}

impl LocalKeyPlace {
    /// To the recipients of a file, into this directory, or else the state folder's.
    pub(crate) fn of(recipients: &Path, escrow: Option<&Path>) -> Result<Self, Failure> {
        let wrapper = AgeWrapper::from_recipients_file(recipients)?;
        Ok(Self {
            recipients: wrapper.recipients().join(" "),
            escrow: escrow.map(absolute).transpose()?,
            files: Vec::new(),
        })
    }

    /// Adds a file that holds a key of the disk.
    pub(crate) fn add_file(&mut self, disk: DiskId, path: &Path) -> Result<(), Failure> {
        self.files.push((disk, absolute(path)?));
        Ok(())
    }

    /// What resuming needs of it.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::from([(RECIPIENTS.to_owned(), self.recipients.clone())]);
        if let Some(escrow) = &self.escrow {
            settings.insert(ESCROW.into(), printable::path(escrow));
        }
        if !self.files.is_empty() {
            let files: Vec<_> = (self.files.iter())
                .map(|(disk, path)| (disk.to_string(), printable::path(path)))
                .collect();
            settings.insert(FILES.into(), serde_json::json!(files).to_string());
        }
        settings
    }

    /// Whether a setting is one of these.
    pub(crate) fn owns(name: &str) -> bool {
        [RECIPIENTS, ESCROW, FILES].contains(&name)
    }

    /// What an acquisition was begun with; `None` where it takes no keys.
    pub(crate) fn from_settings(settings: &BTreeMap<String, String>) -> Result<Option<Self>, Error> {
        let Some(recipients) = settings.get(RECIPIENTS) else {
            return Ok(None);
        };
        let mut place = Self {
            recipients: recipients.clone(),
            escrow: settings.get(ESCROW).map(|path| path_of(path)).transpose()?,
            files: Vec::new(),
        };
        if let Some(files) = settings.get(FILES) {
            let files: Vec<(String, String)> = serde_json::from_str(files)
                .map_err(|error| Error::malformed(format!("setting {FILES}"), error.to_string()))?;
            for (disk, path) in files {
                place.files.push((disk.parse()?, path_of(&path)?));
            }
        }
        Ok(Some(place))
    }

    /// The keys in their files.
    pub(crate) fn keys(&self) -> Result<LocalKeys, Failure> {
        let mut keys = LocalKeys::new();
        for (disk, path) in &self.files {
            keys = keys.with_file(disk, path)?;
        }
        Ok(keys)
    }

    /// Where the keys are kept.
    pub(crate) fn escrow(&self, state: &StateFolder) -> Result<Arc<dyn KeyEscrow>, Failure> {
        Ok(match &self.escrow {
            Some(path) => Arc::new(DirectoryEscrow::create_or_open(path)?),
            None => Arc::new(state.escrow()?),
        })
    }

    /// The ports of a capture that takes these keys.
    pub(crate) fn ports(&self, keys: LocalKeys, state: &StateFolder) -> Result<KeyPorts, Failure> {
        let lines = self.recipients.replace(' ', "\n");
        Ok(KeyPorts {
            source: Arc::new(keys),
            wrapper: Some(Arc::new(AgeWrapper::to_recipients(RECIPIENTS, &lines)?)),
            escrow: self.escrow(state)?,
            prover: key_prover::prover(),
        })
    }
}

fn path_of(text: &str) -> Result<PathBuf, Error> {
    let bytes = visible::unescape(text)
        .ok_or_else(|| Error::malformed(text.to_owned(), "is no path as this program writes one"))?;
    Ok(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_found_again_in_the_settings() {
        let place = LocalKeyPlace {
            recipients: "age1a age1b".into(),
            escrow: Some("/mnt/key\u{1b}escrow".into()),
            files: vec![("/images/a \"b\".raw".parse().unwrap(), "/keys/a\\b.BEK".into())],
        };
        let settings = place.settings();
        assert!(settings.keys().all(|name| LocalKeyPlace::owns(name)));
        let found = LocalKeyPlace::from_settings(&settings).unwrap().unwrap();
        assert_eq!(
            (found.recipients, found.escrow, found.files),
            (place.recipients, place.escrow, place.files)
        );
        assert!(LocalKeyPlace::from_settings(&BTreeMap::new()).unwrap().is_none());
    }
}
