use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use custody_core::extent::ByteRange;
use custody_core::{Error, Result};
use rustix::io::Errno;

use super::aligned::AlignedBuffer;
use super::errno::{self, Meaning};
use super::medium::{Medium, Way};

/// After so many failed sectors without one that could be read, the medium itself is doubted.
const DOUBT_AFTER_SECTORS: u64 = 128;
const NONE: u64 = u64::MAX;

/// What is known of a medium from reading it: whether bad sectors are its fault in places, or its end.
///
/// A dead controller or a bridge that hangs answers `EIO` to everything, and would be recorded as
/// gigabytes of bad sectors. So, after [`DOUBT_AFTER_SECTORS`] failures in a row, sectors that were read
/// before (or, where there are none, the first, the middle and the last one) are read once more past the
/// page cache; if none answers, the medium has failed as a whole and reading ends with an error.
#[derive(Debug)]
pub(super) struct Health {
    first_good: AtomicU64,
    last_good: AtomicU64,
    failed_in_a_row: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            first_good: AtomicU64::new(NONE),
            last_good: AtomicU64::new(NONE),
            failed_in_a_row: AtomicU64::new(0),
        }
    }
}

impl Health {
    /// The sector at `at` was read.
    pub(super) fn read(&self, at: u64) {
        // Only the first caller sets it; that another one was first is no failure.
        if self.first_good.load(Ordering::Relaxed) == NONE {
            self.first_good.store(at, Ordering::Relaxed);
        }
        self.last_good.store(at, Ordering::Relaxed);
        self.failed_in_a_row.store(0, Ordering::Relaxed);
    }

    /// A sector could not be read.
    ///
    /// # Errors
    /// `NotFound` when the medium is gone; `Provider` when nothing of it can be read any more.
    pub(super) fn failed(&self, medium: &dyn Medium, range: ByteRange, why: &str) -> Result<()> {
        let failed = self.failed_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if failed.is_multiple_of(DOUBT_AFTER_SECTORS) {
            self.examine(medium, range, why)?;
        }
        Ok(())
    }

    fn examine(&self, medium: &dyn Medium, range: ByteRange, why: &str) -> Result<()> {
        let sector = u64::from(medium.sector_bytes().max(1));
        let sectors = medium.length() / sector;
        let known = [&self.last_good, &self.first_good].map(|at| at.load(Ordering::Relaxed));
        let places = known
            .into_iter()
            .chain([0, sectors / 2 * sector, sectors.saturating_sub(1) * sector]);
        for at in places.filter(|at| *at != NONE) {
            match probe(medium, at) {
                Ok(read) if read > 0 => return Ok(()),
                Err(error) if errno::meaning(error) == Meaning::Gone => {
                    return Err(errno::vanished(medium.name(), range, &errno::name(error)));
                }
                _ => {}
            }
        }
        Err(Error::Provider {
            object: medium.name().to_owned(),
            operation: "read",
            source: Some(
                io::Error::other(format!(
                    "at bytes {range} ({why}) and after {DOUBT_AFTER_SECTORS} failed sectors in a row no other \
                     sector answers either: the device has failed as a whole; power it off, let it rest, and \
                     run `custody resume`"
                ))
                .into(),
            ),
        })
    }
}

/// Reads one sector past the page cache, or through it where there is no other way.
fn probe(medium: &dyn Medium, at: u64) -> Result<usize, Errno> {
    let sector = medium.sector_bytes() as usize;
    let mut buffer = AlignedBuffer::new(sector);
    let at = at / sector.max(1) as u64 * sector as u64;
    match medium.pread(Way::Direct, at, buffer.part_mut(0, sector)) {
        Err(error) if errno::meaning(error) == Meaning::Way => {
            medium.pread(Way::Buffered, at, buffer.part_mut(0, sector))
        }
        answer => answer,
    }
}
