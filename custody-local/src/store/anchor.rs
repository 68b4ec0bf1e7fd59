use std::sync::PoisonError;

use async_trait::async_trait;
use bytes::Bytes;
use custody_core::digest::Sha256Digest;
use custody_core::ids::ObjectName;
use custody_core::port::{LogAnchor, LogHead, LogName};
use custody_core::{Acted, Error, Result, ServiceRecord, layout};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rustix::fs::IFlags;

use super::directory_store::DirectoryStore;
use super::pending_append::{LastAppend, PendingAppend};
use super::protection::OBJECT_MODE;
use crate::disk::{Attributes, Ending, LineFile, PartialFile, failed, lines, read_up_to, write_all_at};

/// Core refuses longer notes; of a longer file there it is enough to know that it is another.
const MAX_NOTE_BYTES: usize = 64 * 1024;

impl DirectoryStore {
    /// The log, and where its lines end, seen while nobody was appending.
    fn log_file(&self, log: &LogName) -> Result<Option<(LineFile, Ending)>> {
        let name = layout::log(log);
        let Some(folder) = self.reader.folder_of(&name)? else {
            return Ok(None);
        };
        let Some(file) = LineFile::open(&folder, name.file_name().as_str())? else {
            return Ok(None);
        };
        file.lock_for_reading()?;
        let ending = match PendingAppend::look(&folder, name.file_name().as_str(), file.length()?)? {
            LastAppend::Interrupted { offset } => file.ending_within(offset)?,
            _ => file.ending(self.known_ending(log).as_ref())?,
        };
        file.unlock()?;
        Ok(Some((file, ending)))
    }

    fn known_ending(&self, log: &LogName) -> Option<Ending> {
        let endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        endings.get(log).copied()
    }

    fn remember_ending(&self, log: &LogName, ending: Option<Ending>) {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        match ending {
            Some(ending) => endings.insert(log.clone(), ending),
            None => endings.remove(log),
        };
    }

    fn head_blocking(&self, log: &LogName) -> Result<LogHead> {
        Ok(self
            .log_file(log)?
            .map_or(LogHead::EMPTY, |(_, ending)| ending.head))
    }

    fn append_blocking(&self, log: &LogName, after: LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        if let Some(line) = lines
            .iter()
            .position(|line| line.is_empty() || line.contains(&b'\n'))
        {
            return Err(Error::misuse(format!(
                "line {line} of an append to the {log} is empty or has a line feed in it"
            )));
        }
        let name = layout::log(log).file_name();
        let branch = self.branch_of(&layout::log(log))?;
        let file = LineFile::open_or_make_locked(branch.folder(), name.as_str())?;
        let known = self.known_ending(log);
        let last = PendingAppend::look(branch.folder(), name.as_str(), file.length()?)?;
        let mut ending = match last {
            LastAppend::Interrupted { offset } => file.ending_within(offset)?,
            _ => file.ending(known.as_ref())?,
        };
        if ending.head != after {
            return Err(Error::Precondition {
                object: file.path().to_owned(),
                expected: after.to_string(),
                actual: ending.head.to_string(),
            });
        }
        if lines.is_empty() {
            return Ok(Acted::local(after));
        }
        let mut service = ServiceRecord::none();
        let mut written = 0;
        if ending.tail_bytes() > 0 {
            let tail = file.tail(&ending)?;
            let repeated = begins(lines, &tail);
            if repeated && last == LastAppend::Settled && lines.len() == 1 {
                written = tail.len() as u64;
            } else {
                take_back(&file, &ending)?;
                ending = file.ending(None)?;
            }
            if !repeated {
                service = service
                    .with_id("taken-back-bytes", tail.len().to_string())
                    .with_id("taken-back-sha256", Sha256Digest::of(&tail).to_string());
            }
        }
        self.remember_ending(log, None);
        if last != LastAppend::Settled {
            PendingAppend::forget(branch.folder(), name.as_str())?;
        }
        let pending = match lines {
            [_] => None,
            _ => {
                let length = lines.iter().map(|line| line.len() as u64 + 1).sum();
                Some(PendingAppend::announce(
                    &branch,
                    name.as_str(),
                    ending.complete,
                    length,
                )?)
            }
        };
        let appended = file.append(&ending, lines, written);
        // After a failed append the log ends where it did, unless cutting it failed too: then the note must stay.
        if let Some(pending) = pending
            && (appended.is_ok() || file.length()? == ending.complete)
        {
            pending.settle()?;
        }
        let next = appended?;
        self.protect(file.file(), self.options.of_logs());
        if known.is_none() {
            // The first append of this process: whoever made the file may have stopped before its name was durable.
            branch.sync()?;
        }
        self.remember_ending(log, Some(next));
        Ok(Acted {
            value: next.head,
            service,
        })
    }

    fn put_checkpoint_blocking(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let name = layout::checkpoint(log, size);
        if self.has_note(&name, note)? {
            return Ok(Acted::local(()));
        }
        let branch = self.branch_of(&name)?;
        // A process that stopped in the middle of another note may go on with a longer log, and never put that one again.
        PartialFile::discard_all_stopped(branch.folder(), |name| name.ends_with(layout::NOTE_SUFFIX))?;
        let put = PartialFile::begin(branch, name.file_name().as_str()).and_then(|partial| {
            write_all_at(partial.file(), note, 0).map_err(failed(partial.path(), "write"))?;
            partial.commit(OBJECT_MODE, |file| {
                self.protect(file, self.options.of_objects());
                Ok(())
            })
        });
        match put {
            // Another writer of the same note was faster.
            Err(Error::AlreadyExists { .. }) if self.has_note(&name, note)? => Ok(Acted::local(())),
            other => other.map(Acted::local),
        }
    }

    /// Whether exactly this note is there, durably. Another one is [`Error::AlreadyExists`].
    fn has_note(&self, name: &ObjectName, note: &[u8]) -> Result<bool> {
        let Some(file) = self.reader.find(name)? else {
            return Ok(false);
        };
        let path = self.root().path_of(name.as_str());
        let there = read_up_to(&file, 0, MAX_NOTE_BYTES + 1).map_err(failed(&*path, "read"))?;
        if there != note {
            return Err(Error::AlreadyExists { object: path });
        }
        // Whoever put it may have stopped before its name was durable.
        self.branch_of(name)?.sync()?;
        Ok(true)
    }
}

/// Whether `tail` is the beginning, and not the whole, of these lines as they are written.
fn begins(lines: &[Bytes], tail: &[u8]) -> bool {
    let mut left = tail;
    for line in lines {
        for part in [&line[..], b"\n"] {
            if left.len() < part.len() {
                return part.starts_with(left);
            }
            match left.strip_prefix(part) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
    }
    false
}

/// Cuts what an interrupted append left behind the last line; it was never a line and nobody was told that it is.
fn take_back(file: &LineFile, ending: &Ending) -> Result<()> {
    if Attributes::of(file.file()).is_append_only() {
        // The attribute forbids it; it is set again after the append. Where it cannot be cleared, cutting says why.
        Attributes::clear(file.file(), IFlags::APPEND);
    }
    file.cut_tail(ending)
}

#[async_trait]
impl LogAnchor for DirectoryStore {
    async fn head(&self, log: &LogName) -> Result<LogHead> {
        let (store, log) = (self.clone(), log.clone());
        blocking::unblock(move || store.head_blocking(&log)).await
    }

    /// One write and one sync; of several lines, a note is made durable first, which tells an interrupted call from a
    /// finished one. What such a call left is finished or cut off; where it was not the beginning of these very lines,
    /// its length and digest are in the service record.
    async fn append(&self, log: &LogName, after: &LogHead, lines: &[Bytes]) -> Result<Acted<LogHead>> {
        let (store, log, after, lines) = (self.clone(), log.clone(), *after, lines.to_vec());
        blocking::unblock(move || store.append_blocking(&log, after, &lines)).await
    }

    async fn put_checkpoint(&self, log: &LogName, size: u64, note: &[u8]) -> Result<Acted<()>> {
        let (store, log, note) = (self.clone(), log.clone(), note.to_vec());
        blocking::unblock(move || store.put_checkpoint_blocking(&log, size, &note)).await
    }

    fn lines(&self, log: &LogName, from: u64) -> BoxStream<'_, Result<Bytes>> {
        let (store, log) = (self.clone(), log.clone());
        stream::once(blocking::unblock(move || {
            Ok(match store.log_file(&log)? {
                Some((file, ending)) => lines(file, ending.complete, from),
                None => stream::empty().boxed(),
            })
        }))
        .try_flatten()
        .boxed()
    }
}
