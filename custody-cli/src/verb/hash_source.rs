//! What `custody hash` reads, and how.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Seek as _, SeekFrom};
use std::os::unix::fs::FileTypeExt as _;

use custody_core::Error;
use custody_hash::{ChunkRun, Engine, ImageDigests, ImageLayout, ImageOptions};

use super::hash::AGAIN;
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
    /// A file or a device with a length: read at any place, its holes left out.
    Image { file: File, length_bytes: u64 },
    /// A pipe, or anything else that is read until it ends.
    Stream(Box<dyn io::Read>),
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(name: &OsStr) -> Result<Self, Failure> {
        if name == "-" {
            return Ok(Self::Stream(Box::new(io::stdin().lock())));
        }
        let mut file = open(name)?;
        let metadata = file.metadata().map_err(|error| unreadable(name, error))?;
        let length_bytes = if metadata.is_file() {
            metadata.len()
        } else if metadata.file_type().is_block_device() {
            file.seek(SeekFrom::End(0))
                .map_err(|error| unreadable(name, error))?
        } else {
            0
        };
        // Files that are made as they are read, below /proc for one, say that they are empty.
        Ok(match length_bytes {
            0 => Self::Stream(Box::new(file)),
            length_bytes => Self::Image { file, length_bytes },
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
        engine: &Engine,
        mut deposit: impl FnMut(&ChunkRun) -> io::Result<()>,
    ) -> Result<ImageDigests, Failure> {
        let deposit = |run: ChunkRun| deposit(&run);
        let digests = match (self, wanted) {
            (Self::Image { file, length_bytes }, wanted) => {
                let digests = match wanted {
                    Wanted::Tree => engine.hash_tree(&file, length_bytes, deposit),
                    Wanted::Whole(options) => {
                        engine.hash_image(&file, ImageLayout::new(length_bytes), options, deposit)
                    }
                };
                if digests.is_ok() {
                    must_be_as_long(&file, length_bytes).map_err(|error| unreadable(name, error))?;
                }
                digests
            }
            (Self::Stream(reader), wanted) => {
                let options = match wanted {
                    Wanted::Whole(options) => options,
                    Wanted::Tree => {
                        ImageOptions::default().with_whole_digests(custody_hash::WholeDigests::Omit)
                    }
                };
                engine.hash_reader(reader, ImageLayout::of_unknown_length(), options, deposit)
            }
        };
        digests.map_err(|error| {
            Failure::from(Error::Provider {
                object: printable::name(name),
                operation: "digest",
                source: Some(Box::new(error)),
            })
            .with_next(AGAIN)
        })
    }
}

/// Refuses a file that became longer or shorter while it was read: its digest is of nothing that there is.
fn must_be_as_long(file: &File, length_bytes: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() != length_bytes {
        let now = metadata.len();
        return Err(io::Error::other(format!(
            "it had {length_bytes} bytes and has {now} now: something writes to it"
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
