//! What `custody hash` reads, and how.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};

use custody_core::Error;
use custody_hash::{ChunkRun, Engine, ImageDigests, ImageLayout, ImageOptions, WholeDigests};
use rustix::fs::{FsWord, fstatfs};

use super::hash::AGAIN;
use super::hash_reads::{CountedReads, Holes};
use crate::failure::Failure;
use crate::printable;

/// What to make of a file.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The digest of the whole, of the chunks, and any others.
    Whole(ImageOptions),
    /// The digests of the chunks alone, on all cores.
    Tree,
}

/// Something that is open.
pub(super) enum Source {
    /// A file or a device with a length: read at any place.
    Image {
        file: File,
        length_bytes: u64,
        opened: Metadata,
    },
    /// A pipe, a file that is made as it is read, or anything else of which only its end tells how long it is.
    Stream(Box<dyn io::Read>),
}

/// What reading a source came to.
pub(super) struct Digested {
    pub(super) digests: ImageDigests,
    /// How many bytes were not read, because the file system says that they are in holes.
    pub(super) hole_bytes: u64,
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(name: &OsStr) -> Result<Self, Failure> {
        if name == "-" {
            return Ok(Self::Stream(Box::new(io::stdin().lock())));
        }
        let mut file = open(name)?;
        let metadata = file.metadata().map_err(|error| unreadable(name, error))?;
        let length_bytes = length_of(&mut file, &metadata).map_err(|error| unreadable(name, error))?;
        Ok(match length_bytes {
            Some(length_bytes) => Self::Image {
                file,
                length_bytes,
                opened: metadata,
            },
            None => Self::Stream(Box::new(file)),
        })
    }

    /// How long it is, if that is known.
    pub(super) const fn length_bytes(&self) -> Option<u64> {
        match self {
            Self::Image { length_bytes, .. } => Some(*length_bytes),
            Self::Stream(_) => None,
        }
    }

    /// Reads it to its end.
    pub(super) fn digest(
        self,
        name: &OsStr,
        wanted: Wanted,
        holes: Holes,
        engine: &Engine,
        mut deposit: impl FnMut(&ChunkRun) -> io::Result<()>,
    ) -> Result<Digested, Failure> {
        let deposit = |run: ChunkRun| deposit(&run);
        let digested = match self {
            Self::Image {
                file,
                length_bytes,
                opened,
            } => {
                let image = CountedReads::new(&file, holes);
                let digests = match wanted {
                    Wanted::Tree => engine.hash_tree(&image, length_bytes, deposit),
                    Wanted::Whole(options) => {
                        engine.hash_image(&image, ImageLayout::new(length_bytes), options, deposit)
                    }
                };
                if digests.is_ok() {
                    let kept = must_end_there(&file, length_bytes).and_then(|()| must_be_as(&opened, &file));
                    kept.map_err(|error| unreadable(name, error))?;
                }
                let hole_bytes = length_bytes.saturating_sub(image.read_bytes());
                digests.map(|digests| Digested { digests, hole_bytes })
            }
            Self::Stream(reader) => {
                let options = match wanted {
                    Wanted::Whole(options) => options,
                    Wanted::Tree => ImageOptions::default().with_whole_digests(WholeDigests::Omit),
                };
                let layout = ImageLayout::of_unknown_length();
                let digests = engine.hash_reader(reader, layout, options, deposit);
                digests.map(|digests| Digested {
                    digests,
                    hole_bytes: 0,
                })
            }
        };
        digested.map_err(|error| {
            Failure::from(Error::Provider {
                object: printable::name(name),
                operation: "digest",
                source: Some(Box::new(error)),
            })
            .with_next(AGAIN)
        })
    }
}

/// The length of a file or a device, if it is a fact before it is read.
fn length_of(file: &mut File, metadata: &Metadata) -> io::Result<Option<u64>> {
    if metadata.file_type().is_block_device() {
        return file.seek(SeekFrom::End(0)).map(Some);
    }
    if !metadata.is_file() || is_made_as_read(file) {
        return Ok(None);
    }
    // Other file systems, too, have files that say that they are empty and are not.
    let is_fact = metadata.len() > 0 || matches!(file.read_at(&mut [0], 0), Ok(0));
    Ok(is_fact.then_some(metadata.len()))
}

/// Whether the file system is one whose files are made as they are read: below /proc they say that they are empty, and
/// below /sys that they have a page, whatever reading gives. They are read as a pipe is, to their end.
/// Source: the numbers are those of statfs(2), Linux man-pages 6.03, and of linux/magic.h.
fn is_made_as_read(file: &File) -> bool {
    const MADE_AS_READ: [FsWord; 9] = [
        0x9fa0,      // proc
        0x6265_6572, // sysfs
        0x6462_6720, // debugfs
        0x7472_6163, // tracefs
        0x7363_6673, // securityfs
        0x6265_6570, // configfs
        0x0027_e0eb, // cgroup
        0x6367_7270, // cgroup2
        0x4249_4e4d, // binfmt_misc
    ];
    fstatfs(file).is_ok_and(|system| MADE_AS_READ.contains(&system.f_type))
}

/// Refuses a file that became longer or shorter while it was read, or that goes on where it says that it ends: its
/// digest is of nothing that there is.
fn must_end_there(file: &File, length_bytes: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    if metadata.len() != length_bytes {
        let now = metadata.len();
        return Err(io::Error::other(format!(
            "it had {length_bytes} bytes and has {now} now: something writes to it"
        )));
    }
    if file.read_at(&mut [0], length_bytes)? > 0 {
        return Err(io::Error::other(format!(
            "it goes on after the {length_bytes} bytes that it is said to have; a pipe reads it to its end"
        )));
    }
    Ok(())
}

/// Refuses a file that was changed since it was opened, as far as its times tell: its digest may be of bytes that never
/// were in it together. A device has no times that say so.
fn must_be_as(opened: &Metadata, file: &File) -> io::Result<()> {
    let times = |file: &Metadata| (file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec());
    let now = file.metadata()?;
    if now.is_file() && times(&now) != times(opened) {
        let what = if now.modified().ok() == opened.modified().ok() {
            "its attributes were changed, or its time was set back"
        } else {
            "something writes to it"
        };
        return Err(io::Error::other(format!(
            "it was changed while it was read: {what}"
        )));
    }
    Ok(())
}

/// Opens a file to be read to its end.
pub(super) fn open(name: &OsStr) -> Result<File, Failure> {
    let shown = printable::name(name);
    let file = File::open(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::system(&shown, "open", error),
        _ => Failure::system(&shown, "open", error).with_next(AGAIN),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        let reason = "it is a directory; name the files in it".to_owned();
        return Err(Error::Refused {
            object: shown,
            reason,
        }
        .into());
    }
    Ok(file)
}

fn unreadable(name: &OsStr, error: io::Error) -> Failure {
    Failure::system(&printable::name(name), "read", error).with_next(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_no_fact_is_not_taken_for_one() {
        let length = |path: &str| {
            let mut file = File::open(path).unwrap();
            let metadata = file.metadata().unwrap();
            (metadata.len(), length_of(&mut file, &metadata).unwrap())
        };
        assert_eq!(length("/proc/version"), (0, None));
        assert_eq!(length("/sys/devices/system/cpu/possible"), (4096, None));
        let empty = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(length(empty.path().to_str().unwrap()), (0, Some(0)));
    }

    #[test]
    fn a_file_that_was_written_to_meanwhile_is_refused_though_its_length_is_the_same() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"before", 0).unwrap();
        let opened = file.metadata().unwrap();
        must_be_as(&opened, &file).unwrap();
        file.write_all_at(b"after!", 0).unwrap();
        let later = opened.modified().unwrap() + std::time::Duration::from_secs(1);
        file.set_modified(later).unwrap();
        let refused = must_be_as(&opened, &file).unwrap_err();
        assert!(refused.to_string().contains("something writes"), "{refused}");
        // Who sets the time back changes another that nobody can set. It counts in ticks of a clock.
        std::thread::sleep(std::time::Duration::from_millis(20));
        file.set_modified(opened.modified().unwrap()).unwrap();
        let refused = must_be_as(&opened, &file).unwrap_err();
        assert!(refused.to_string().contains("set back"), "{refused}");
    }

    #[test]
    fn a_file_that_goes_on_after_its_end_is_refused() {
        // It says that it is empty, as a file of an unknown file system might.
        let file = File::open("/proc/version").unwrap();
        let refused = must_end_there(&file, 0).unwrap_err();
        assert!(refused.to_string().contains("goes on"), "{refused}");
        let refused = must_end_there(&file, 7).unwrap_err();
        assert!(refused.to_string().contains("something writes"), "{refused}");
    }
}
