use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use custody_core::{Error, Result, visible};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{check_ours, failed};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RWXU;
/// Below a private root; whoever opens the root to others opens all of it.
const INNER: Mode = Mode::from_raw_mode(0o755);

/// A folder, held open: what happens to its name afterwards does not change what is reached through it.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: String,
}

impl Folder {
    /// Opens the folder that a custodian named. Links in this path are followed: it is theirs.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = visible::escape_bytes(path.as_os_str().as_bytes());
        match rustix::fs::open(path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: shown }),
            Err(Errno::NOTDIR) => Err(Error::Refused {
                reason: match rustix::fs::stat(path) {
                    Ok(stat) => format!("is {}, not a directory; name a directory", kind(&stat)),
                    Err(_) => "leads through something that is not a directory; name a directory".into(),
                },
                object: shown,
            }),
            Err(errno) => Err(failed(shown, "open")(errno)),
        }
    }

    /// As [`open`](Self::open); makes what is missing of the path, for this user alone.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Err(Error::NotFound { .. }) => {}
            other => return other,
        }
        let shown = || visible::escape_bytes(path.as_os_str().as_bytes());
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => Self::open_or_make(parent)?,
            _ => Self::open(Path::new("."))?,
        };
        let Some(name) = path.file_name() else {
            return Err(Error::Refused {
                object: shown(),
                reason: "does not end with a name; name a directory".into(),
            });
        };
        match rustix::fs::mkdirat(&parent.fd, name, PRIVATE) {
            // A link to nowhere shows here: it exists, and opening it says that it does not.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(shown(), "create")(errno)),
        }
        parent.sync()?;
        Self::open(path)
    }

    /// The folder of this name inside; `None` where there is no folder of that name.
    pub(crate) fn enter(&self, name: &str) -> Result<Option<Self>> {
        match rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Some(Self {
                fd,
                path: self.path_of(name),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => match self.stat(name)? {
                Some(stat) if is(&stat, FileType::Symlink) => Err(self.link_refused(name)),
                _ => Ok(None),
            },
            Err(errno) => Err(failed(self.path_of(name), "open")(errno)),
        }
    }

    /// The folder of this name inside, made where it is missing; refused where another user could interfere.
    ///
    /// Not yet durable: [`Branch::sync`].
    pub(crate) fn enter_or_make(&self, name: &str) -> Result<Self> {
        if let Some(folder) = self.enter(name)? {
            folder.check_ours()?;
            return Ok(folder);
        }
        match rustix::fs::mkdirat(&self.fd, name, INNER) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(self.path_of(name), "create")(errno)),
        }
        let folder = self.enter(name)?.ok_or_else(|| Error::Refused {
            object: self.path_of(name),
            reason: "is not a folder, and a folder is needed there; move it away".into(),
        })?;
        folder.check_ours()?;
        Ok(folder)
    }

    /// Refuses the folder where another user could replace what is written in it.
    pub(crate) fn check_ours(&self) -> Result<()> {
        let stat = rustix::fs::fstat(&self.fd).map_err(failed(&*self.path, "describe"))?;
        check_ours(&self.path, &stat)
    }

    /// What it and every folder above it are, up to the file system's root.
    pub(crate) fn and_above(&self) -> Result<Vec<Stat>> {
        let failed = |errno| failed(format!("what lies above {}", self.path), "describe")(errno);
        let mut here = rustix::fs::openat(self, ".", FOLDER, Mode::empty()).map_err(failed)?;
        let mut stats = vec![rustix::fs::fstat(&here).map_err(failed)?];
        loop {
            // O_PATH: a folder above may be crossed without being readable.
            let above =
                rustix::fs::openat(&here, "..", FOLDER | OFlags::PATH, Mode::empty()).map_err(failed)?;
            let stat = rustix::fs::fstat(&above).map_err(failed)?;
            if stats.last().is_some_and(|below| same_file(below, &stat)) {
                return Ok(stats);
            }
            stats.push(stat);
            here = above;
        }
    }

    /// What is under this name, no link followed; `None` where there is nothing.
    pub(crate) fn stat(&self, name: &str) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(self.path_of(name), "describe")(errno)),
        }
    }

    /// Opens a plain file of this name for reading, without touching its access time where that is permitted.
    /// `None` where there is nothing, or a folder.
    pub(crate) fn open_plain(&self, name: &str) -> Result<Option<OwnedFd>> {
        let Some(before) = self.stat(name)? else {
            return Ok(None);
        };
        match FileType::from_raw_mode(before.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Ok(None),
            FileType::Symlink => return Err(self.link_refused(name)),
            _ => {
                return Err(Error::malformed(
                    self.path_of(name),
                    format!("is {}, not a file", kind(&before)),
                ));
            }
        }
        // NONBLOCK: should a FIFO take the name just now, opening it must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(&self.fd, name, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => rustix::fs::openat(&self.fd, name, flags, Mode::empty()),
            other => other,
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(self.path_of(name), "open")(errno)),
        };
        let after = rustix::fs::fstat(&fd).map_err(failed(self.path_of(name), "describe"))?;
        if same_file(&before, &after) {
            Ok(Some(fd))
        } else {
            Err(Error::Precondition {
                object: self.path_of(name),
                expected: "the file that was there a moment ago".into(),
                actual: "another one".into(),
            })
        }
    }

    /// All names in the folder as their bytes, sorted, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<CString>> {
        let failed = |errno| failed(&*self.path, "list")(errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes the names in this folder durable.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.fd).map_err(failed(&*self.path, "sync"))
    }

    /// The path as it is shown to people.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path of something in it, as it is shown to people.
    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}/{}", self.path.trim_end_matches('/'), visible::escape(name))
    }

    pub(crate) fn link_refused(&self, name: &str) -> Error {
        Error::malformed(
            self.path_of(name),
            "is a symbolic link, which is never followed inside a store or state folder",
        )
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A folder with the folders above it, up to a root: what must be made durable for a new file in it to survive.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    root: Arc<Folder>,
    below: Vec<Arc<Folder>>,
}

impl Branch {
    /// The root alone.
    pub(crate) fn root(root: Arc<Folder>) -> Result<Self> {
        root.check_ours()?;
        Ok(Self {
            root,
            below: Vec::new(),
        })
    }

    /// Follows these names downwards, making what is missing.
    pub(crate) fn grow<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        for name in names {
            let next = self.folder().enter_or_make(name)?;
            self.below.push(Arc::new(next));
        }
        Ok(self)
    }

    /// The deepest folder.
    pub(crate) fn folder(&self) -> &Folder {
        self.below.last().unwrap_or(&self.root)
    }

    /// Makes the names in all its folders durable. Folders that did not change cost next to nothing, and a folder
    /// that another process has just made may not be durable yet, so none is left out.
    pub(crate) fn sync(&self) -> Result<()> {
        for folder in self.below.iter().rev() {
            folder.sync()?;
        }
        self.root.sync()
    }
}

/// Whether both describe the same file.
pub(crate) fn same_file(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

pub(crate) fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// What it is, in words.
pub(crate) fn kind(stat: &Stat) -> &'static str {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        _ => "of an unknown kind",
    }
}
