use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use custody_core::ids::DiskId;
use custody_core::{Error, Result, visible};

use super::errno;
use super::opening::{Looked, SourceKind};
use super::split_set::SplitSet;

/// One source: an image file, a split set by its first part, or a block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceItem {
    /// Its absolute path without symbolic links, escaped.
    pub(super) disk: DiskId,
    /// The path as it was named, where that is another one.
    pub(super) named: Option<String>,
    path: PathBuf,
    /// The files that it had when it was named; none when it comes from an id.
    known_parts: Vec<PathBuf>,
}

/// One file of an item, looked at.
#[derive(Debug)]
pub(super) struct LookedPart {
    path: PathBuf,
    /// Its path, escaped.
    pub(super) name: String,
    pub(super) looked: Looked,
}

impl SourceItem {
    /// The source at a path that a person named. Symbolic links are followed here and never again.
    ///
    /// # Errors
    /// `NotFound`; `PermissionDenied`; `Refused` for what can be no source or is a part of a split set;
    /// `Malformed` for a path too long to be recorded.
    pub(super) fn named(path: &Path) -> Result<Self> {
        let named = visible::escape_bytes(path.as_os_str().as_bytes());
        let real = path
            .canonicalize()
            .map_err(|error| errno::of_path(&named, "find", error))?;
        let disk: DiskId = visible::escape_bytes(real.as_os_str().as_bytes()).parse()?;
        let mut item = Self {
            named: (named != disk.as_str()).then_some(named),
            disk,
            path: real,
            known_parts: Vec::new(),
        };
        item.known_parts = item.look()?.into_iter().map(|part| part.path).collect();
        Ok(item)
    }

    /// The source that has this id. Whether it is still there shows when it is used.
    ///
    /// # Errors
    /// `Malformed` when no path has this id.
    pub(super) fn from_disk_id(disk: &DiskId) -> Result<Self> {
        let path = visible::unescape(disk.as_str())
            .map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
            .filter(|path| path.is_absolute())
            .ok_or_else(|| {
                Error::malformed(
                    format!("disk id {disk}"),
                    "it is not the absolute path of a local source",
                )
            })?;
        Ok(Self {
            disk: disk.clone(),
            named: None,
            path,
            known_parts: Vec::new(),
        })
    }

    /// Looks at every file of the item, in the order of their bytes; at least one.
    ///
    /// # Errors
    /// `NotFound`, with the name of the file or of the missing part; `Refused` for what can be no source.
    pub(super) fn look(&self) -> Result<Vec<LookedPart>> {
        let first = LookedPart::at(&self.path)?;
        if first.looked.kind != SourceKind::File {
            return Ok(vec![first]);
        }
        let set = SplitSet::of(&self.path, self.disk.as_str())?;
        // A set whose last parts are gone looks like a shorter set.
        if let Some(gone) = self.known_parts.iter().find(|known| !set.parts.contains(known)) {
            return Err(Error::NotFound {
                object: format!(
                    "{} (a part of the split set {})",
                    visible::escape_bytes(gone.as_os_str().as_bytes()),
                    self.disk
                ),
            });
        }
        let mut parts = Vec::with_capacity(set.parts.len());
        for path in &set.parts {
            let part = LookedPart::at(path)?;
            if part.looked.kind != SourceKind::File {
                return Err(Error::Refused {
                    object: part.name,
                    reason: "it is named as a part of a split set and is no regular file".to_owned(),
                });
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// Its name as people know it, escaped: the file's, of a split set without the number.
    pub(super) fn name(&self) -> Result<String> {
        let name = SplitSet::of(&self.path, self.disk.as_str())?.name();
        Ok(visible::escape_bytes(name.as_bytes()))
    }
}

impl LookedPart {
    fn at(path: &Path) -> Result<Self> {
        let name = visible::escape_bytes(path.as_os_str().as_bytes());
        let looked = Looked::at(path, &name)?;
        Ok(Self {
            path: path.to_owned(),
            name,
            looked,
        })
    }
}
