use std::sync::Arc;

use custody_testkit::conformance::{image_hasher, seal_signer};
use custody_testkit::fake::FakeSigner;
use custody_testkit::fault::{FaultyHasher, FaultySigner, HasherFault, SignerFault};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_image_hasher_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        image_hasher::CLAUSES,
        |fault| harness::hasher(|hasher| Arc::new(FaultyHasher::new(hasher, fault))),
        &[
            (
                HasherFault::OtherStoredFile,
                &["ih_01_the_stored_file_is_digested"],
            ),
            (
                HasherFault::RepeatsTheLastChunks,
                &["ih_02_each_chunk_is_digested_once_in_order"],
            ),
            (
                HasherFault::OtherRoot,
                &["ih_03_the_root_is_over_the_chunk_digests"],
            ),
            (
                HasherFault::OtherDiskData,
                &["ih_04_the_disk_data_is_digested_apart"],
            ),
            (
                HasherFault::StumblesOverTinyExtents,
                &["ih_05_how_a_stream_is_cut_changes_nothing"],
            ),
            (
                HasherFault::FillsGaps,
                &["ih_06_extents_must_cover_the_length_in_order"],
            ),
            (HasherFault::HoardsExtents, &["ih_07_memory_stays_bounded"]),
            (
                HasherFault::MixesImages,
                &["ih_08_many_images_at_once_are_as_each_alone"],
            ),
            (
                HasherFault::LeavesOutUnknownSideDigests,
                &["ih_09_an_unknown_side_digest_is_unsupported"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_seal_signer_is_failed_by_a_fault_made_for_it() {
    for signer in [
        FakeSigner::ed25519("custodian", 1),
        FakeSigner::ecdsa_p256("vault", 2),
    ] {
        assert_each_is_failed(
            seal_signer::CLAUSES,
            |fault| {
                harness::signer(signer.clone(), |signer| {
                    Arc::new(FaultySigner::new(signer, fault))
                })
            },
            &[
                (
                    SignerFault::SignsWithAnotherKey,
                    // What does not verify at all does not verify for its message either.
                    &[
                        "ss_01_the_public_key_verifies_what_is_signed",
                        "ss_02_a_signature_is_of_exactly_its_message",
                    ],
                ),
                (
                    SignerFault::TrimsTheMessage,
                    &["ss_02_a_signature_is_of_exactly_its_message"],
                ),
                (SignerFault::ShowsItsKey, &["ss_03_the_private_key_is_not_shown"]),
            ],
        );
    }
}
