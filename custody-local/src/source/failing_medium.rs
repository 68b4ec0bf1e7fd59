//! A medium that fails as a test says, sector by sector.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use custody_core::{Error, Result};
use rustix::io::Errno;

use super::medium::{Medium, Way};

pub(super) const SECTOR: u64 = 512;
const PAGE: u64 = 4096;

/// Sector `n` is filled with a byte that tells its number; what is bad fails.
#[derive(Debug, Default)]
pub(super) struct FailingMedium {
    pub(super) bytes: Vec<u8>,
    /// Sectors that always fail.
    pub(super) bad: BTreeSet<u64>,
    /// Sectors that fail so many times more, then read well.
    pub(super) weak: Mutex<BTreeMap<u64, u32>>,
    /// After so many reads everything fails with this.
    pub(super) dies: Option<(u64, Errno)>,
    /// After so many reads the kernel sees no bytes any more.
    pub(super) shrinks: Option<u64>,
    /// The error of a bad sector.
    pub(super) error: Option<Errno>,
    /// `O_DIRECT` is not offered.
    pub(super) buffered_only: bool,
    /// The most that one read gives.
    pub(super) at_most: Option<usize>,
    /// Holes, as the file system tells them; `None` when it tells none.
    pub(super) holes: Option<Vec<(u64, u64)>>,
    pub(super) reads: AtomicU64,
    pub(super) sectors_tried: Mutex<BTreeMap<u64, u32>>,
}

impl FailingMedium {
    pub(super) fn of_sectors(sectors: u64) -> Self {
        Self::of_bytes(sectors * SECTOR)
    }

    pub(super) fn of_bytes(bytes: u64) -> Self {
        let byte = |at: u64| u8::try_from((at / SECTOR + at / SECTOR / 251 + at) % 251).unwrap();
        Self {
            bytes: (0..bytes).map(byte).collect(),
            ..Self::default()
        }
    }

    pub(super) fn with_bad(mut self, sectors: impl IntoIterator<Item = u64>) -> Self {
        self.bad.extend(sectors);
        self
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Whether a read of this sector fails now.
    fn fails(&self, sector: u64) -> bool {
        if self.bad.contains(&sector) {
            return true;
        }
        match self.weak.lock().unwrap().get_mut(&sector) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

impl Medium for FailingMedium {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn sector_bytes(&self) -> u32 {
        512
    }

    fn pread(&self, way: Way, at: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        if way == Way::Direct {
            if self.buffered_only {
                return Err(Errno::INVAL);
            }
            let aligned = at.is_multiple_of(SECTOR)
                && (into.len() as u64).is_multiple_of(SECTOR)
                && into.as_ptr().align_offset(512) == 0;
            assert!(
                aligned,
                "a direct read of {} bytes at {at} is not aligned",
                into.len()
            );
        }
        if let Some((after, error)) = self.dies
            && reads >= after
        {
            return Err(error);
        }
        if self.shrinks.is_some_and(|after| reads >= after) {
            return Ok(0);
        }
        let end = (at + into.len() as u64)
            .min(self.length())
            .min(at.saturating_add(self.at_most.unwrap_or(usize::MAX) as u64));
        if at >= end {
            return Ok(0);
        }
        if end - at <= SECTOR {
            *self.sectors_tried.lock().unwrap().entry(at / SECTOR).or_default() += 1;
        }
        // The page cache reads whole pages, and gives what precedes the page that failed.
        let unit = if way == Way::Buffered { PAGE } else { SECTOR };
        let mut good_until = at;
        for start in (at / unit * unit..end).step_by(usize::try_from(unit).unwrap()) {
            let sectors = start / SECTOR..(start + unit) / SECTOR;
            let failed = sectors.into_iter().filter(|sector| self.fails(*sector)).count() > 0;
            if failed {
                break;
            }
            good_until = (start + unit).min(end);
        }
        if good_until <= at || (way == Way::Direct && good_until < end) {
            return Err(self.error.unwrap_or(Errno::IO));
        }
        let (from, to) = (usize::try_from(at).unwrap(), usize::try_from(good_until).unwrap());
        into[..to - from].copy_from_slice(&self.bytes[from..to]);
        Ok(to - from)
    }

    fn seek_data(&self, at: u64) -> Result<u64, Errno> {
        let holes = self.holes.as_ref().ok_or(Errno::INVAL)?;
        let mut at = at;
        for (start, end) in holes {
            if (*start..*end).contains(&at) {
                at = *end;
            }
        }
        if at < self.length() {
            Ok(at)
        } else {
            Err(Errno::NXIO)
        }
    }

    fn seek_hole(&self, at: u64) -> Result<u64, Errno> {
        let holes = self.holes.as_ref().ok_or(Errno::INVAL)?;
        if at >= self.length() {
            return Err(Errno::NXIO);
        }
        let next = holes.iter().find(|(_, end)| *end > at);
        Ok(next.map_or(self.length(), |(start, _)| (*start).max(at)))
    }

    fn check(&self) -> Result<()> {
        match self.shrinks {
            Some(after) if self.reads() > after => Err(Error::Integrity {
                object: "failing".into(),
                place: "its length".into(),
                expected: self.length().to_string(),
                actual: "0".into(),
            }),
            _ => Ok(()),
        }
    }
}
