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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::failing_medium::FailingMedium;
    use super::*;

    const KIB: u64 = 1024;

    fn medium(length: u64, holes: Option<Vec<(u64, u64)>>) -> FailingMedium {
        FailingMedium {
            bytes: vec![0; usize::try_from(length).unwrap()],
            holes,
            ..FailingMedium::default()
        }
    }

    /// All spans of the range, asked for until it ends.
    fn all(medium: &FailingMedium, within: ByteRange) -> Vec<Span> {
        let mut all: Vec<Span> = Vec::new();
        let mut next = within.start();
        while next < within.end() {
            for span in spans(medium, ByteRange::new(next, within.end()).unwrap()).unwrap() {
                assert_eq!(span.range().start(), next);
                assert!(!span.range().is_empty());
                next = span.range().end();
                all.push(span);
            }
        }
        assert_eq!(next, within.end());
        all
    }

    #[test]
    fn a_medium_without_account_of_holes_is_all_data() {
        let range = ByteRange::at(5, 1000 * KIB);
        assert_eq!(all(&medium(2000 * KIB, None), range), [Span::Data(range)]);
    }

    #[test]
    fn small_holes_are_data_and_large_ones_zeros() {
        let holes = vec![
            (8 * KIB, 64 * KIB),
            (128 * KIB, 192 * KIB),
            (900 * KIB, 1000 * KIB),
        ];
        let told = all(&medium(1000 * KIB, Some(holes)), ByteRange::at(0, 1000 * KIB));
        let zero = |start: u64, end: u64| {
            Span::Zero(
                ByteRange::new(start * KIB, end * KIB).unwrap(),
                ZeroWord::FileSystemHole,
            )
        };
        let data = |start: u64, end: u64| Span::Data(ByteRange::new(start * KIB, end * KIB).unwrap());
        assert_eq!(
            told,
            [data(0, 128), zero(128, 192), data(192, 900), zero(900, 1000)]
        );
    }

    #[test]
    fn more_holes_than_one_step_looks_for_are_told_in_several() {
        let holes: Vec<(u64, u64)> = (0..3000).map(|n| (n * 8 + 4, n * 8 + 8)).collect();
        let last = 3000 * 8;
        let length = last + 100 * KIB;
        let mut holes = holes;
        holes.push((last, length));
        let told = all(&medium(length, Some(holes)), ByteRange::at(0, length));
        assert!(matches!(told.last(), Some(Span::Zero(range, _)) if range.length() >= 100 * KIB));
    }

    #[test]
    fn a_file_that_was_cut_gives_no_word_on_holes() {
        let mut medium = medium(1000 * KIB, Some(vec![(0, 1000 * KIB)]));
        medium.shrinks = Some(0);
        medium.reads.store(1, std::sync::atomic::Ordering::Relaxed);
        assert!(spans(&medium, ByteRange::at(0, 1000 * KIB)).is_err());
    }

    proptest! {
        #[test]
        fn zeros_are_told_only_of_holes(
            cuts in prop::collection::btree_set(0_u64..2000, 0..20),
            a in 0_u64..2000 * KIB,
            b in 0_u64..2000 * KIB,
        ) {
            let cuts: Vec<u64> = cuts.into_iter().map(|cut| cut * KIB).collect();
            let holes: Vec<(u64, u64)> = cuts
                .chunks_exact(2)
                .filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
                .collect();
            let within = ByteRange::new(a.min(b), a.max(b)).unwrap();
            for span in all(&medium(2000 * KIB, Some(holes.clone())), within) {
                if let Span::Zero(range, _) = span {
                    prop_assert!(range.length() >= MIN_HOLE_BYTES);
                    prop_assert!(holes.iter().any(|(s, e)| *s <= range.start() && range.end() <= *e));
                }
            }
        }
    }
}
