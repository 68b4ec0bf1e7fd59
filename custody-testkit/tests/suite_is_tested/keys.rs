use std::sync::Arc;

use custody_testkit::conformance::{key_escrow, key_prover, key_source, key_wrapper};
use custody_testkit::fault::{
    EscrowFault, FaultyEscrow, FaultyKeySource, FaultyKeyWrapper, FaultyProver, KeySourceFault, ProverFault,
    WrapperFault,
};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_key_source_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        key_source::CLAUSES,
        |fault| harness::key_source(|source| Arc::new(FaultyKeySource::new(source, fault))),
        &[
            (
                KeySourceFault::CallsUnknownNone,
                &["ks_01_no_key_is_needed_only_where_that_is_said"],
            ),
            (
                KeySourceFault::FetchesTheFirstVersion,
                &["ks_02_exactly_the_named_version_is_fetched"],
            ),
            (KeySourceFault::ShowsKeys, &["ks_03_no_key_is_shown"]),
        ],
    );
}

#[test]
fn every_clause_of_key_wrapper_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        key_wrapper::CLAUSES,
        |fault| harness::key_wrapper(|wrapper| Arc::new(FaultyKeyWrapper::new(wrapper, fault))),
        &[
            (
                WrapperFault::CutsKeys,
                &["kw_01_what_is_wrapped_unwraps_to_the_same_bytes"],
            ),
            (
                WrapperFault::KeepsThePlainKey,
                &["kw_02_the_wrapped_form_does_not_hold_the_key"],
            ),
            (
                WrapperFault::UnwrapsChangedRecords,
                &["kw_03_what_was_changed_is_refused"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_key_escrow_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        key_escrow::CLAUSES,
        |fault| harness::escrow(|escrow| Arc::new(FaultyEscrow::new(escrow, fault))),
        &[
            (
                EscrowFault::CutsRecords,
                &[
                    "ke_01_what_was_deposited_is_withdrawn",
                    "ke_02_a_taken_name_keeps_its_key",
                ],
            ),
            (EscrowFault::IgnoresAnother, &["ke_02_a_taken_name_keeps_its_key"]),
            (
                EscrowFault::KeepsAnything,
                &["ke_04_a_key_in_plain_form_is_guarded_or_refused"],
            ),
            (
                EscrowFault::ListsTwice,
                &["ke_03_every_key_of_the_acquisition_is_listed_once"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_key_prover_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        key_prover::CLAUSES,
        |fault| harness::prover(|prover| Arc::new(FaultyProver::new(prover, fault))),
        &[
            (
                ProverFault::RemembersKeys,
                &["kp_01_opens_only_when_the_image_authenticates_the_key"],
            ),
            (
                ProverFault::CallsWrongKeysNotEncrypted,
                &[
                    "kp_02_wrong_keys_and_plain_images_are_told_apart",
                    "kp_04_an_empty_key_lists_what_is_encrypted_and_opens_nothing",
                ],
            ),
            (ProverFault::ReadsContent, &["kp_03_only_metadata_are_read"]),
            (
                ProverFault::OpensWithNothing,
                &["kp_04_an_empty_key_lists_what_is_encrypted_and_opens_nothing"],
            ),
            (
                ProverFault::LooksForNothing,
                &["kp_04_an_empty_key_lists_what_is_encrypted_and_opens_nothing"],
            ),
            (
                ProverFault::KeepsWhatItSaw,
                &["kp_05_no_encryption_is_said_with_what_was_seen_instead"],
            ),
        ],
    );
}
