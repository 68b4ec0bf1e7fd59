//! What the tests of the store and of the state folder share.

use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use custody_core::extent::Extent;
use custody_core::ids::{AcquisitionId, ObjectName};
use custody_core::port::{Deposit, DepositOptions, EvidenceSink, LogName, Receipt};
use custody_core::{Acted, Result, layout};
use rustix::fs::IFlags;

/// A directory of its own for a test; dropping it clears attributes in it and removes it.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::Builder::new()
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, below: &str) -> PathBuf {
        self.path().join(below)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        clear_attributes(self.path());
    }
}

/// Makes a folder and those above it, closed to others whatever the umask is.
pub(crate) fn make_folders(path: &Path) {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .unwrap();
}

/// Puts a file that only its owner may write, whatever the umask is.
pub(crate) fn put(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

/// Takes away what would keep files from being removed.
fn clear_attributes(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            clear_attributes(&entry.path());
        } else if kind.is_file()
            && let Ok(file) = std::fs::File::open(entry.path())
            && let Ok(flags) = rustix::fs::ioctl_getflags(&file)
            && flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND)
        {
            rustix::fs::ioctl_setflags(&file, flags.difference(IFlags::IMMUTABLE | IFlags::APPEND)).unwrap();
        }
    }
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

pub(crate) fn acquisition() -> AcquisitionId {
    "20261121T203015Z-0123abcd".parse().unwrap()
}

pub(crate) fn log() -> LogName {
    LogName::Acquisition {
        case: "2026-0817".parse().unwrap(),
        acquisition: acquisition(),
    }
}

/// An object of the acquisition.
pub(crate) fn object(file: &str) -> ObjectName {
    layout::acquisition_folder(&"2026-0817".parse().unwrap(), &acquisition()).join(&layout::segment(file))
}

/// Bytes without a period that a block size could hide.
pub(crate) fn pattern(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

pub(crate) fn data(at: u64, bytes: &Bytes) -> Extent {
    Extent::Data {
        at,
        bytes: bytes.clone(),
    }
}

pub(crate) fn begin(sink: &impl EvidenceSink, name: &ObjectName, length: usize) -> Result<Box<dyn Deposit>> {
    wait(sink.deposit(name, DepositOptions::new(acquisition(), length as u64)))
}

pub(crate) fn store(sink: &impl EvidenceSink, name: &ObjectName, bytes: &Bytes) -> Result<Acted<Receipt>> {
    let mut deposit = begin(sink, name, bytes.len())?;
    wait(deposit.write(data(0, bytes)))?;
    wait(deposit.commit())
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
