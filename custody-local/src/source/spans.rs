use custody_core::Result;
use custody_core::extent::{ByteRange, Span, ZeroWord};
use rustix::io::Errno;

use super::errno::{self, Meaning};
use super::medium::Medium;

/// Smaller holes are read: asking and recording would cost more than reading them.
pub(super) const MIN_HOLE_BYTES: u64 = 64 * 1024;
/// Holes looked for before the answer is handed on: bounds memory and time of one step.
const MAX_SEEKS: usize = 1024;

/// What the file system says of the beginning of `within`, one medium's range: spans that follow each other
/// from its start, at least one. It may end before the range does; then ask again from there.
///
/// A medium that keeps no account of holes, a device for one, is all data. Seeking moves the shared file
/// offset, which nothing here reads from.
///
/// # Errors
/// `Integrity` when the medium was written or cut since it was opened: its holes are then no one's word.
pub(super) fn spans(medium: &dyn Medium, within: ByteRange) -> Result<Vec<Span>> {
    let mut spans = Vec::new();
    // Data not yet handed on begins here; holes are looked for from `at` on.
    let (mut data_from, mut at) = (within.start(), within.start());
    for _ in 0..MAX_SEEKS {
        if at >= within.end() {
            break;
        }
        let Some(hole) = next_hole(medium, at, within)? else {
            at = within.end();
            break;
        };
        if hole.length() >= MIN_HOLE_BYTES {
            if data_from < hole.start() {
                spans.push(Span::Data(ByteRange::new(data_from, hole.start())?));
            }
            spans.push(Span::Zero(hole, ZeroWord::FileSystemHole));
            data_from = hole.end();
        }
        at = hole.end();
    }
    if data_from < at {
        spans.push(Span::Data(ByteRange::new(data_from, at)?));
    }
    // ENXIO, "only a hole from here on", is also what a file answers that was cut before here.
    medium.check()?;
    Ok(spans)
}

/// The next hole at or after `at`, cut to the range; `None` when all from `at` on is data.
fn next_hole(medium: &dyn Medium, at: u64, within: ByteRange) -> Result<Option<ByteRange>> {
    let hole = match seek(medium, medium.seek_hole(at))? {
        Seek::At(hole) if hole < within.end() => hole.max(at),
        _ => return Ok(None),
    };
    let end = match seek(medium, medium.seek_data(hole))? {
        Seek::At(data) => data,
        Seek::Nothing => within.end(),
        Seek::NoAccount => return Ok(None),
    };
    let end = end.min(within.end());
    if end <= hole {
        return Ok(None);
    }
    Ok(Some(ByteRange::new(hole, end)?))
}

enum Seek {
    At(u64),
    Nothing,
    /// The file system, or the device, does not tell.
    NoAccount,
}

fn seek(medium: &dyn Medium, answer: Result<u64, Errno>) -> Result<Seek> {
    match answer {
        Ok(at) => Ok(Seek::At(at)),
        Err(Errno::NXIO) => Ok(Seek::Nothing),
        Err(Errno::SPIPE | Errno::NOSYS) => Ok(Seek::NoAccount),
        // What cannot be told is read; the read then says what is wrong with it.
        Err(error) => match errno::meaning(error) {
            Meaning::Way | Meaning::Sectors => Ok(Seek::NoAccount),
            Meaning::Gone | Meaning::Host => Err(errno::failed_read(medium.name(), error)),
        },
    }
}
