use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent, ReadFault};
use custody_core::{Error, Result};
use rustix::io::Errno;

use super::aligned::AlignedBuffer;
use super::errno::{self, Meaning};
use super::health::Health;
use super::medium::{Medium, Way};
use super::options::OnReadError;

/// How a failing medium is treated.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecoveryPolicy {
    /// How often a sector that failed is tried again.
    pub(super) retries: u32,
    /// What becomes of a sector that fails every time.
    pub(super) on_read_error: OnReadError,
}

/// Reads a range in which something fails, down to one sector.
///
/// The range is read past the page cache in halves; a half that reads well tells that the other one is
/// bad without trying it. Beside a sector that failed the next is tried alone, so that a bad run of *n*
/// sectors costs *n* x (1 + retries) reads of one sector and about 2 x log2(sectors of the range)
/// longer ones, not twice as many. Every sector that is given as unread was tried by itself; every
/// byte that is given as data was read.
#[derive(Debug)]
pub(super) struct Recovery<'a> {
    medium: &'a dyn Medium,
    policy: RecoveryPolicy,
    health: &'a Health,
    cancelled: &'a AtomicBool,
    way: Way,
    sector: u64,
    whole: ByteRange,
    memory: AlignedBuffer,
    pieces: Vec<Piece>,
}

/// What became of a range.
#[derive(Debug)]
struct Piece {
    range: ByteRange,
    fault: Option<ReadFault>,
}

/// A range still to be settled.
#[derive(Debug, Clone, Copy)]
enum Pending {
    Untried(ByteRange),
    /// It holds a bad sector. `tried`: how often exactly this range was read.
    Fails {
        range: ByteRange,
        tried: u32,
        error: Errno,
    },
}

/// What one read of a range gave: the bytes that are good from its start on, and the error that ended it.
#[derive(Debug)]
struct Attempt {
    good: u64,
    error: Option<Errno>,
}

impl<'a> Recovery<'a> {
    pub(super) fn new(
        medium: &'a dyn Medium,
        policy: RecoveryPolicy,
        health: &'a Health,
        cancelled: &'a AtomicBool,
    ) -> Self {
        Self {
            medium,
            policy,
            health,
            cancelled,
            way: Way::Direct,
            sector: u64::from(medium.sector_bytes().max(1)),
            whole: ByteRange::at(0, 0),
            memory: AlignedBuffer::new(0),
            pieces: Vec::new(),
        }
    }

    /// Consecutive extents that cover exactly `range`, in which a read failed with `error`.
    pub(super) fn recover(mut self, range: ByteRange, error: Errno) -> Result<Vec<Extent>> {
        let start = range.start() / self.sector * self.sector;
        let end = range.end().div_ceil(self.sector) * self.sector;
        self.whole = ByteRange::new(start, end.min(self.medium.length()))?;
        let bytes = usize::try_from(end - start).map_err(|e| Error::misuse(e.to_string()))?;
        self.memory = AlignedBuffer::new(bytes);
        let mut pending = vec![Pending::Fails {
            range: self.whole,
            tried: 0,
            error,
        }];
        while let Some(next) = pending.pop() {
            self.settle(next, &mut pending)?;
        }
        Ok(self.extents(range))
    }

    fn settle(&mut self, next: Pending, pending: &mut Vec<Pending>) -> Result<()> {
        match next {
            Pending::Untried(range) if self.is_beside_bad(range) && range.length() > self.sector => {
                let (first, rest) = cut(range, self.sector)?;
                pending.push(Pending::Untried(rest));
                pending.push(Pending::Untried(first));
            }
            Pending::Untried(range) => {
                if let Some(fails) = self.attempt(range)? {
                    pending.push(fails);
                }
            }
            Pending::Fails { range, tried, error } if range.length() <= self.sector => {
                self.try_sector(range, tried, error)?;
            }
            Pending::Fails { range, error, .. } => {
                let half = range.length() / 2 / self.sector * self.sector;
                let (left, right) = cut(range, half.max(self.sector))?;
                if self.is_beside_bad(left) {
                    pending.push(Pending::Untried(right));
                    pending.push(Pending::Untried(left));
                } else if let Some(fails) = self.attempt(left)? {
                    pending.push(Pending::Untried(right));
                    pending.push(fails);
                } else {
                    pending.push(Pending::Fails {
                        range: right,
                        tried: 0,
                        error,
                    });
                }
            }
        }
        Ok(())
    }

    /// Reads the range; what of it fails.
    fn attempt(&mut self, range: ByteRange) -> Result<Option<Pending>> {
        let Attempt { good, error } = self.read(range)?;
        if good > 0 {
            self.note_good(ByteRange::at(range.start(), good));
        }
        Ok(error.map(|error| Pending::Fails {
            range: ByteRange::at(range.start() + good, range.length() - good),
            tried: u32::from(good == 0),
            error,
        }))
    }

    fn try_sector(&mut self, range: ByteRange, tried: u32, error: Errno) -> Result<()> {
        let (mut tries, mut last) = (tried, error);
        while tries <= self.policy.retries {
            let attempt = self.read(range)?;
            tries += 1;
            match attempt.error {
                None => {
                    self.note_good(range);
                    return Ok(());
                }
                Some(error) => last = error,
            }
        }
        self.medium.check()?;
        match self.policy.on_read_error {
            OnReadError::Stop => Err(Error::Unreadable {
                object: self.medium.name().to_owned(),
                range,
                source: Some(std::io::Error::from(last).into()),
            }),
            OnReadError::Fill => {
                let fault = ReadFault::new(errno::name(last), tries);
                self.health.failed(self.medium, range, &fault.error)?;
                self.note(range, Some(fault));
                Ok(())
            }
        }
    }

    /// Reads the range once into its place in memory.
    fn read(&mut self, range: ByteRange) -> Result<Attempt> {
        let offset =
            usize::try_from(range.start() - self.whole.start()).map_err(|e| Error::misuse(e.to_string()))?;
        let mut good = 0;
        while good < range.length() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Error::Stopped {
                    object: self.medium.name().to_owned(),
                });
            }
            // The end of a file need not be the end of a sector; past the cache whole sectors are asked for.
            let wanted = (range.length() - good).div_ceil(self.sector) * self.sector;
            let (done, wanted) = (to_usize(good)?, to_usize(wanted)?);
            let into = self.memory.part_mut(offset + done, wanted);
            match self.medium.pread(self.way, range.start() + good, into) {
                Ok(0) => {
                    self.medium.check()?;
                    return Err(ended(self.medium, range.start() + good));
                }
                Ok(read) => {
                    let left = range.length() - good;
                    let read = (read as u64).min(left);
                    let whole_sectors = read / self.sector * self.sector;
                    if read == left || self.way == Way::Buffered {
                        good += read;
                    } else if whole_sectors > 0 {
                        good += whole_sectors;
                    } else {
                        self.way = Way::Buffered;
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => match errno::meaning(error) {
                    Meaning::Sectors => {
                        return Ok(Attempt {
                            good: good / self.sector * self.sector,
                            error: Some(error),
                        });
                    }
                    Meaning::Way if self.way == Way::Direct => self.way = Way::Buffered,
                    Meaning::Gone => {
                        return Err(errno::vanished(self.medium.name(), range, &errno::name(error)));
                    }
                    Meaning::Way | Meaning::Host => {
                        return Err(errno::failed_read(self.medium.name(), error));
                    }
                },
            }
        }
        Ok(Attempt { good, error: None })
    }

    fn is_beside_bad(&self, range: ByteRange) -> bool {
        self.pieces
            .last()
            .is_some_and(|piece| piece.fault.is_some() && piece.range.end() == range.start())
    }

    fn note_good(&mut self, range: ByteRange) {
        let last_sector = range.end().saturating_sub(1) / self.sector * self.sector;
        self.health.read(last_sector);
        self.note(range, None);
    }

    /// Pieces come in ascending order: what is pending lies on a stack, its lowest range on top.
    fn note(&mut self, range: ByteRange, fault: Option<ReadFault>) {
        if let Some(last) = self.pieces.last_mut()
            && last.range.end() == range.start()
            && last.fault == fault
        {
            last.range = ByteRange::at(last.range.start(), last.range.length() + range.length());
            return;
        }
        self.pieces.push(Piece { range, fault });
    }

    fn extents(self, asked: ByteRange) -> Vec<Extent> {
        let (memory, whole) = (self.memory, self.whole);
        self.pieces
            .into_iter()
            .filter_map(|piece| {
                let range = piece.range.intersect(asked)?;
                Some(match piece.fault {
                    Some(fault) => Extent::Unread { range, fault },
                    None => {
                        // Both fit: the memory holds the whole range.
                        let from = usize::try_from(range.start() - whole.start()).ok()?;
                        let length = usize::try_from(range.length()).ok()?;
                        Extent::Data {
                            at: range.start(),
                            bytes: Bytes::copy_from_slice(memory.part(from, length)),
                        }
                    }
                })
            })
            .collect()
    }
}

/// The error of a medium that ended before its length.
pub(super) fn ended(medium: &dyn Medium, at: u64) -> Error {
    Error::Integrity {
        object: medium.name().to_owned(),
        place: format!("byte {at}"),
        expected: format!("{} bytes, its length when it was opened", medium.length()),
        actual: "no more bytes: it changed while it was read".to_owned(),
    }
}

fn cut(range: ByteRange, length: u64) -> Result<(ByteRange, ByteRange)> {
    let middle = range.start().saturating_add(length).min(range.end());
    Ok((
        ByteRange::new(range.start(), middle)?,
        ByteRange::new(middle, range.end())?,
    ))
}

fn to_usize(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|e| Error::misuse(e.to_string()))
}
