use std::sync::Arc;

use custody_testkit::conformance::{clock, digest_register, entropy, timestamp_authority};
use custody_testkit::fault::{
    ClockFault, EntropyFault, FaultyClock, FaultyEntropy, FaultyRegister, FaultyTimestamps, RegisterFault,
    TimestampFault,
};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_clock_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        clock::CLAUSES,
        |fault| harness::clock(|clock| Arc::new(FaultyClock::new(clock, fault))),
        &[
            (
                ClockFault::GoesBack,
                &["cl_01_the_monotonic_clock_does_not_go_back"],
            ),
            (
                ClockFault::WakesEarly,
                &["cl_02_a_sleep_ends_no_earlier_than_asked"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_entropy_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        entropy::CLAUSES,
        |fault| harness::entropy(|entropy| Arc::new(FaultyEntropy::new(entropy, fault))),
        &[
            (EntropyFault::Repeats, &["en_01_every_byte_is_drawn_anew"]),
            (
                EntropyFault::FillsOnlyTheStart,
                &["en_01_every_byte_is_drawn_anew"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_digest_register_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        digest_register::CLAUSES,
        |fault| harness::register(|register| Arc::new(FaultyRegister::new(register, fault))),
        &[
            (
                RegisterFault::RefusesTheSame,
                &["dr_01_the_same_digest_again_is_adopted"],
            ),
            (
                RegisterFault::IgnoresAnother,
                &["dr_02_another_digest_is_refused_and_the_first_stays"],
            ),
            (RegisterFault::FindsNothing, &["dr_03_what_was_put_is_found"]),
            (
                RegisterFault::CallsUnknownNothing,
                &["dr_03_what_cannot_be_told_is_an_error"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_timestamp_authority_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        timestamp_authority::CLAUSES,
        |fault| harness::authority(|authority| Arc::new(FaultyTimestamps::new(authority, fault))),
        &[
            (
                TimestampFault::StampsTheDigestsDigest,
                &["ta_01_the_token_is_over_the_message"],
            ),
            (
                TimestampFault::RefusalIsAnEmptyToken,
                &["ta_02_no_answer_is_an_error"],
            ),
        ],
    );
}
