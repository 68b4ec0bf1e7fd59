//! Which bytes of a file are read, and how many were.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use custody_hash::ImageAt;

/// What is done about the holes that a file system names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    /// They are zeros, and are not read.
    Trust,
    /// Everything is read.
    Read,
}

/// A file that counts what is read of it.
#[derive(Debug)]
pub(super) struct CountedReads<'a> {
    file: &'a File,
    holes: Holes,
    read_bytes: AtomicU64,
}

impl<'a> CountedReads<'a> {
    pub(super) const fn new(file: &'a File, holes: Holes) -> Self {
        Self {
            file,
            holes,
            read_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

impl ImageAt for CountedReads<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], at_bytes: u64) -> io::Result<()> {
        ImageAt::read_exact_at(self.file, buffer, at_bytes)?;
        self.read_bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn next_data(&self, at_bytes: u64) -> io::Result<Option<Range<u64>>> {
        match self.holes {
            Holes::Trust => self.file.next_data(at_bytes),
            Holes::Read => Ok(Some(at_bytes..u64::MAX)),
        }
    }

    fn will_read(&self, range: Range<u64>) {
        self.file.will_read(range);
    }
}
