use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use custody_core::Error;
use custody_core::Result;
use custody_core::ids::ObjectName;
use custody_core::port::LogName;
use rustix::fs::{Access, AtFlags, StatVfsMountFlags};

use super::directory_reader::DirectoryReader;
use crate::disk::{Branch, Ending, Folder, Wanted, failed};

/// Whether file attributes are set on what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum AttributeUse {
    /// They are left alone: read-only modes are all the protection there is.
    #[default]
    Omit,
    /// Objects become immutable and logs append-only where the system allows it. Where it does not, the store works
    /// all the same and each receipt says so.
    WhereAllowed,
}

/// How a store is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Whether file attributes are set.
    pub attributes: AttributeUse,
}

impl StoreOptions {
    /// Sets whether file attributes are set.
    #[must_use]
    pub const fn with_attributes(mut self, attributes: AttributeUse) -> Self {
        self.attributes = attributes;
        self
    }

    pub(super) const fn of_objects(self) -> Wanted {
        match self.attributes {
            AttributeUse::Omit => Wanted::Nothing,
            AttributeUse::WhereAllowed => Wanted::Immutable,
        }
    }

    pub(super) const fn of_logs(self) -> Wanted {
        match self.attributes {
            AttributeUse::Omit => Wanted::Nothing,
            AttributeUse::WhereAllowed => Wanted::AppendOnly,
        }
    }
}

/// A directory as write-once store: [`EvidenceSink`](custody_core::port::EvidenceSink),
/// [`EvidenceReader`](custody_core::port::EvidenceReader) and [`LogAnchor`](custody_core::port::LogAnchor) over the
/// same folders. Clones share it.
///
/// The root is opened once and held open; everything below is reached from it name by name and no symbolic link is
/// followed. Before anything is written, every folder on the way, the root included, must belong to this process's
/// user or to root, and be writable by others only with the sticky bit: otherwise somebody else could replace what
/// is stored, and the write is refused. What lies above the root is not checked: who can write there can move the
/// store as a whole, which a verifier notices because the store is not where it was.
///
/// # What it does not prove
/// Its owner and the machine's administrator can change everything in it. Read-only modes and file attributes guard
/// against accidents; signatures, and checkpoints kept elsewhere, show what was changed.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    pub(super) reader: DirectoryReader,
    pub(super) options: StoreOptions,
    /// Where each log ended when this process last appended to it.
    pub(super) endings: Arc<Mutex<HashMap<LogName, Ending>>>,
}

impl DirectoryStore {
    /// Opens a store, which may be an empty directory; makes the directory, and what is missing above it, for this
    /// user alone (mode 0700). Blocks for a few file operations.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is not a directory, is on a file system mounted read-only, or another user could
    /// replace what is stored; [`Error::PermissionDenied`] when this user may not write to it.
    pub fn create_or_open(path: &Path, options: StoreOptions) -> Result<Self> {
        let root = Folder::open_or_make(path)?;
        root.check_ours()?;
        let system = rustix::fs::fstatvfs(&root).map_err(failed(root.path(), "describe"))?;
        if system.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(Error::Refused {
                object: root.path().to_owned(),
                reason: "is on a file system that is mounted read-only; choose another place, or mount it for writing"
                    .into(),
            });
        }
        rustix::fs::accessat(&root, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
            .map_err(failed(root.path(), "write"))?;
        Ok(Self {
            reader: DirectoryReader::of(root),
            options,
            endings: Arc::default(),
        })
    }

    pub(crate) fn root(&self) -> &Arc<Folder> {
        self.reader.root()
    }

    /// The folder that holds an object, made where it is missing, with those above it.
    pub(super) fn branch_of(&self, name: &ObjectName) -> Result<Branch> {
        let branch = Branch::root(Arc::clone(self.root()))?;
        match name.folder() {
            Some(folder) => branch.grow(folder.segments()),
            None => Ok(branch),
        }
    }
}

impl fmt::Display for DirectoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "directory {}", self.root().path())
    }
}
