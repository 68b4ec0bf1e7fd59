use std::os::fd::OwnedFd;
use std::time::Duration;

use bytes::Bytes;
use custody_core::digest::Sha256Digest;
use custody_core::port::LogHead;
use custody_core::{Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::folder::{is, kind};
use super::{Folder, check_ours, failed, lock_within, read_up_to};

/// Appending takes the time of one small write; who waits longer than this waits for a program that hangs.
const PATIENCE: Duration = Duration::from_secs(10);
const SCAN_BYTES: usize = 1024 * 1024;
/// The longest line that is handled; core refuses longer ones too.
pub(super) const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
const APPENDABLE: Mode = Mode::from_raw_mode(0o644);

/// A file of lines that only grows, opened for one operation. Writers of all processes take turns by a lock.
#[derive(Debug)]
pub(crate) struct LineFile {
    file: OwnedFd,
    path: String,
}

/// Where a file of lines ends, and what the file looked like when that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The head over the complete lines.
    pub(crate) head: LogHead,
    /// The bytes of the complete lines.
    pub(crate) complete: u64,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Ending {
    /// Bytes behind the last line feed: what a stopped write left, no line.
    pub(crate) const fn tail_bytes(&self) -> u64 {
        self.seen.length.saturating_sub(self.complete)
    }
}

impl LineFile {
    /// Opens it for reading; `None` where there is none.
    pub(crate) fn open(folder: &Folder, name: &str) -> Result<Option<Self>> {
        Ok(folder.open_plain(name)?.map(|file| Self {
            file,
            path: folder.path_of(name),
        }))
    }

    /// Opens it for appending and waits for its lock, which dropping gives back. Made where it is missing; the
    /// caller then makes its name durable.
    pub(crate) fn open_or_make_locked(folder: &Folder, name: &str) -> Result<Self> {
        let path = folder.path_of(name);
        let flags = OFlags::RDWR
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(folder, name, flags, APPENDABLE) {
            Err(Errno::LOOP) => return Err(folder.link_refused(name)),
            other => other.map_err(failed(&*path, "open"))?,
        };
        let stat = rustix::fs::fstat(&file).map_err(failed(&*path, "describe"))?;
        if !is(&stat, rustix::fs::FileType::RegularFile) {
            return Err(Error::malformed(path, format!("is {}, not a file", kind(&stat))));
        }
        check_ours(&path, &stat)?;
        let opened = Self { file, path };
        opened.lock(FlockOperation::NonBlockingLockExclusive)?;
        Ok(opened)
    }

    /// Waits until nobody is appending, so that what is seen then ends where an append ended.
    pub(crate) fn lock_for_reading(&self) -> Result<()> {
        self.lock(FlockOperation::NonBlockingLockShared)
    }

    /// Gives the lock back before dropping.
    pub(crate) fn unlock(&self) -> Result<()> {
        rustix::fs::flock(&self.file, FlockOperation::Unlock).map_err(failed(&*self.path, "unlock"))
    }

    fn lock(&self, operation: FlockOperation) -> Result<()> {
        if lock_within(&self.file, operation, PATIENCE).map_err(failed(&*self.path, "lock"))? {
            Ok(())
        } else {
            Err(Error::Throttled {
                object: format!("{}, locked by another process", self.path),
                retry_after: None,
            })
        }
    }

    /// Where it ends. What is `known` spares reading it again while the file looks as it did then.
    pub(crate) fn ending(&self, known: Option<&Ending>) -> Result<Ending> {
        let seen = self.seen()?;
        match known {
            Some(known) if known.seen == seen => Ok(*known),
            _ => self.scan(seen, seen.length),
        }
    }

    /// Where it ended when it had `limit` bytes; what follows counts as behind the last line feed.
    pub(crate) fn ending_within(&self, limit: u64) -> Result<Ending> {
        let seen = self.seen()?;
        self.scan(seen, limit.min(seen.length))
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> Result<u64> {
        Ok(self.seen()?.length)
    }

    /// The bytes behind the last line feed.
    pub(crate) fn tail(&self, ending: &Ending) -> Result<Vec<u8>> {
        self.read(ending.complete, ending.tail_bytes())
    }

    /// Takes the bytes behind the last line feed away.
    pub(crate) fn cut_tail(&self, ending: &Ending) -> Result<()> {
        self.cut(ending.complete)
            .and_then(|()| rustix::fs::fdatasync(&self.file))
            .map_err(failed(&*self.path, "take back an unfinished line of"))
    }

    /// Appends lines, each without its line feed, in one write, and makes them durable. `written` says how many of
    /// their first bytes are there already, as the tail of an interrupted append.
    pub(crate) fn append(&self, ending: &Ending, lines: &[Bytes], written: u64) -> Result<Ending> {
        let (mut payload, mut head) = (Vec::new(), ending.head);
        for line in lines {
            payload.extend_from_slice(line);
            payload.push(b'\n');
            head = head.after(line);
        }
        let complete = ending.complete + payload.len() as u64;
        let rest = usize::try_from(written)
            .ok()
            .and_then(|written| payload.get(written..))
            .unwrap_or_default();
        if let Err(errno) = self.write(rest) {
            // Best effort: what stays is a torn tail, which is no line and which the next append settles.
            self.cut(ending.complete).ok();
            return Err(failed(&*self.path, "append")(errno));
        }
        rustix::fs::fdatasync(&self.file).map_err(failed(&*self.path, "sync"))?;
        let seen = self.seen()?;
        if seen.length != complete {
            return Err(Error::Integrity {
                object: self.path.clone(),
                place: format!("byte {complete}"),
                expected: "the end of what was appended".into(),
                actual: format!("a length of {} bytes: somebody writes past the lock", seen.length),
            });
        }
        Ok(Ending { head, complete, seen })
    }

    /// The open file.
    pub(crate) fn file(&self) -> &OwnedFd {
        &self.file
    }

    /// Its path as it is shown to people.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// These bytes, all of them.
    pub(super) fn read(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        let wanted = usize::try_from(length).map_err(|_too_long| self.line_too_long(at))?;
        let bytes = read_up_to(&self.file, at, wanted).map_err(failed(&*self.path, "read"))?;
        if bytes.len() == wanted {
            Ok(bytes)
        } else {
            Err(Error::Integrity {
                object: self.path.clone(),
                place: format!("byte {}", at + bytes.len() as u64),
                expected: format!("{length} bytes at {at}"),
                actual: "the end of the file: it was cut".into(),
            })
        }
    }

    pub(super) fn line_too_long(&self, at: u64) -> Error {
        Error::malformed(
            &*self.path,
            format!("the line at byte {at} has more than {MAX_LINE_BYTES} bytes: not a log"),
        )
    }

    fn scan(&self, seen: Seen, limit: u64) -> Result<Ending> {
        let (mut size, mut complete, mut last_line) = (0_u64, 0_u64, 0_u64);
        let mut at = 0_u64;
        while at < limit {
            let wanted = usize::try_from(limit - at).map_or(SCAN_BYTES, |left| left.min(SCAN_BYTES));
            let block = self.read(at, wanted as u64)?;
            for (i, byte) in block.iter().enumerate() {
                if *byte == b'\n' {
                    size += 1;
                    last_line = complete;
                    complete = at + i as u64 + 1;
                }
            }
            at += block.len() as u64;
        }
        if size == 0 {
            let head = LogHead::EMPTY;
            return Ok(Ending { head, complete, seen });
        }
        let length = complete - 1 - last_line;
        if length > MAX_LINE_BYTES {
            return Err(self.line_too_long(last_line));
        }
        let head = LogHead::new(size, Sha256Digest::of(&self.read(last_line, length)?));
        Ok(Ending { head, complete, seen })
    }

    fn seen(&self) -> Result<Seen> {
        let stat: Stat = rustix::fs::fstat(&self.file).map_err(failed(&*self.path, "describe"))?;
        Ok(Seen {
            device: stat.st_dev,
            inode: stat.st_ino,
            length: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        })
    }

    fn write(&self, mut bytes: &[u8]) -> rustix::io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.file, bytes) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn cut(&self, length: u64) -> rustix::io::Result<()> {
        rustix::fs::ftruncate(&self.file, length)
    }
}
