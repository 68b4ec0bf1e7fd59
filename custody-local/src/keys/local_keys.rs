use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use custody_core::ids::DiskId;
use custody_core::port::{
    DiskDescription, DiskEncryption, DiskSnapshot, FetchedKey, KeyMaterial, KeyReference, KeyRequirement,
    KeySource,
};
use custody_core::{Acted, Error, Result, visible};
use rustix::fs::Stat;
use zeroize::Zeroizing;

use super::{read_named, read_stream};
use crate::disk::failed;

/// The longest key: as long as `cryptsetup` takes key files.
const MAX_KEY_BYTES: usize = 8 << 20;
const FILE: &str = "file:";
/// The attribute of a reference that tells a key file from another one under the same path.
const IDENTITY: &str = "identity";

/// Keys that a custodian supplies for disks of this host: files, or what was entered into this process.
///
/// A key file's reference names its path and which file it is, by device, inode and time of change: a file that was
/// changed or replaced since is refused. What was entered is known to this process alone; a later one is given it anew, or
/// says of which disk it lacks the key ([`without`](Self::without)).
#[derive(Clone, Default)]
pub struct LocalKeys {
    named: BTreeMap<DiskId, Vec<KeyReference>>,
    lacking: BTreeMap<DiskId, String>,
    entered: Arc<Mutex<BTreeMap<String, Zeroizing<Vec<u8>>>>>,
}

impl LocalKeys {
    /// What the address of a key begins with that was entered, and of no key that lies in a file.
    pub const ENTERED: &str = "entered:";

    /// No keys. References that an earlier process made to files are good all the same.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file that holds a key of the disk: a `.BEK` file, a key file, a passphrase. Looks at the file and does not
    /// read it. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] for what is no regular file.
    pub fn with_file(mut self, disk: &DiskId, path: &Path) -> Result<Self> {
        let named = shown(path);
        let real = path.canonicalize().map_err(|error| failed_find(&named, error))?;
        let stat = look(&real)?;
        let address = format!("{FILE}{}", shown(&real));
        let reference = KeyReference::new(address).with_attribute(IDENTITY, identity(&stat));
        self.named.entry(disk.clone()).or_default().push(reference);
        Ok(self)
    }

    /// Adds a key of the disk that is read from an open file, a pipe or a terminal, to its end. Blocks.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a key that is longer than 8 MiB, or empty.
    pub fn with_entered(mut self, disk: &DiskId, from: impl AsFd, named: &str) -> Result<Self> {
        let bytes = read_entered(from, named)?;
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        let address = format!(
            "{}{}:{}",
            Self::ENTERED,
            visible::escape(named),
            entered.len() + 1
        );
        entered.insert(address.clone(), bytes);
        drop(entered);
        let reference = KeyReference::new(address);
        self.named.entry(disk.clone()).or_default().push(reference);
        Ok(self)
    }

    /// Says that a key of the disk was named once and is not at hand now, and why: which keys the disk needs is an error
    /// then, for that disk alone, and never "none". It can be asked again by a process that has the key.
    #[must_use]
    pub fn without(mut self, disk: &DiskId, why: impl Into<String>) -> Self {
        self.lacking.entry(disk.clone()).or_insert_with(|| why.into());
        self
    }

    /// The keys that are named for a disk here.
    #[must_use]
    pub fn references(&self, disk: &DiskId) -> &[KeyReference] {
        self.named.get(disk).map_or(&[], Vec::as_slice)
    }

    /// The key that a file holds, for whoever tries it at once. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] for what is no regular file; [`Error::Malformed`] for a key that is longer
    /// than 8 MiB, or empty.
    pub fn read_file(path: &Path) -> Result<KeyMaterial> {
        look(path)?;
        let bytes = read_named(path, MAX_KEY_BYTES)?;
        must_be_some(&shown(path), &bytes)?;
        Ok(KeyMaterial::new(bytes))
    }

    /// The key that an open file, a pipe or a terminal gives to its end, for whoever tries it at once. Blocks.
    ///
    /// # Errors
    /// As [`with_entered`](Self::with_entered).
    pub fn read_entered(from: impl AsFd, named: &str) -> Result<KeyMaterial> {
        read_entered(from, named).map(KeyMaterial::new)
    }

    fn fetch_now(&self, key: &KeyReference) -> Result<FetchedKey> {
        if let Some(path) = key.address.strip_prefix(FILE) {
            return file_key(key, path);
        }
        let entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = entered.get(&key.address).ok_or_else(|| Error::NotFound {
            object: format!("{} in this run (it was entered in another)", key.address),
        })?;
        Ok(FetchedKey::new(KeyMaterial::new(bytes.clone())))
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKeys")
            .field("named", &self.named)
            .field("lacking", &self.lacking)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys supplied by the custodian")
    }
}

#[async_trait]
impl KeySource for LocalKeys {
    async fn requirement(&self, disk: &DiskDescription, _: &DiskSnapshot) -> Result<Acted<KeyRequirement>> {
        if let Some(why) = self.lacking.get(&disk.disk) {
            return Err(Error::NotFound {
                object: format!("the key of {}: {why}", visible::escape(disk.disk.as_str())),
            });
        }
        let named = self.named.get(&disk.disk);
        Ok(Acted::local(match (named, &disk.encryption) {
            (Some(keys), _) => KeyRequirement::Keys(keys.clone()),
            (None, DiskEncryption::None) => KeyRequirement::None,
            (None, _) => KeyRequirement::Unknown("nobody named a key for it".into()),
        }))
    }

    async fn fetch(&self, key: &KeyReference) -> Result<Acted<FetchedKey>> {
        let (keys, key) = (self.clone(), key.clone());
        let fetched = blocking::unblock(move || keys.fetch_now(&key)).await?;
        Ok(Acted::local(fetched))
    }
}

fn file_key(key: &KeyReference, path: &str) -> Result<FetchedKey> {
    let bytes = visible::unescape(path)
        .ok_or_else(|| Error::malformed(key.address.as_str(), "is no path of this host"))?;
    let path = PathBuf::from(OsString::from_vec(bytes));
    let expect = |stat: &Stat| {
        let found = identity(stat);
        match key.attributes.get(IDENTITY) {
            Some(due) if *due == found => Ok(()),
            due => Err(Error::Precondition {
                object: key.address.clone(),
                expected: due.map_or_else(|| "a known file".into(), |due| format!("the file {due}")),
                actual: format!("the file {found}"),
            }),
        }
    };
    expect(&look(&path)?)?;
    let bytes = read_named(&path, MAX_KEY_BYTES)?;
    expect(&look(&path)?)?;
    must_be_some(&key.address, &bytes)?;
    Ok(FetchedKey::new(KeyMaterial::new(bytes)))
}

fn read_entered(from: impl AsFd, named: &str) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = read_stream(from, visible::escape(named), MAX_KEY_BYTES)?;
    must_be_some(named, &bytes)?;
    Ok(bytes)
}

fn must_be_some(object: &str, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Err(Error::malformed(object, "is empty: there is no key in it"));
    }
    Ok(())
}

fn look(path: &Path) -> Result<Stat> {
    let name = shown(path);
    let stat = rustix::fs::stat(path).map_err(failed(&*name, "look at"))?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(Error::Refused {
            object: name,
            reason:
                "is no regular file; name the file that holds the key, or - to read it from standard input"
                    .into(),
        });
    }
    Ok(stat)
}

/// Which file it is, and which content: anybody who changes it changes this.
fn identity(stat: &Stat) -> String {
    format!(
        "{:x}-{:x}-{}.{:09}",
        stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec
    )
}

fn shown(path: &Path) -> String {
    visible::escape_bytes(path.as_os_str().as_bytes())
}

fn failed_find(named: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound {
            object: named.to_owned(),
        },
        _ => Error::Provider {
            object: named.to_owned(),
            operation: "find",
            source: Some(error.into()),
        },
    }
}
