use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use custody_core::{Error, Result};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::folder::{is, same_file};
use super::{Branch, Folder, failed, lock_within};

/// What the name of a file begins with until it is whole. Hidden, so it can never be an object's name.
pub(crate) const PARTIAL_PREFIX: &str = ".partial-";

/// Whoever lists the store looks at the lock for a moment; a writer holds it for its whole life.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a file that others discard or make at the same moment is tried again.
const MAX_ATTEMPTS: u32 = 16;

/// A file on its way to its name: written under another one in the same folder, then renamed without replacing.
///
/// The other name is made of the final one, so that a later attempt finds and discards what a stopped one left.
/// A lock on it tells a live writer from a stopped one. Dropping removes it.
#[derive(Debug)]
pub(crate) struct PartialFile {
    branch: Branch,
    name: String,
    file: Arc<OwnedFd>,
    pending: bool,
}

impl PartialFile {
    /// Begins a new, empty file, which the file system guarantees to read as zeros wherever it is extended.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the name is taken; [`Error::Precondition`] when another process is writing it.
    pub(crate) fn begin(branch: Branch, name: &str) -> Result<Self> {
        let folder = branch.folder();
        if folder.stat(name)?.is_some() {
            return Err(Error::AlreadyExists {
                object: folder.path_of(name),
            });
        }
        let partial = format!("{PARTIAL_PREFIX}{name}");
        for _ in 0..MAX_ATTEMPTS {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(folder, &*partial, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    if lock(folder, name, &file)? && is_named(folder, &partial, &file)? {
                        return Ok(Self {
                            name: name.to_owned(),
                            file: Arc::new(file),
                            pending: true,
                            branch,
                        });
                    }
                    // Another process took it for a stopped one's between the two calls, and discarded it.
                }
                Err(Errno::EXIST) => discard_stopped(folder, name, &partial)?,
                Err(errno) => return Err(failed(folder.path_of(name), "create")(errno)),
            }
        }
        Err(busy(folder, name))
    }

    /// The open file.
    pub(crate) fn file(&self) -> &Arc<OwnedFd> {
        &self.file
    }

    /// The path of the file that it becomes.
    pub(crate) fn path(&self) -> String {
        self.branch.folder().path_of(&self.name)
    }

    /// Sets its length; what was not written reads as zeros and takes no room where the file system allows it.
    pub(crate) fn set_length(&self, bytes: u64) -> Result<()> {
        rustix::fs::ftruncate(&*self.file, bytes).map_err(failed(self.path(), "size"))
    }

    /// Makes it durable with this mode, gives it its name and has `protect` do what can only be done to a named
    /// file; then makes the name durable.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the name was taken meanwhile; what was there stays.
    pub(crate) fn commit<T>(mut self, mode: u32, protect: impl FnOnce(&OwnedFd) -> Result<T>) -> Result<T> {
        let path = self.path();
        rustix::fs::fchmod(&*self.file, Mode::from_raw_mode(mode)).map_err(failed(&*path, "set mode"))?;
        rustix::fs::fsync(&*self.file).map_err(failed(&*path, "sync"))?;
        self.give_name()?;
        self.pending = false;
        let value = protect(&self.file)?;
        self.branch.sync()?;
        Ok(value)
    }

    /// Removes it.
    ///
    /// # Errors
    /// When something may be left.
    pub(crate) fn discard(mut self) -> Result<()> {
        self.pending = false;
        self.remove()?;
        self.branch.folder().sync()
    }

    /// Removes what stopped processes left on the way to names that are chosen: nobody may come back to these names. What
    /// a live process holds stays, and so does what cannot be removed: it is listed as unfinished.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub(crate) fn discard_all_stopped(folder: &Folder, chosen: impl Fn(&str) -> bool) -> Result<()> {
        for found in folder.names()? {
            let Ok(partial) = found.to_str() else { continue };
            if let Some(name) = partial.strip_prefix(PARTIAL_PREFIX).filter(|name| chosen(name)) {
                discard_stopped(folder, name, partial).ok();
            }
        }
        Ok(())
    }

    fn partial_name(&self) -> String {
        format!("{PARTIAL_PREFIX}{}", self.name)
    }

    fn give_name(&self) -> Result<()> {
        let folder = self.branch.folder();
        let (from, to) = (self.partial_name(), &*self.name);
        if !is_named(folder, &from, &self.file)? {
            return Err(Error::Precondition {
                object: folder.path_of(to),
                expected: format!("the unfinished file that this process wrote at {from}"),
                actual: "another file, or none".into(),
            });
        }
        match rustix::fs::renameat_with(folder, &*from, folder, to, RenameFlags::NOREPLACE) {
            // The file system cannot rename without replacing: a hard link never replaces either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(folder, &*from, folder, to, AtFlags::empty())
                    .map_err(failed(folder.path_of(to), "name without replacing"))?;
                rustix::fs::unlinkat(folder, &*from, AtFlags::empty())
                    .map_err(failed(folder.path_of(&from), "remove"))
            }
            other => other.map_err(failed(folder.path_of(to), "name without replacing")),
        }
    }

    fn remove(&self) -> Result<()> {
        let folder = self.branch.folder();
        let partial = self.partial_name();
        if is_named(folder, &partial, &self.file)? {
            rustix::fs::unlinkat(folder, &*partial, AtFlags::empty())
                .map_err(failed(folder.path_of(&partial), "remove"))?;
        }
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.pending {
            // What cannot be removed now is discarded by the next deposit of the name, and listed as unfinished.
            self.remove().ok();
        }
    }
}

fn busy(folder: &Folder, name: &str) -> Error {
    Error::Precondition {
        object: folder.path_of(name),
        expected: "nobody else writing it".into(),
        actual: "another process is writing it now; wait for it, or stop it".into(),
    }
}

fn lock(folder: &Folder, name: &str, file: &OwnedFd) -> Result<bool> {
    lock_within(file, FlockOperation::NonBlockingLockExclusive, PATIENCE)
        .map_err(failed(folder.path_of(name), "lock"))
}

fn is_named(folder: &Folder, name: &str, file: &OwnedFd) -> Result<bool> {
    let ours = rustix::fs::fstat(file).map_err(failed(folder.path_of(name), "describe"))?;
    Ok(folder.stat(name)?.is_some_and(|named| same_file(&ours, &named)))
}

/// Removes what a stopped process left under the partial name. What a live one holds is not touched.
fn discard_stopped(folder: &Folder, name: &str, partial: &str) -> Result<()> {
    let Some(stat) = folder.stat(partial)? else {
        return Ok(());
    };
    if !is(&stat, FileType::RegularFile) {
        return Err(Error::Refused {
            object: folder.path_of(partial),
            reason: format!(
                "is {}, where an unfinished file belongs; find out who put it there and move it away",
                super::folder::kind(&stat)
            ),
        });
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |access| rustix::fs::openat(folder, partial, flags | access, Mode::empty());
    // Network file systems lock only what is open for writing; a file that was about to be named is read-only already.
    let opened = match open(OFlags::RDWR) {
        Err(Errno::ACCESS) => open(OFlags::RDONLY),
        other => other,
    };
    let file = match opened {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(failed(folder.path_of(partial), "open")(errno)),
    };
    if !lock(folder, name, &file)? {
        return Err(busy(folder, name));
    }
    if is_named(folder, partial, &file)? {
        rustix::fs::unlinkat(folder, partial, AtFlags::empty())
            .map_err(failed(folder.path_of(partial), "remove"))?;
    }
    Ok(())
}
