use std::os::fd::OwnedFd;

use custody_core::Result;
use custody_core::ids::ObjectName;
use custody_core::port::{Protection, ProtectionKind, Receipt};
use rustix::fs::{IFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::directory_store::DirectoryStore;
use crate::disk::{Attributes, Folder, Wanted, failed};

/// The mode of a stored object.
pub(super) const OBJECT_MODE: u32 = 0o444;
pub(super) const ANY_WRITE: u32 = 0o222;

impl DirectoryStore {
    /// What a file stored here would be protected by, seen on an unnamed file that is gone again at once.
    pub(super) fn observe_protection(&self) -> Result<Protection> {
        let root: &Folder = self.root();
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(root, ".", flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => file,
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {
                return Ok(Protection::new(
                    ProtectionKind::None,
                    "cannot be seen before an object is stored: this file system has no unnamed files to try it on; \
                     the receipt of each object says what protects it",
                ));
            }
            Err(errno) => return Err(failed(root.path(), "try what protects a file in")(errno)),
        };
        rustix::fs::fchmod(&file, Mode::from_raw_mode(OBJECT_MODE))
            .map_err(failed(root.path(), "set the mode of a file in"))?;
        let attributes = Attributes::set(&file, self.options.of_objects());
        let stat = rustix::fs::fstat(&file).map_err(failed(root.path(), "describe a file in"))?;
        let seen = of_file(&stat, &attributes);
        if attributes.is_immutable() {
            Attributes::clear(&file, IFlags::IMMUTABLE);
        }
        Ok(seen)
    }

    /// The receipt of a stored file, as it is now.
    pub(super) fn receipt(
        &self,
        name: &ObjectName,
        file: &OwnedFd,
        attributes: &Attributes,
    ) -> Result<Receipt> {
        let stat = rustix::fs::fstat(file).map_err(failed(self.root().path_of(name.as_str()), "describe"))?;
        let modified = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
        Ok(
            Receipt::new(name.clone(), u64::try_from(stat.st_size).unwrap_or(0))
                .with_version("inode", stat.st_ino.to_string())
                .with_version("modified-ns", modified.to_string())
                .with_protection(of_file(&stat, attributes)),
        )
    }

    pub(super) fn protect(&self, file: &OwnedFd, wanted: Wanted) -> Attributes {
        Attributes::set(file, wanted)
    }
}

/// What protects a file, by its mode and attributes as they were read.
fn of_file(stat: &Stat, attributes: &Attributes) -> Protection {
    let owner = stat.st_uid;
    let read_only = stat.st_mode & ANY_WRITE == 0;
    let (kind, mut statement) = if attributes.is_immutable() {
        (
            ProtectionKind::ImmutableAttribute,
            "immutable file attribute, read back after it was set: nobody changes, renames or deletes the file \
             until the machine's administrator clears the attribute"
                .to_owned(),
        )
    } else if read_only {
        (
            ProtectionKind::ReadOnlyMode,
            format!(
                "read-only file mode: guards against accidents only; the file's owner (user {owner}) and the \
                 machine's administrator can change, replace or delete the file"
            ),
        )
    } else {
        (
            ProtectionKind::None,
            "none: the file can be written by its mode".to_owned(),
        )
    };
    if let Some(cause) = attributes.refusal() {
        statement.push_str(&format!(
            "; the immutable attribute was asked for and the system refused it: {cause}"
        ));
    }
    Protection::new(kind, statement)
        .with_observed("mode", format!("{:04o}", stat.st_mode & 0o7777))
        .with_observed("owner", owner.to_string())
        .with_observed("attributes", attributes.words())
}
