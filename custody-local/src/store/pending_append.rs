use std::os::fd::OwnedFd;
use std::sync::Arc;

use custody_core::{Error, Result};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::disk::{Branch, Folder, PartialFile, failed, read_up_to, write_all_at};

/// What the name of the note about an append of several lines begins with. Hidden, so it is no object's name.
pub(super) const PENDING_PREFIX: &str = ".pending-";

const NOTE_MODE: u32 = 0o444;
const MAX_NOTE_BYTES: usize = 64;

/// A note beside a log, durable before several lines are appended and gone after they are: `<offset> <length>`.
///
/// While it is there and the log ends before `offset + length`, the append was interrupted and the lines behind
/// `offset` are none, however many line feeds a stop let through. A single line needs no note: it ends with its only
/// line feed. The note is locked while its writer lives.
#[derive(Debug)]
pub(super) struct PendingAppend<'a> {
    folder: &'a Folder,
    log: String,
    #[expect(dead_code, reason = "held for its lock")]
    file: Arc<OwnedFd>,
}

/// How the last append of several lines to a log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastAppend {
    /// There is no note.
    Settled,
    /// There is a note, and all lines are there.
    Finished,
    /// There is a note, and the log ends before it should: its lines end at `offset`.
    Interrupted { offset: u64 },
}

impl<'a> PendingAppend<'a> {
    /// Writes the note. The caller holds the log's lock, and has dealt with an older note.
    pub(super) fn announce(branch: &'a Branch, log: &str, offset: u64, length: u64) -> Result<Self> {
        let name = note_name(log);
        let partial = PartialFile::begin(branch.clone(), &name)?;
        let text = format!("{offset} {length}\n");
        write_all_at(partial.file(), text.as_bytes(), 0).map_err(failed(partial.path(), "write"))?;
        let file = Arc::clone(partial.file());
        partial.commit(NOTE_MODE, |_| Ok(()))?;
        Ok(Self {
            folder: branch.folder(),
            log: log.to_owned(),
            file,
        })
    }

    /// Removes the note, durably, after the lines are there or none of them is.
    pub(super) fn settle(self) -> Result<()> {
        Self::forget(self.folder, &self.log)
    }

    /// What a note beside a log of `length` bytes tells. The caller holds the log's lock.
    pub(super) fn look(folder: &Folder, log: &str, length: u64) -> Result<LastAppend> {
        let name = note_name(log);
        let Some(file) = folder.open_plain(&name)? else {
            return Ok(LastAppend::Settled);
        };
        let text = read_up_to(&file, 0, MAX_NOTE_BYTES).map_err(failed(folder.path_of(&name), "read"))?;
        let (offset, due) = parse(&text).ok_or_else(|| {
            Error::malformed(
                folder.path_of(&name),
                "is not the note `<offset> <length>` that custody writes before it appends; find out who wrote it",
            )
        })?;
        if offset <= length && length < offset.saturating_add(due) {
            Ok(LastAppend::Interrupted { offset })
        } else {
            Ok(LastAppend::Finished)
        }
    }

    /// Removes the note of an append that was finished, or of one whose lines were taken back.
    pub(super) fn forget(folder: &Folder, log: &str) -> Result<()> {
        remove(folder, &note_name(log))?;
        folder.sync()
    }
}

fn note_name(log: &str) -> String {
    format!("{PENDING_PREFIX}{log}")
}

fn parse(text: &[u8]) -> Option<(u64, u64)> {
    let (offset, length) = std::str::from_utf8(text)
        .ok()?
        .strip_suffix('\n')?
        .split_once(' ')?;
    Some((offset.parse().ok()?, length.parse().ok()?))
}

fn remove(folder: &Folder, name: &str) -> Result<()> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(failed(folder.path_of(name), "remove")(errno)),
    }
}
