use custody_core::custody_log::Checkpoint;
use custody_core::digest::Sha256Digest;
use custody_core::{Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags};

use super::state_folder::StateFolder;
use crate::disk::{Folder, failed, lock_within, read_up_to, write_all_at};

const FOLDER: &str = "known-checkpoints";
const NEW_SUFFIX: &str = ".new";
const MAX_FILE_BYTES: usize = 64 * 1024;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The newest checkpoint of each log that this host has seen: what shows that a store was rolled back, however well
/// the older state is signed. The file has one line:
/// `<size> <root, hexadecimal> <origin>`.
impl StateFolder {
    /// Keeps a checkpoint, durably, unless a newer one of the same log is kept already. Blocks.
    ///
    /// # Errors
    /// [`Error::Integrity`] when another root was seen for the same size: the log has two histories.
    pub fn remember(&self, checkpoint: &Checkpoint) -> Result<()> {
        let branch = self.branch([FOLDER])?;
        let folder = branch.folder();
        let _turn = Turn::take(folder)?;
        let name = file_name(&checkpoint.origin);
        if let Some(known) = read(folder, &name)? {
            same_log(&known, checkpoint, &folder.path_of(&name))?;
            if known.size == checkpoint.size && known.root != checkpoint.root {
                return Err(Error::Integrity {
                    object: format!("log {}", checkpoint.origin),
                    place: format!("checkpoint at {} lines", checkpoint.size),
                    expected: format!("the root {} that this host has seen", known.root),
                    actual: format!("the root {}: the log has two histories", checkpoint.root),
                });
            }
            if known.size >= checkpoint.size {
                return Ok(());
            }
        }
        let line = format!("{} {} {}\n", checkpoint.size, checkpoint.root, checkpoint.origin);
        replace(folder, &name, line.as_bytes())?;
        branch.sync()
    }

    /// The newest checkpoint of this log that this host has seen. Blocks.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the file is damaged: what was seen is then not known, which is not "nothing".
    pub fn recall(&self, origin: &str) -> Result<Option<Checkpoint>> {
        let Some(folder) = self.root().enter(FOLDER)? else {
            return Ok(None);
        };
        let name = file_name(origin);
        let known = read(&folder, &name)?;
        if let Some(known) = &known
            && known.origin != origin
        {
            return Err(Error::malformed(folder.path_of(&name), "is of another log"));
        }
        Ok(known)
    }
}

/// The right to change the folder's files, until dropped.
struct Turn(#[expect(dead_code, reason = "held for its lock")] std::os::fd::OwnedFd);

impl Turn {
    fn take(folder: &Folder) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own =
            rustix::fs::openat(folder, ".", flags, Mode::empty()).map_err(failed(folder.path(), "open"))?;
        if lock_within(&own, FlockOperation::NonBlockingLockExclusive, PATIENCE)
            .map_err(failed(folder.path(), "lock"))?
        {
            Ok(Self(own))
        } else {
            Err(Error::Throttled {
                object: format!("{}, locked by another process", folder.path()),
                retry_after: None,
            })
        }
    }
}

fn file_name(origin: &str) -> String {
    Sha256Digest::of(origin.as_bytes()).to_string()
}

fn same_log(known: &Checkpoint, other: &Checkpoint, path: &str) -> Result<()> {
    if known.origin == other.origin {
        Ok(())
    } else {
        Err(Error::malformed(path, "is of another log"))
    }
}

fn read(folder: &Folder, name: &str) -> Result<Option<Checkpoint>> {
    let Some(file) = folder.open_plain(name)? else {
        return Ok(None);
    };
    let path = folder.path_of(name);
    let bytes = read_up_to(&file, 0, MAX_FILE_BYTES).map_err(failed(&*path, "read"))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Error::malformed(&*path, error.to_string()))?;
    parse(text).map(Some).ok_or_else(|| {
        Error::malformed(
            path,
            "is not the line `<size> <root> <origin>` that custody writes",
        )
    })
}

fn parse(text: &str) -> Option<Checkpoint> {
    let (size, rest) = text.strip_suffix('\n')?.split_once(' ')?;
    let (root, origin) = rest.split_once(' ')?;
    Some(Checkpoint {
        origin: origin.to_owned(),
        size: size.parse().ok()?,
        root: root.parse().ok()?,
    })
}

/// Replaces the file in one step: a stop leaves the old one or the new one.
fn replace(folder: &Folder, name: &str, bytes: &[u8]) -> Result<()> {
    let new = format!("{name}{NEW_SUFFIX}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = folder.path_of(&new);
    let file = rustix::fs::openat(folder, &*new, flags, Mode::RUSR | Mode::WUSR)
        .map_err(failed(&*path, "create"))?;
    write_all_at(&file, bytes, 0)
        .and_then(|()| rustix::fs::fsync(&file))
        .and_then(|()| rustix::fs::renameat(folder, &*new, folder, name))
        .map_err(failed(path, "write"))
}
