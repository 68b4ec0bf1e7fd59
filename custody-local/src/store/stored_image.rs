use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent, Span, ZeroWord};
use custody_core::port::ImageReader;
use custody_core::{Error, Result};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use rustix::fs::{Advice, FlockOperation, SeekFrom, Stat};
use rustix::io::Errno;

use crate::disk::{Folder, failed, lock_within, read_up_to, same_file};

/// A hole smaller than this is read: telling it apart costs more than its zeros.
const MIN_HOLE_BYTES: u64 = 64 * 1024;
const SPANS_PER_STEP: usize = 256;
/// How long the reader of a live log waits for an append to end.
const PATIENCE: Duration = Duration::from_millis(500);

/// What must stay as it was while an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinning {
    /// Length and modification time.
    Whole,
    /// The first bytes, as many as there were: somebody may be appending.
    MayGrow,
}

/// An object of a directory store, opened for reading and held open.
#[derive(Debug, Clone)]
pub(super) struct StoredImage {
    folder: Arc<Folder>,
    name: String,
    file: Arc<OwnedFd>,
    path: String,
    length: u64,
    modified: (i64, i64),
    pinning: Pinning,
}

impl StoredImage {
    /// The file that was just opened under this name of the folder.
    pub(super) fn new(folder: Arc<Folder>, name: &str, file: OwnedFd, pinning: Pinning) -> Result<Self> {
        if pinning == Pinning::MayGrow {
            // Between two appends the file ends with a whole line. Where locks are not to be had (read-only network
            // file systems) nobody on this host appends either.
            if let Ok(true) = lock_within(&file, FlockOperation::NonBlockingLockShared, PATIENCE) {
                let image = Self::pinned(folder, name, file, pinning)?;
                rustix::fs::flock(&*image.file, FlockOperation::Unlock)
                    .map_err(failed(&*image.path, "unlock"))?;
                return Ok(image);
            }
        } else if let Err(errno) = rustix::fs::fadvise(&file, 0, None, Advice::Sequential) {
            return Err(failed(folder.path_of(name), "advise")(errno));
        }
        Self::pinned(folder, name, file, pinning)
    }

    fn pinned(folder: Arc<Folder>, name: &str, file: OwnedFd, pinning: Pinning) -> Result<Self> {
        let path = folder.path_of(name);
        let stat = rustix::fs::fstat(&file).map_err(failed(&*path, "describe"))?;
        Ok(Self {
            folder,
            name: name.to_owned(),
            file: Arc::new(file),
            path,
            length: length(&stat),
            modified: modified(&stat),
            pinning,
        })
    }

    fn read_blocking(&self, range: ByteRange) -> Result<Bytes> {
        let wanted = usize::try_from(range.length())
            .map_err(|_too_long| Error::misuse(format!("{range} does not fit into memory")))?;
        let bytes = read_up_to(&self.file, range.start(), wanted).map_err(|errno| Error::Unreadable {
            object: self.path.clone(),
            range,
            source: Some(std::io::Error::from(errno).into()),
        })?;
        let stat = rustix::fs::fstat(&*self.file).map_err(failed(&*self.path, "describe"))?;
        let unchanged = match self.pinning {
            Pinning::Whole => length(&stat) == self.length && modified(&stat) == self.modified,
            Pinning::MayGrow => length(&stat) >= self.length,
        };
        if !(unchanged && bytes.len() == wanted) {
            return Err(Error::Integrity {
                object: self.path.clone(),
                place: format!("bytes {range}"),
                expected: format!("the file as it was opened, of {} bytes", self.length),
                actual: format!("changed while it was read, now of {} bytes", length(&stat)),
            });
        }
        match self.folder.stat(&self.name)? {
            Some(named) if same_file(&named, &stat) => Ok(bytes.into()),
            _ => Err(Error::Precondition {
                object: self.path.clone(),
                expected: "the file that was opened".into(),
                actual: "another one under its name, or none".into(),
            }),
        }
    }

    /// The next spans from `at`, and where to go on.
    fn next_spans(&self, mut at: u64, end: u64) -> Result<(Vec<Span>, u64)> {
        let mut spans: Vec<Span> = Vec::new();
        while at < end && spans.len() < SPANS_PER_STEP {
            let hole = self.seek(SeekFrom::Hole(at))?.min(end);
            if hole > at {
                push_data(&mut spans, ByteRange::at(at, hole - at));
                at = hole;
                continue;
            }
            let data = self.seek(SeekFrom::Data(at))?.min(end);
            if data <= at {
                return Err(Error::Provider {
                    object: self.path.clone(),
                    operation: "tell data from holes",
                    source: None,
                });
            }
            let range = ByteRange::at(at, data - at);
            if range.length() >= MIN_HOLE_BYTES {
                spans.push(Span::Zero(range, ZeroWord::FileSystemHole));
            } else {
                push_data(&mut spans, range);
            }
            at = data;
        }
        Ok((spans, at))
    }

    fn seek(&self, to: SeekFrom) -> Result<u64> {
        match rustix::fs::seek(&*self.file, to) {
            // No data from here on: the rest is a hole.
            Err(Errno::NXIO) => Ok(self.length),
            other => other.map_err(failed(&*self.path, "tell data from holes")),
        }
    }
}

fn push_data(spans: &mut Vec<Span>, range: ByteRange) {
    match spans.last_mut() {
        Some(Span::Data(last)) if last.end() == range.start() => {
            *last = ByteRange::at(last.start(), last.length() + range.length());
        }
        _ => spans.push(Span::Data(range)),
    }
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn modified(stat: &Stat) -> (i64, i64) {
    (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

impl fmt::Display for StoredImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

#[async_trait]
impl ImageReader for StoredImage {
    fn length(&self) -> u64 {
        self.length
    }

    fn spans(&self, within: ByteRange) -> BoxStream<'_, Result<Span>> {
        let end = within.end().min(self.length);
        stream::unfold(Some(within.start()), move |at| async move {
            let at = at.filter(|at| *at < end)?;
            let image = self.clone();
            match blocking::unblock(move || image.next_spans(at, end)).await {
                Ok((spans, next)) => {
                    let spans: Vec<_> = spans.into_iter().map(Ok).collect();
                    Some((stream::iter(spans), Some(next)))
                }
                Err(error) => Some((stream::iter(vec![Err(error)]), None)),
            }
        })
        .flatten()
        .boxed()
    }

    async fn read(&self, range: ByteRange) -> Result<Vec<Extent>> {
        if range.end() > self.length {
            return Err(Error::misuse(format!(
                "{range} is not inside {}, which has {} bytes",
                self.path, self.length
            )));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let image = self.clone();
        let bytes = blocking::unblock(move || image.read_blocking(range)).await?;
        Ok(vec![Extent::Data {
            at: range.start(),
            bytes,
        }])
    }
}
