use std::fs::{File, Metadata};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use custody_core::{Error, Result};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::errno;

/// What a path leads to, of what can be a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// A regular file.
    File,
    /// A block device, by its major and minor number.
    Device { major: u32, minor: u32 },
}

/// Whether reading leaves the file's access time as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessTime {
    /// It was opened with `O_NOATIME`.
    Preserved,
    /// The kernel did not permit that: only a file's owner, or a process with `CAP_FOWNER`, may ask for it.
    MayChange,
}

/// Whether a device is claimed, so that nothing can mount it while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// With `O_EXCL`; refused with `EBUSY` when something else has it.
    Exclusive,
    /// Not at all.
    Shared,
}

/// A path that was looked at without being opened for reading: no FIFO can make us wait, no device
/// node can act, and what is opened later is what was looked at, whatever the path leads to by then.
#[derive(Debug)]
pub(super) struct Looked {
    handle: File,
    pub(super) metadata: Metadata,
    pub(super) kind: SourceKind,
}

impl Looked {
    /// Looks at the path; a symbolic link at its end is not followed.
    ///
    /// # Errors
    /// `NotFound`; `PermissionDenied`; `Refused` for what can be no source, naming what it is.
    pub(super) fn at(path: &Path, name: &str) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|error| errno::of_path(name, "look at", error.into()))?;
        let handle = File::from(handle);
        let metadata = handle
            .metadata()
            .map_err(|error| errno::of_path(name, "look at", error))?;
        let kind = kind(&metadata, name)?;
        Ok(Self {
            handle,
            metadata,
            kind,
        })
    }

    /// Opens what was looked at, read-only.
    ///
    /// # Errors
    /// `PermissionDenied`; `Refused` when a claim is wanted and something else has the device.
    pub(super) fn open(&self, name: &str, claim: Claim) -> Result<(File, AccessTime)> {
        let base = OFlags::RDONLY | OFlags::CLOEXEC;
        match (self.kind, claim) {
            (SourceKind::File, _) => match self.reopen(base | OFlags::NOATIME | OFlags::NONBLOCK) {
                Ok(file) => Ok((file, AccessTime::Preserved)),
                Err(Errno::PERM) => self
                    .reopen(base | OFlags::NONBLOCK)
                    .map(|file| (file, AccessTime::MayChange))
                    .map_err(|error| errno::of_path(name, "open for reading", error.into())),
                Err(error) => Err(errno::of_path(name, "open for reading", error.into())),
            },
            (SourceKind::Device { .. }, claim) => {
                let excl = match claim {
                    Claim::Exclusive => OFlags::EXCL,
                    Claim::Shared => OFlags::empty(),
                };
                let file = self
                    .reopen(base | excl)
                    .map_err(|error| device_error(name, error))?;
                // A device node has an access time too, but reading does not touch the disk's content by it.
                Ok((file, AccessTime::Preserved))
            }
        }
    }

    fn reopen(&self, flags: OFlags) -> Result<File, Errno> {
        reopen(&self.handle, flags)
    }
}

/// Opens what an open file is once more, with other flags: the same inode, wherever its path leads now.
pub(super) fn reopen(file: &File, flags: OFlags) -> Result<File, Errno> {
    let link = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    rustix::fs::openat(CWD, &link, flags, Mode::empty()).map(File::from)
}

fn kind(metadata: &Metadata, name: &str) -> Result<SourceKind> {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        return Ok(SourceKind::File);
    }
    if file_type.is_block_device() {
        let device = metadata.rdev();
        return Ok(SourceKind::Device {
            major: rustix::fs::major(device),
            minor: rustix::fs::minor(device),
        });
    }
    let what = if file_type.is_dir() {
        "it is a directory; name the image files or the block device in it"
    } else if file_type.is_fifo() {
        "it is a FIFO, which cannot be read twice; write what comes out of it into a file first"
    } else if file_type.is_socket() {
        "it is a socket; name an image file or a block device"
    } else if file_type.is_char_device() {
        "it is a character device, which has no length; name the disk's block device"
    } else if file_type.is_symlink() {
        "it is a symbolic link by now, and was none when it was named; name what it leads to"
    } else {
        "it is neither a regular file nor a block device"
    };
    Err(Error::Refused {
        object: name.to_owned(),
        reason: what.to_owned(),
    })
}

fn device_error(name: &str, error: Errno) -> Error {
    let reason = match error {
        Errno::BUSY => {
            "the kernel says that it is in use: mounted, in another mount namespace perhaps, held by another \
             program, or another item of this capture; release it, or read it all the same with --allow-mounted"
        }
        Errno::NOMEDIUM => "there is no medium in it",
        Errno::NXIO | Errno::NODEV => "there is no device behind it",
        _ => return errno::of_path(name, "open for reading", error.into()),
    };
    Error::Refused {
        object: name.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustix::process::Uid;

    use super::*;

    const NOBODY: u32 = 65534;

    /// Runs on a thread of its own that has the rights of nobody, where this process may give them up.
    /// Only that thread changes: the system call is made without the C library's broadcast.
    fn without_rights<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(move || {
            if rustix::process::geteuid().is_root() {
                let nobody = Uid::from_raw(NOBODY);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            work()
        })
        .join()
        .unwrap()
    }

    fn file(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let path = folder.path().join("disk.raw");
        std::fs::write(&path, b"disk").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_without_the_right_to_read_it_is_permission_denied() {
        let (_folder, path) = file(0o000);
        let answer = without_rights(move || {
            let looked = Looked::at(&path, "disk.raw").unwrap();
            looked.open("disk.raw", Claim::Shared).map(|_| ())
        });
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "disk.raw: permission denied for open for reading"
        );
    }

    #[test]
    fn the_access_time_may_change_of_a_file_that_is_anothers() {
        // Every user may read it, and none but root owns it.
        let access_time = without_rights(|| {
            let looked = Looked::at(Path::new("/etc/passwd"), "passwd").unwrap();
            looked.open("passwd", Claim::Shared).unwrap().1
        });
        assert_eq!(access_time, AccessTime::MayChange);
        let (_folder, path) = file(0o600);
        let looked = Looked::at(&path, "disk.raw").unwrap();
        assert_eq!(
            looked.open("disk.raw", Claim::Shared).unwrap().1,
            AccessTime::Preserved
        );
    }

    #[test]
    fn what_was_looked_at_is_opened_whatever_the_path_leads_to_by_then() {
        let (folder, path) = file(0o600);
        let looked = Looked::at(&path, "disk.raw").unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        std::fs::write(&path, b"another").unwrap();
        let (opened, _) = looked.open("disk.raw", Claim::Shared).unwrap();
        assert_eq!(opened.metadata().unwrap().ino(), looked.metadata.ino());
        assert_eq!(opened.metadata().unwrap().len(), 4);
    }
}
