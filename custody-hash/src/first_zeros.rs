//! Where zeros at the start of a stream lead.
//!
//! Every stream starts from the same state, so the states after some numbers of zero blocks can be known beforehand: a
//! hole at the start of an image, of a whole disk that was never written to for one, costs what lies beyond the last of
//! these. Later holes start from a state that nobody knew, and have to be gone through.

use crate::backend::State;

mod table;

use table::{STEP_BYTES, TABLE};

/// The longest known run of zeros that is no longer than so many blocks, if there is one.
pub(crate) fn after_at_most(blocks: u64) -> Option<(u64, State)> {
    let known = TABLE.partition_point(|(step, _)| step * (STEP_BYTES / 64) <= blocks);
    let (step, state) = TABLE.get(known.checked_sub(1)?)?;
    Some((step * (STEP_BYTES / 64), *state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{INITIAL, kernels};

    /// Goes through the table as far as `up_to_bytes` and compares.
    fn check(up_to_bytes: u64) {
        let (mut state, mut at) = (INITIAL, 0);
        for (step, known) in TABLE
            .iter()
            .take_while(|(step, _)| step * STEP_BYTES <= up_to_bytes)
        {
            let blocks = step * (STEP_BYTES / 64);
            kernels().compress_zeros(&mut [&mut state], blocks - at);
            at = blocks;
            assert_eq!(state, *known, "after {blocks} blocks of zeros");
        }
        assert!(at > 0);
    }

    #[test]
    fn the_table_holds_what_hashing_zeros_gives() {
        check(256 << 20);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn the_whole_table_holds_what_hashing_zeros_gives() {
        check(u64::MAX);
    }

    #[test]
    fn the_longest_run_that_fits_is_found() {
        assert!(after_at_most(STEP_BYTES / 64 - 1).is_none());
        let (first, _) = after_at_most(STEP_BYTES / 64).unwrap();
        assert_eq!(first, STEP_BYTES / 64);
        let (last, _) = after_at_most(u64::MAX).unwrap();
        assert_eq!(Some(last), TABLE.last().map(|(step, _)| step * (STEP_BYTES / 64)));
        assert!(TABLE.is_sorted_by(|(step, _), (next, _)| step < next));
    }
}
