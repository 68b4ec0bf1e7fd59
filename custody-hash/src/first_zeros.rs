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

/// How many of so many zeros at the start need not be gone through.
pub(crate) fn known_bytes(zero_bytes: u64) -> u64 {
    after_at_most(zero_bytes / 64).map_or(0, |(blocks, _)| blocks * 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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

    /// Each state follows from the one before it by the zeros that lie between them. So each can be shown by itself, and
    /// several at once; all together they show the table, as the first follows from where every stream starts. Says how
    /// many were shown.
    fn check_links(is_wanted: impl Fn(u64) -> bool) -> usize {
        let start = [(0, INITIAL)];
        let mut links: BTreeMap<u64, Vec<(State, u64, State)>> = BTreeMap::new();
        for ((from, before), (to, after)) in start.iter().chain(&TABLE).zip(&TABLE) {
            links.entry(to - from).or_default().push((*before, *to, *after));
        }
        let wanted = links.into_iter().filter(|(steps, _)| is_wanted(*steps));
        let mut shown = 0;
        for (steps, links) in wanted {
            let mut states: Vec<State> = links.iter().map(|(before, ..)| *before).collect();
            let mut borrowed: Vec<&mut State> = states.iter_mut().collect();
            kernels().compress_zeros(&mut borrowed, steps * (STEP_BYTES / 64));
            for (state, (_, to, after)) in states.iter().zip(&links) {
                assert_eq!(state, after, "after {to} steps");
            }
            shown += links.len();
        }
        shown
    }

    /// Steps of the longest link but two: a GiB.
    const GIB_STEPS: u64 = (1 << 30) / STEP_BYTES;

    #[test]
    #[ignore = "needs half a minute"]
    fn all_of_the_table_but_its_last_two_states_follows_from_the_start() {
        assert_eq!(check_links(|steps| steps <= GIB_STEPS), TABLE.len() - 2);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn the_last_two_states_of_the_table_follow_from_those_before() {
        assert_eq!(check_links(|steps| steps > GIB_STEPS), 2);
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
