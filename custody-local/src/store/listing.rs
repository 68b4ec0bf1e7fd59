use std::ffi::{CStr, CString};
use std::sync::Arc;

use custody_core::ids::{ObjectName, Segment};
use custody_core::port::StoredObject;
use custody_core::{Error, Result, visible};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::directory_reader::DirectoryReader;
use super::pending_append::PENDING_PREFIX;
use crate::disk::{Folder, PARTIAL_PREFIX, failed};

/// What was found in a folder: an object, a folder to go down into, or nothing to speak of.
enum Found {
    Object(StoredObject),
    Folder(Arc<Folder>),
    Nothing,
}

/// A folder being walked: its entries still to come, in descending order.
struct Level {
    folder: Arc<Folder>,
    name: Option<ObjectName>,
    rest: Vec<Entry>,
}

struct Entry {
    name: CString,
    stat: std::result::Result<Stat, Errno>,
}

pub(super) fn list(
    reader: DirectoryReader,
    under: Option<ObjectName>,
) -> BoxStream<'static, Result<StoredObject>> {
    let begin = Walk {
        reader,
        under,
        levels: Vec::new(),
        begun: false,
    };
    stream::unfold(Some(begin), |walk| async move {
        let walk = walk?;
        let (outcome, walk) = blocking::unblock(move || walk.step()).await;
        Some((stream::iter(outcome), walk))
    })
    .flatten()
    .boxed()
}

struct Walk {
    reader: DirectoryReader,
    under: Option<ObjectName>,
    levels: Vec<Level>,
    begun: bool,
}

const OBJECTS_PER_STEP: usize = 256;

impl Walk {
    /// The next objects; with the walk that goes on, or nothing after the end or an error that ends it.
    fn step(mut self) -> (Vec<Result<StoredObject>>, Option<Self>) {
        let mut found = Vec::new();
        if !self.begun {
            self.begun = true;
            match self.begin() {
                Ok(Some(object)) => found.push(Ok(object)),
                Ok(None) => {}
                Err(error) => return (vec![Err(error)], None),
            }
        }
        while found.len() < OBJECTS_PER_STEP {
            let Some(level) = self.levels.last_mut() else {
                return (found, None);
            };
            let Some(entry) = level.rest.pop() else {
                self.levels.pop();
                continue;
            };
            match level.look(&entry) {
                Ok(Found::Object(object)) => found.push(Ok(object)),
                Ok(Found::Nothing) => {}
                Ok(Found::Folder(folder)) => {
                    let name = level.name_of(&entry.name).ok();
                    match Level::of(folder, name) {
                        Ok(next) => self.levels.push(next),
                        Err(error) => {
                            found.push(Err(error));
                            return (found, None);
                        }
                    }
                }
                Err(error @ Error::Malformed { .. }) => found.push(Err(error)),
                Err(error) => {
                    found.push(Err(error));
                    return (found, None);
                }
            }
        }
        (found, Some(self))
    }

    /// Goes to where the listing begins; gives the object when that is one.
    fn begin(&mut self) -> Result<Option<StoredObject>> {
        let Some(name) = self.under.clone() else {
            self.levels.push(Level::of(Arc::clone(self.reader.root()), None)?);
            return Ok(None);
        };
        let Some(folder) = self.reader.folder_of(&name)? else {
            return Ok(None);
        };
        let file = name.file_name();
        if let Some(below) = folder.enter(file.as_str())? {
            self.levels.push(Level::of(Arc::new(below), Some(name))?);
            return Ok(None);
        }
        match folder.stat(file.as_str())? {
            Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                Ok(Some(StoredObject::new(name, length(&stat))))
            }
            Some(_) => Err(not_an_object(&folder.path_of(file.as_str()))),
            None => Ok(None),
        }
    }
}

impl Level {
    fn of(folder: Arc<Folder>, name: Option<ObjectName>) -> Result<Self> {
        let mut rest: Vec<Entry> = folder
            .names()?
            .into_iter()
            .map(|name| Entry {
                stat: rustix::fs::statat(&*folder, &*name, AtFlags::SYMLINK_NOFOLLOW),
                name,
            })
            .collect();
        // Names of objects compare with `/` behind a folder's, so that `a.txt` comes before `a/x`.
        rest.sort_by_cached_key(|entry| {
            let mut key = entry.name.to_bytes().to_vec();
            if entry.is(FileType::Directory) {
                key.push(b'/');
            }
            key
        });
        rest.reverse();
        Ok(Self { folder, name, rest })
    }

    fn name_of(&self, file: &CStr) -> Result<ObjectName> {
        let bad = || {
            Error::malformed(
                self.path_of(file),
                "is not a name of an object, so custody did not put it there",
            )
        };
        let text = file.to_str().map_err(|_not_utf8| bad())?;
        let segment: Segment = text.parse().map_err(|_not_a_segment: Error| bad())?;
        let name = self
            .name
            .as_ref()
            .map_or_else(|| ObjectName::root(&segment), |folder| folder.join(&segment));
        // Too many folders, one in the other, have no object name either.
        name.as_str().parse().map_err(|_too_deep: Error| bad())
    }

    fn path_of(&self, file: &CStr) -> String {
        format!(
            "{}/{}",
            self.folder.path(),
            visible::escape_bytes(file.to_bytes())
        )
    }

    fn look(&self, entry: &Entry) -> Result<Found> {
        let path = self.path_of(&entry.name);
        let stat = match entry.stat {
            Ok(stat) => stat,
            // Gone since the folder was read: an unfinished deposit that was named or discarded.
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(errno) => return Err(failed(path, "describe")(errno)),
        };
        if entry.is(FileType::RegularFile)
            && let Some(what) = unfinished(&entry.name)
        {
            return self.look_at_unfinished(&entry.name, what);
        }
        let name = self.name_of(&entry.name)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Found::Object(StoredObject::new(name, length(&stat)))),
            FileType::Directory => match self.folder.enter(name.file_name().as_str())? {
                Some(folder) => Ok(Found::Folder(Arc::new(folder))),
                None => Ok(Found::Nothing),
            },
            _ => Err(not_an_object(&path)),
        }
    }

    /// A live writer holds its lock; what nobody holds was left by a stop.
    fn look_at_unfinished(&self, name: &CStr, what: &str) -> Result<Found> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let state = rustix::fs::openat(&*self.folder, name, flags, Mode::empty())
            .and_then(|file| rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared));
        match state {
            Err(Errno::WOULDBLOCK | Errno::NOENT) => Ok(Found::Nothing),
            Ok(()) => Err(Error::malformed(
                self.path_of(name),
                format!(
                    "{what} left by a stop: not evidence; `custody resume` or `custody abandon` settles it"
                ),
            )),
            Err(errno) => Err(Error::malformed(
                self.path_of(name),
                format!(
                    "{what}, and it cannot be told whether somebody is still writing it: {}",
                    std::io::Error::from(errno)
                ),
            )),
        }
    }
}

impl Entry {
    fn is(&self, kind: FileType) -> bool {
        self.stat
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind)
    }
}

/// What a hidden file of this store's own is.
fn unfinished(name: &CStr) -> Option<&'static str> {
    let begins = |prefix: &str| name.to_bytes().starts_with(prefix.as_bytes());
    if begins(PARTIAL_PREFIX) {
        Some("unfinished deposit")
    } else if begins(PENDING_PREFIX) {
        Some("note of an unfinished append")
    } else {
        None
    }
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn not_an_object(path: &str) -> Error {
    Error::malformed(path, "is neither a file nor a folder, and is not followed")
}
