//! The clauses of [`EvidenceSink`](custody_core::port::EvidenceSink) and its deposits.

mod deposit;
mod harness;
mod import;
mod refusal;
mod rereading;
mod state;

pub use deposit::{
    es_01_the_stored_bytes_are_the_written_bytes, es_02_a_taken_name_is_refused_and_keeps_what_it_has,
    es_03_nothing_is_visible_before_commit, es_04_a_committed_object_is_there_after_reopening,
    es_05_a_dropped_deposit_leaves_nothing, es_05_an_aborted_deposit_leaves_nothing,
    es_07_extents_must_cover_the_length_in_order, es_07_zero_and_unread_are_stored_as_zeros,
};
pub use harness::SinkHarness;
pub use import::{
    es_11_an_import_that_is_repeated_is_adopted, es_13_a_source_that_the_service_cannot_read_is_not_imported,
};
pub use refusal::{
    es_09_no_room_is_no_space_and_leaves_nothing, es_10_what_is_not_offered_is_unsupported,
    es_12_a_link_does_not_lead_outside, es_12_a_strange_name_is_that_name,
};
pub use rereading::es_14_bytes_are_wanted_again_only_where_they_can_be_had;
pub use state::{
    es_06_states_are_told_apart, es_06_what_cannot_be_told_is_an_error,
    es_08_no_more_protection_is_claimed_than_holds,
};

use super::clause::suite;

suite! { ($)
    /// Mounts the clauses of `EvidenceSink` as tests, on a [`SinkHarness`](crate::conformance::evidence_sink::SinkHarness).
    evidence_sink_conformance, evidence_sink, SinkHarness, [
        es_01_the_stored_bytes_are_the_written_bytes,
        es_02_a_taken_name_is_refused_and_keeps_what_it_has,
        es_03_nothing_is_visible_before_commit,
        es_04_a_committed_object_is_there_after_reopening,
        es_05_an_aborted_deposit_leaves_nothing,
        es_05_a_dropped_deposit_leaves_nothing,
        es_06_states_are_told_apart,
        es_06_what_cannot_be_told_is_an_error,
        es_07_extents_must_cover_the_length_in_order,
        es_07_zero_and_unread_are_stored_as_zeros,
        es_08_no_more_protection_is_claimed_than_holds,
        es_09_no_room_is_no_space_and_leaves_nothing,
        es_10_what_is_not_offered_is_unsupported,
        es_11_an_import_that_is_repeated_is_adopted,
        es_12_a_strange_name_is_that_name,
        es_12_a_link_does_not_lead_outside,
        es_13_a_source_that_the_service_cannot_read_is_not_imported,
        es_14_bytes_are_wanted_again_only_where_they_can_be_had,
    ]
}
