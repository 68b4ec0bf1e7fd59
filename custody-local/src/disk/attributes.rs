use std::os::fd::OwnedFd;

use rustix::fs::IFlags;
use rustix::io::Errno;

/// Which attribute a file is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// None.
    Nothing,
    /// Nobody changes, renames, links or deletes the file until the administrator clears it.
    Immutable,
    /// The file can only grow, until the administrator clears it.
    AppendOnly,
}

/// The attributes of a file as they were read back, and why one that was wanted could not be set.
///
/// Source: ioctl_iflags(2), Linux man-pages 6.9, read 2026-11-21. Setting needs `CAP_LINUX_IMMUTABLE` and a file
/// system that keeps them (ext4, XFS, Btrfs, F2FS, tmpfs since Linux 6.6).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes {
    read: rustix::io::Result<IFlags>,
    refused: Option<Errno>,
}

impl Attributes {
    /// Reads them.
    pub(crate) fn of(file: &OwnedFd) -> Self {
        Self {
            read: rustix::fs::ioctl_getflags(file),
            refused: None,
        }
    }

    /// Sets what is wanted where the system allows it, and reads back what holds then.
    pub(crate) fn set(file: &OwnedFd, wanted: Wanted) -> Self {
        let add = match wanted {
            Wanted::Nothing => return Self::of(file),
            Wanted::Immutable => IFlags::IMMUTABLE,
            Wanted::AppendOnly => IFlags::APPEND,
        };
        let refused = rustix::fs::ioctl_getflags(file)
            .and_then(|flags| {
                if flags.contains(add) {
                    Ok(())
                } else {
                    rustix::fs::ioctl_setflags(file, flags | add)
                }
            })
            .err();
        Self {
            refused,
            ..Self::of(file)
        }
    }

    /// Takes one away; whether that is so now.
    pub(crate) fn clear(file: &OwnedFd, attribute: IFlags) -> bool {
        rustix::fs::ioctl_getflags(file)
            .and_then(|flags| rustix::fs::ioctl_setflags(file, flags.difference(attribute)))
            .is_ok()
    }

    /// Whether the file was seen to be immutable.
    pub(crate) fn is_immutable(&self) -> bool {
        self.read.is_ok_and(|flags| flags.contains(IFlags::IMMUTABLE))
    }

    /// Whether the file was seen to be append-only.
    pub(crate) fn is_append_only(&self) -> bool {
        self.read.is_ok_and(|flags| flags.contains(IFlags::APPEND))
    }

    /// Why what was wanted could not be set.
    pub(crate) fn refusal(&self) -> Option<std::io::Error> {
        self.refused.map(std::io::Error::from)
    }

    /// What was read, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self.read {
            Err(_) => "not readable on this file system",
            Ok(_) if self.is_immutable() => "immutable",
            Ok(_) if self.is_append_only() => "append-only",
            Ok(_) => "none",
        }
    }
}
