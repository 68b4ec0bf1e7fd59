use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use custody_core::ids::DiskId;
use custody_core::port::KeyEscrow;
use custody_core::{Error, KeyPorts, visible};
use custody_local::source::LocalSources;
use custody_local::{AgeWrapper, DirectoryEscrow, LocalKeys, StateFolder};

use crate::failure::Failure;
use crate::key_prover;
use crate::local_ports::absolute;
use crate::printable;
use crate::supplied_key::{SuppliedKey, expect_one_entered};

/// By these names the settings of an acquisition hold for whom its keys are wrapped, where they are kept, and which files
/// hold them: never a key.
const RECIPIENTS: &str = "key-recipients";
const ESCROW: &str = "key-escrow";
const FILES: &str = "key-files";
const ENTERED: &str = "key-entered";
/// How messages and records name the standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// For whom the keys of a local acquisition are wrapped, where they are kept, and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct LocalKeyPlace {
    recipients: String,
    escrow: Option<PathBuf>,
    files: Vec<(DiskId, PathBuf)>,
    /// Disks whose key standard input gives: it is kept nowhere but in the escrow.
    entered: Vec<DiskId>,
}

impl LocalKeyPlace {
    /// To the recipients of a file, into this directory, or else the state folder's.
    pub(crate) fn of(recipients: &Path, escrow: Option<&Path>) -> Result<Self, Failure> {
        let wrapper = AgeWrapper::from_recipients_file(recipients)?;
        Ok(Self {
            recipients: wrapper.recipients().join(" "),
            escrow: escrow.map(absolute).transpose()?,
            files: Vec::new(),
            entered: Vec::new(),
        })
    }

    /// Adds a file that holds a key of the disk.
    pub(crate) fn add_file(&mut self, disk: DiskId, path: &Path) -> Result<(), Failure> {
        self.files.push((disk, absolute(path)?));
        Ok(())
    }

    /// Notes that standard input gives a key of the disk.
    pub(crate) fn add_entered(&mut self, disk: DiskId) {
        self.entered.push(disk);
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
        if !self.entered.is_empty() {
            let disks: Vec<_> = self.entered.iter().map(ToString::to_string).collect();
            settings.insert(ENTERED.into(), serde_json::json!(disks).to_string());
        }
        settings
    }

    /// Whether a setting is one of these.
    pub(crate) fn owns(name: &str) -> bool {
        [RECIPIENTS, ESCROW, FILES, ENTERED].contains(&name)
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
            entered: Vec::new(),
        };
        if let Some(files) = settings.get(FILES) {
            let files: Vec<(String, String)> = serde_json::from_str(files)
                .map_err(|error| Error::malformed(format!("setting {FILES}"), error.to_string()))?;
            for (disk, path) in files {
                place.files.push((disk.parse()?, path_of(&path)?));
            }
        }
        if let Some(entered) = settings.get(ENTERED) {
            let disks: Vec<String> = serde_json::from_str(entered)
                .map_err(|error| Error::malformed(format!("setting {ENTERED}"), error.to_string()))?;
            for disk in disks {
                place.entered.push(disk.parse()?);
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

    /// The keys for a run that goes on: those that are supplied now, and those of the files that are still there. A disk
    /// whose key is not at hand lacks it, and keeps no other disk from being gone on with.
    pub(crate) fn keys_again(
        &self,
        supplied: &[SuppliedKey],
        sources: &LocalSources,
    ) -> Result<LocalKeys, Failure> {
        expect_one_entered(supplied)?;
        let mut keys = LocalKeys::new();
        let mut given = Vec::new();
        for one in supplied {
            let disk = one.disk(sources)?;
            keys = one.add_to(keys, &disk)?;
            given.push(disk);
        }
        for (disk, path) in &self.files {
            keys = match keys.clone().with_file(disk, path) {
                Ok(keys) => keys,
                Err(_instead) if given.contains(disk) => keys,
                Err(error) => keys.without(disk, error.to_string()),
            };
        }
        for disk in self.entered.iter().filter(|disk| !given.contains(disk)) {
            keys = keys.without(
                disk,
                format!("it was read from {STANDARD_INPUT} when the capture began, and is kept nowhere"),
            );
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
            entered: vec!["/images/c.raw".parse().unwrap()],
        };
        let settings = place.settings();
        assert!(settings.keys().all(|name| LocalKeyPlace::owns(name)));
        let found = LocalKeyPlace::from_settings(&settings).unwrap().unwrap();
        assert_eq!(
            (found.recipients, found.escrow, found.files, found.entered),
            (place.recipients, place.escrow, place.files, place.entered)
        );
        assert!(LocalKeyPlace::from_settings(&BTreeMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_key_that_is_not_at_hand_keeps_no_other_disk_from_being_gone_on_with() {
        use custody_core::port::{
            DiskDescription, DiskSnapshot, KeyRequirement, KeySource as _, SnapshotKind,
        };

        let folder = tempfile::tempdir().unwrap();
        let images: Vec<_> = ["a.raw", "b.raw", "c.raw", "d.raw"]
            .map(|name| folder.path().join(name))
            .into();
        for image in &images {
            std::fs::write(image, [0; 512]).unwrap();
        }
        let key = folder.path().join("key");
        std::fs::write(&key, "a passphrase").unwrap();
        let sources = LocalSources::named(&images, custody_local::source::SourceOptions::default()).unwrap();
        let disks: Vec<DiskId> = sources.disks().cloned().collect();
        let place = LocalKeyPlace {
            recipients: String::new(),
            escrow: None,
            files: vec![
                (disks[0].clone(), key.clone()),
                (disks[1].clone(), folder.path().join("gone")),
            ],
            entered: vec![disks[2].clone()],
        };
        let asked = |keys: &LocalKeys| -> Vec<Result<usize, String>> {
            let of = |disk: &DiskId| {
                let description = DiskDescription::new(disk.clone(), "disk", 512);
                let name = "20261128-disk".parse().unwrap();
                let snapshot = DiskSnapshot::new(name, disk.clone(), SnapshotKind::InPlace, 512);
                match futures::executor::block_on(keys.requirement(&description, &snapshot)) {
                    Ok(acted) => Ok(match acted.value {
                        KeyRequirement::Keys(keys) => keys.len(),
                        KeyRequirement::None | KeyRequirement::Unknown(_) => 0,
                    }),
                    Err(error) => Err(error.to_string()),
                }
            };
            disks.iter().map(of).collect()
        };
        let told = asked(&place.keys_again(&[], &sources).unwrap());
        assert_eq!((&told[0], &told[3]), (&Ok(1), &Ok(0)));
        let reason = told[1].as_ref().unwrap_err();
        assert!(
            reason.contains("gone") && reason.contains("not found"),
            "{reason}"
        );
        let reason = told[2].as_ref().unwrap_err();
        assert!(
            reason.contains("standard input") && reason.contains("kept nowhere"),
            "{reason}"
        );
        // What is supplied now takes the place of what is lacking.
        let supplied: Vec<SuppliedKey> = [2, 3]
            .map(|number| format!("{number}={}", key.display()).parse().unwrap())
            .into();
        let told = asked(&place.keys_again(&supplied, &sources).unwrap());
        assert_eq!(told, [Ok(1), Ok(1), Ok(1), Ok(0)]);
    }
}
