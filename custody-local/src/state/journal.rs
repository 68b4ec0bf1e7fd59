use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::port::{LogHead, LogName, LogStore};
use custody_core::{Error, Result, layout};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::state_folder::ACQUISITIONS_FOLDER;
use crate::disk::{Branch, Ending, Folder, LineFile, PartialFile, failed, lines, write_all_at};

const REGISTER_FOLDER: &str = "register";
const TORN_MODE: u32 = 0o400;
const MAX_TORN_TAILS: u32 = 10_000;

/// The journals in a state folder: one log an acquisition. Clones share it.
#[derive(Debug, Clone)]
pub struct JournalStore {
    root: Arc<Folder>,
    endings: Arc<Mutex<HashMap<LogName, Ending>>>,
}

impl JournalStore {
    pub(super) fn new(root: Arc<Folder>) -> Self {
        Self {
            root,
            endings: Arc::default(),
        }
    }

    fn segments(log: &LogName) -> Vec<&str> {
        match log {
            LogName::Register => vec![REGISTER_FOLDER],
            LogName::Acquisition { acquisition, .. } => vec![ACQUISITIONS_FOLDER, acquisition.as_str()],
        }
    }

    fn branch(&self, log: &LogName) -> Result<Branch> {
        Branch::root(Arc::clone(&self.root))?.grow(Self::segments(log))
    }

    /// Opens an existing log for reading, at a moment when nobody is appending.
    fn file(&self, log: &LogName) -> Result<Option<LineFile>> {
        let mut folder = Arc::clone(&self.root);
        for segment in Self::segments(log) {
            let Some(next) = folder.enter(segment)? else {
                return Ok(None);
            };
            folder = Arc::new(next);
        }
        let file = LineFile::open(&folder, layout::LOG_FILE)?;
        if let Some(file) = &file {
            file.lock_for_reading()?;
        }
        Ok(file)
    }

    fn known(&self, log: &LogName) -> Option<Ending> {
        let endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        endings.get(log).copied()
    }

    fn remember(&self, log: &LogName, ending: Option<Ending>) {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        match ending {
            Some(ending) => endings.insert(log.clone(), ending),
            None => endings.remove(log),
        };
    }

    fn append_blocking(&self, log: &LogName, after: LogHead, line: &Bytes) -> Result<LogHead> {
        if line.is_empty() || line.contains(&b'\n') {
            return Err(Error::misuse(format!(
                "a line for the {log} is empty or has a line feed in it"
            )));
        }
        let branch = self.branch(log)?;
        let file = LineFile::open_or_make_locked(branch.folder(), layout::LOG_FILE)?;
        let known = self.known(log);
        let ending = file.ending(known.as_ref())?;
        let refused = |actual: String| Error::Precondition {
            object: file.path().to_owned(),
            expected: after.to_string(),
            actual,
        };
        if ending.head != after {
            return Err(refused(ending.head.to_string()));
        }
        if ending.tail_bytes() > 0 {
            return Err(refused(format!(
                "{} bytes of an unfinished line behind it, left by a stop; resume sets them aside",
                ending.tail_bytes()
            )));
        }
        self.remember(log, None);
        let next = file.append(&ending, std::slice::from_ref(line), 0)?;
        if known.is_none() {
            // The first append of this process: whoever made the file may have stopped before its name was durable.
            branch.sync()?;
        }
        self.remember(log, Some(next));
        Ok(next.head)
    }

    fn set_aside_blocking(&self, log: &LogName) -> Result<Option<Bytes>> {
        match self.file(log)? {
            Some(file) if file.ending(None)?.tail_bytes() > 0 => {}
            _ => return Ok(None),
        }
        let branch = self.branch(log)?;
        let file = LineFile::open_or_make_locked(branch.folder(), layout::LOG_FILE)?;
        let ending = file.ending(None)?;
        if ending.tail_bytes() == 0 {
            return Ok(None);
        }
        let tail = Bytes::from(file.tail(&ending)?);
        keep_torn(&branch, ending.head.size, &tail)?;
        self.remember(log, None);
        file.cut_tail(&ending)?;
        Ok(Some(tail))
    }
}

/// Puts a torn tail beside its log, durably, under the first free name. A stop before the log is cut leaves it there
/// twice, never not at all.
fn keep_torn(branch: &Branch, size: u64, tail: &[u8]) -> Result<()> {
    for n in 0..MAX_TORN_TAILS {
        let kept = PartialFile::begin(branch.clone(), &format!("torn-{size}-{n}")).and_then(|partial| {
            write_all_at(partial.file(), tail, 0).map_err(failed(partial.path(), "write"))?;
            partial.commit(TORN_MODE, |_| Ok(()))
        });
        match kept {
            Err(Error::AlreadyExists { .. }) => {}
            other => return other,
        }
    }
    Err(Error::Refused {
        object: branch.folder().path().to_owned(),
        reason: format!("has {MAX_TORN_TAILS} torn tails of one line; something keeps tearing this log"),
    })
}

impl fmt::Display for JournalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "journals in {}", self.root.path())
    }
}

#[async_trait]
impl LogStore for JournalStore {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        let (store, log) = (self.clone(), log.clone());
        blocking::unblock(move || match store.file(&log)? {
            Some(file) => Ok(file.ending(store.known(&log).as_ref())?.head),
            None => Ok(LogHead::EMPTY),
        })
        .await
    }

    async fn append(&self, log: &LogName, after: &LogHead, line: &[u8]) -> Result<LogHead> {
        let (store, log, after, line) = (self.clone(), log.clone(), *after, Bytes::copy_from_slice(line));
        blocking::unblock(move || store.append_blocking(&log, after, &line)).await
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let (store, log) = (self.clone(), log.clone());
        stream::once(blocking::unblock(move || {
            let Some(file) = store.file(&log)? else {
                return Ok(stream::empty().boxed());
            };
            let ending = file.ending(store.known(&log).as_ref())?;
            file.unlock()?;
            Ok(lines(file, ending.complete, from))
        }))
        .try_flatten()
        .boxed()
    }

    async fn set_aside_tail(&self, log: &LogName) -> Result<Option<Bytes>> {
        let (store, log) = (self.clone(), log.clone());
        blocking::unblock(move || store.set_aside_blocking(&log)).await
    }
}
