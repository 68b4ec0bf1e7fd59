//! Telling an image what is read next, so that its device works while the processor does.

use crate::ImageAt;

/// How far ahead of the place that is read: enough for a device to have many requests in hand.
const AHEAD_BYTES: u64 = 16 << 20;
/// What is told at a time.
const STEP_BYTES: u64 = 4 << 20;

/// What a pass that reads in order has told its image.
pub(super) struct ReadAhead<'i, I> {
    image: &'i I,
    told_bytes: u64,
}

impl<'i, I: ImageAt> ReadAhead<'i, I> {
    pub(super) const fn of(image: &'i I) -> Self {
        Self { image, told_bytes: 0 }
    }

    /// Before something is read here, of data that goes up to `end_bytes`.
    pub(super) fn before(&mut self, at_bytes: u64, end_bytes: u64) {
        let due_bytes = at_bytes.saturating_add(AHEAD_BYTES).min(end_bytes);
        let from_bytes = self.told_bytes.max(at_bytes);
        let told = due_bytes.saturating_sub(from_bytes);
        if told >= STEP_BYTES || (told > 0 && due_bytes == end_bytes) {
            self.image.will_read(from_bytes..due_bytes);
            self.told_bytes = due_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, ops::Range, sync::Mutex};

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<Range<u64>>>);

    impl ImageAt for Told {
        fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
            Ok(())
        }

        fn will_read(&self, range: Range<u64>) {
            self.0.lock().unwrap().push(range);
        }
    }

    #[test]
    fn data_is_told_once_in_order_and_never_beyond_its_end() {
        const MIB: u64 = 1 << 20;
        let image = Told::default();
        let mut ahead = ReadAhead::of(&image);
        for (start, end) in [(0, 50 * MIB), (70 * MIB, 71 * MIB), (80 * MIB, 81 * MIB)] {
            for at in (start..end).step_by(1 << 20) {
                ahead.before(at, end);
                let told = image.0.lock().unwrap().last().unwrap().end;
                assert!(told > at && told <= at + AHEAD_BYTES);
            }
        }
        let told = image.0.lock().unwrap().clone();
        assert!(told.is_sorted_by(|one, next| one.end <= next.start), "{told:?}");
        let sum: u64 = told.iter().map(|range| range.end - range.start).sum();
        assert_eq!(sum, 52 * MIB, "{told:?}");
        assert!(told.len() < 16, "{told:?}");
    }
}
