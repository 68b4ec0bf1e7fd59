use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

use custody_core::{Error, Result};
use rustix::fs::{OFlags, SeekFrom};
use rustix::io::Errno;

use super::aligned::AlignedBuffer;
use super::errno;
use super::medium::{Medium, Way};
use super::opening::{AccessTime, Claim, Looked, SourceKind, reopen};

/// The logical sector that is assumed of a file: the smallest that any disk has.
const FILE_SECTOR_BYTES: u32 = 512;

/// A regular file or a block device, opened read-only.
#[derive(Debug)]
pub(super) struct FileMedium {
    name: String,
    file: File,
    direct: OnceLock<Result<File, Errno>>,
    opened: Metadata,
    kind: SourceKind,
    length: u64,
    sector_bytes: u32,
    access_time: AccessTime,
    past_cache: bool,
}

impl FileMedium {
    /// Opens what was looked at. A device is read past the page cache, where that is offered.
    ///
    /// # Errors
    /// As [`Looked::open`]; `Refused` for a device without any byte.
    pub(super) fn open(looked: &Looked, name: &str, claim: Claim) -> Result<Self> {
        let (file, access_time) = looked.open(name, claim)?;
        let opened = file
            .metadata()
            .map_err(|error| errno::of_path(name, "look at", error))?;
        let (length, sector_bytes) = match looked.kind {
            SourceKind::File => (opened.len(), FILE_SECTOR_BYTES),
            SourceKind::Device { .. } => {
                let length = device_length(&file).map_err(|error| errno::failed_read(name, error))?;
                if length == 0 {
                    return Err(Error::Refused {
                        object: name.to_owned(),
                        reason: "the device has no bytes: no medium is in it, or it is not set up".to_owned(),
                    });
                }
                let sector = rustix::fs::ioctl_blksszget(&file)
                    .map_err(|error| errno::of_path(name, "ask for its sector size", error.into()))?;
                (length, sector)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            file,
            direct: OnceLock::new(),
            opened,
            kind: looked.kind,
            length,
            sector_bytes,
            access_time,
            past_cache: looked.kind != SourceKind::File,
        })
    }

    pub(super) const fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The inode as it is now.
    ///
    /// # Errors
    /// The host's.
    pub(super) fn metadata(&self) -> Result<Metadata> {
        self.file
            .metadata()
            .map_err(|error| errno::of_path(&self.name, "look at", error))
    }

    /// Whether it is read past the page cache.
    pub(super) fn is_past_cache(&self) -> bool {
        self.past_cache && self.direct().is_ok()
    }

    /// The access time before anything was read: seconds since 1970 and nanoseconds.
    pub(super) fn accessed_before(&self) -> (i64, i64) {
        (self.opened.atime(), self.opened.atime_nsec())
    }

    pub(super) const fn access_time(&self) -> AccessTime {
        self.access_time
    }

    /// The smallest unit that a device writes at once, in bytes; `None` for a file.
    pub(super) fn physical_sector_bytes(&self) -> Option<u32> {
        match self.kind {
            SourceKind::File => None,
            SourceKind::Device { .. } => rustix::fs::ioctl_blkpbszget(&self.file).ok(),
        }
    }

    /// A second descriptor of the same inode, past the page cache.
    fn direct(&self) -> Result<&File, Errno> {
        let open = || {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECT;
            match reopen(&self.file, flags | OFlags::NOATIME) {
                Err(Errno::PERM) => reopen(&self.file, flags),
                answer => answer,
            }
        };
        self.direct
            .get_or_init(open)
            .as_ref()
            .map_err(|error| match *error {
                // No /proc, or no right any more: the same as a file system without O_DIRECT.
                Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::NOSYS => Errno::INVAL,
                other => other,
            })
    }
}

impl FileMedium {
    /// Reads past the page cache into memory, from an offset and of a length, that need not be aligned.
    ///
    /// The page cache of a device is not always what the device holds. A mounted file system keeps changes
    /// there, even when it is mounted read-only and never writes them: ext4 does so with its group descriptors.
    /// And the cache of a disk is not that of its partitions, so that it can be older than what was
    /// written through them.
    fn pread_unaligned(&self, at: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let sector = u64::from(self.sector_bytes.max(1));
        let start = at / sector * sector;
        let skipped = usize::try_from(at - start).map_err(|_too_long| Errno::INVAL)?;
        let end = (at + into.len() as u64).div_ceil(sector) * sector;
        let length = usize::try_from(end - start).map_err(|_too_long| Errno::INVAL)?;
        let mut memory = AlignedBuffer::new(length);
        let read = rustix::io::pread(self.direct()?, memory.part_mut(0, length), start)?;
        let bytes = memory.part(skipped, read.saturating_sub(skipped).min(into.len()));
        if let Some(into) = into.get_mut(..bytes.len()) {
            into.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }
}

/// The device's length as the kernel has it now.
fn device_length(file: &File) -> Result<u64, Errno> {
    rustix::fs::seek(file, SeekFrom::End(0))
}

impl Medium for FileMedium {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn sector_bytes(&self) -> u32 {
        self.sector_bytes
    }

    fn pread(&self, way: Way, at: u64, into: &mut [u8]) -> Result<usize, Errno> {
        match way {
            Way::Direct => rustix::io::pread(self.direct()?, into, at),
            Way::Buffered if self.past_cache => match self.pread_unaligned(at, into) {
                Err(Errno::INVAL | Errno::OPNOTSUPP) => rustix::io::pread(&self.file, into, at),
                answer => answer,
            },
            Way::Buffered => rustix::io::pread(&self.file, into, at),
        }
    }

    fn seek_data(&self, at: u64) -> Result<u64, Errno> {
        rustix::fs::seek(&self.file, SeekFrom::Data(at))
    }

    fn seek_hole(&self, at: u64) -> Result<u64, Errno> {
        rustix::fs::seek(&self.file, SeekFrom::Hole(at))
    }

    fn check(&self) -> Result<()> {
        match self.kind {
            SourceKind::File => {
                let now = self.metadata()?;
                let shown = |m: &Metadata| format!("{} bytes, modified {}", m.len(), modified(m));
                if (now.len(), now.mtime(), now.mtime_nsec())
                    == (self.opened.len(), self.opened.mtime(), self.opened.mtime_nsec())
                {
                    return Ok(());
                }
                Err(Error::Integrity {
                    object: self.name.clone(),
                    place: "its length or modification time".to_owned(),
                    expected: shown(&self.opened),
                    actual: format!("{}: it was written while it was read", shown(&now)),
                })
            }
            SourceKind::Device { .. } => match device_length(&self.file) {
                Ok(length) if length == self.length => Ok(()),
                Ok(0) => Err(Error::NotFound {
                    object: format!("{} (the device vanished while it was read)", self.name),
                }),
                Ok(length) => Err(Error::Integrity {
                    object: self.name.clone(),
                    place: "its length".to_owned(),
                    expected: format!("{} bytes", self.length),
                    actual: format!("{length} bytes: the medium changed while it was read"),
                }),
                Err(error) => Err(errno::failed_read(&self.name, error)),
            },
        }
    }
}

/// The time of the last modification: seconds since 1970, a dot, nanoseconds, as the kernel gives them.
pub(super) fn modified(metadata: &Metadata) -> String {
    instant(metadata.mtime(), metadata.mtime_nsec())
}

/// As [`modified`], of any of a file's times.
pub(super) fn instant(seconds: i64, nanoseconds: i64) -> String {
    format!("{seconds}.{nanoseconds:09}")
}
