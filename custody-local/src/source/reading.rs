use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use custody_core::extent::{ByteRange, Extent};
use custody_core::{Error, Result};
use rustix::io::Errno;

use super::errno::{self, Meaning};
use super::health::Health;
use super::medium::{Medium, Way};
use super::recovery::{Recovery, RecoveryPolicy, ended};

/// The most that is held in one piece; a longer range comes as several extents.
pub(super) const MAX_PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a range of one medium: consecutive extents that cover it exactly.
///
/// # Errors
/// `Integrity` when the medium ends early or was written since it was opened, `NotFound` when it is gone,
/// `Unreadable` when a sector fails and the policy says stop, `Provider` when the host fails.
pub(super) fn read_range(
    medium: &dyn Medium,
    range: ByteRange,
    policy: RecoveryPolicy,
    health: &Health,
    cancelled: &AtomicBool,
) -> Result<Vec<Extent>> {
    let mut extents = Vec::new();
    for piece in range.pieces(MAX_PIECE_BYTES) {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Stopped {
                object: medium.name().to_owned(),
            });
        }
        let (bytes, error) = read_piece(medium, piece)?;
        let good = bytes.len() as u64;
        if good > 0 {
            let sector = u64::from(medium.sector_bytes().max(1));
            health.read((piece.start() + good - 1) / sector * sector);
            extents.push(Extent::Data {
                at: piece.start(),
                bytes,
            });
        }
        if let Some(error) = error {
            let rest = ByteRange::new(piece.start() + good, piece.end())?;
            let recovery = Recovery::new(medium, policy, health, cancelled);
            extents.extend(recovery.recover(rest, error)?);
        }
        medium.check()?;
    }
    Ok(extents)
}

/// The good bytes from the start of the piece on, and the medium's error where one ended them.
fn read_piece(medium: &dyn Medium, piece: ByteRange) -> Result<(Bytes, Option<Errno>)> {
    let length = usize::try_from(piece.length()).map_err(|e| Error::misuse(e.to_string()))?;
    let mut memory = vec![0; length];
    let mut good = 0;
    while let Some(into) = memory.get_mut(good..).filter(|into| !into.is_empty()) {
        match medium.pread(Way::Buffered, piece.start() + good as u64, into) {
            Ok(0) => {
                medium.check()?;
                return Err(ended(medium, piece.start() + good as u64));
            }
            Ok(read) => good += read,
            Err(Errno::INTR) => {}
            Err(error) => match errno::meaning(error) {
                Meaning::Sectors => {
                    memory.truncate(good);
                    return Ok((memory.into(), Some(error)));
                }
                Meaning::Gone => return Err(errno::vanished(medium.name(), piece, &errno::name(error))),
                Meaning::Way | Meaning::Host => return Err(errno::failed_read(medium.name(), error)),
            },
        }
    }
    Ok((memory.into(), None))
}
