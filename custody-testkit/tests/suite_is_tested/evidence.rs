use std::sync::Arc;

use custody_testkit::conformance::{evidence_reader, evidence_sink, image_reader};
use custody_testkit::fault::{
    FakeLinks, FaultyImage, FaultyReader, FaultySink, ImageFault, ReaderFault, SinkFault,
};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_image_reader_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        image_reader::CLAUSES,
        |fault| harness::image(|image| Arc::new(FaultyImage::new(image, fault))),
        &[
            (ImageFault::LengthDrifts, &["ir_01_the_length_is_constant"]),
            (
                ImageFault::SpansLeaveAGap,
                &["ir_02_spans_cover_exactly_the_range_asked_for"],
            ),
            (
                ImageFault::CallsDataZero,
                &["ir_03_what_is_told_as_zero_reads_as_zeros"],
            ),
            (
                ImageFault::ReadsShort,
                &[
                    "ir_04_a_read_answers_exactly_the_range",
                    // A read that asks for one byte too many becomes one that does not.
                    "ir_04_a_read_outside_the_image_is_misuse",
                    "ir_06_a_bad_sector_is_never_given_as_data",
                    "ir_07_concurrent_reads_give_the_same_bytes",
                ],
            ),
            (
                ImageFault::PadsBehindTheEnd,
                &["ir_04_a_read_outside_the_image_is_misuse"],
            ),
            (
                ImageFault::FollowsReplacement,
                &["ir_05_a_replaced_object_gives_no_bytes"],
            ),
            (
                ImageFault::GivesZerosForBadSectors,
                &["ir_06_a_bad_sector_is_never_given_as_data"],
            ),
            (
                ImageFault::SharesItsPosition,
                &["ir_07_concurrent_reads_give_the_same_bytes"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_evidence_sink_is_failed_by_a_fault_made_for_it() {
    let make = |fault| match fault {
        SinkFault::PretendsToOffer => {
            harness::plain_sink(move |sink, store| Arc::new(FaultySink::new(sink, store, fault)))
        }
        SinkFault::FollowsLinks => {
            let links = FakeLinks::new();
            let planted = links.clone();
            let harness = harness::sink(move |sink, store| {
                Arc::new(FaultySink::new(sink, store, fault).with_links(links.clone()))
            });
            harness.with_link_outside(move |name| {
                planted.plant(name);
                let planted = planted.clone();
                Box::new(move || planted.arrived_outside())
            })
        }
        _ => harness::sink(move |sink, store| Arc::new(FaultySink::new(sink, store, fault))),
    };
    assert_each_is_failed(
        evidence_sink::CLAUSES,
        make,
        &[
            (
                SinkFault::ChangesAByte,
                &["es_01_the_stored_bytes_are_the_written_bytes"],
            ),
            (
                SinkFault::Overwrites,
                &["es_02_a_taken_name_is_refused_and_keeps_what_it_has"],
            ),
            (
                SinkFault::ShowsUnfinished,
                &["es_03_nothing_is_visible_before_commit"],
            ),
            (
                SinkFault::ForgetsWhenReopened,
                &["es_04_a_committed_object_is_there_after_reopening"],
            ),
            (
                SinkFault::AbortCommits,
                &[
                    "es_05_an_aborted_deposit_leaves_nothing",
                    // These abort what was refused, and look.
                    "es_07_extents_must_cover_the_length_in_order",
                    "es_09_no_room_is_no_space_and_leaves_nothing",
                ],
            ),
            (
                SinkFault::DropCommits,
                &["es_05_a_dropped_deposit_leaves_nothing"],
            ),
            (SinkFault::AdoptsForeign, &["es_06_states_are_told_apart"]),
            (
                SinkFault::CallsUnknownAbsent,
                &["es_06_what_cannot_be_told_is_an_error"],
            ),
            (
                SinkFault::PadsShortDeposits,
                &["es_07_extents_must_cover_the_length_in_order"],
            ),
            (
                SinkFault::MarksUnreadSectors,
                &["es_07_zero_and_unread_are_stored_as_zeros"],
            ),
            (
                SinkFault::ClaimsLockedRetention,
                &["es_08_no_more_protection_is_claimed_than_holds"],
            ),
            (
                SinkFault::CutsOffWhenFull,
                &["es_09_no_room_is_no_space_and_leaves_nothing"],
            ),
            (
                SinkFault::PretendsToOffer,
                &[
                    "es_10_what_is_not_offered_is_unsupported",
                    // A sink that does not import is asserted to refuse here too.
                    "es_11_an_import_that_is_repeated_is_adopted",
                    "es_13_a_source_that_the_service_cannot_read_is_not_imported",
                ],
            ),
            (
                SinkFault::RefusesRepeatedImport,
                &["es_11_an_import_that_is_repeated_is_adopted"],
            ),
            (
                SinkFault::ImportsWithoutSigningIn,
                &["es_13_a_source_that_the_service_cannot_read_is_not_imported"],
            ),
            (SinkFault::ResolvesEscapes, &["es_12_a_strange_name_is_that_name"]),
            (SinkFault::FollowsLinks, &["es_12_a_link_does_not_lead_outside"]),
            (
                SinkFault::WantsAgainWhatIsGone,
                &["es_14_bytes_are_wanted_again_only_where_they_can_be_had"],
            ),
            (
                SinkFault::WantsAgainWhatIsSettled,
                &["es_14_bytes_are_wanted_again_only_where_they_can_be_had"],
            ),
            (
                SinkFault::ChangesWhatIsWrittenAgain,
                &["es_14_bytes_are_wanted_again_only_where_they_can_be_had"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_evidence_reader_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        evidence_reader::CLAUSES,
        |fault| harness::reader(|reader, store| Arc::new(FaultyReader::new(reader, store, fault))),
        &[
            (
                ReaderFault::ListsTwice,
                &[
                    "er_01_a_listing_has_each_object_once_in_order",
                    "er_01_what_is_being_written_is_not_listed",
                ],
            ),
            (
                ReaderFault::ListsBackwards,
                &[
                    "er_01_a_listing_has_each_object_once_in_order",
                    "er_01_what_is_being_written_is_not_listed",
                ],
            ),
            (
                ReaderFault::ListsUnfinished,
                &["er_01_what_is_being_written_is_not_listed"],
            ),
            (
                ReaderFault::PassesOverTheNameless,
                &["er_02_what_has_no_name_is_malformed_and_the_listing_goes_on"],
            ),
            (
                ReaderFault::StopsAtTheNameless,
                &["er_02_what_has_no_name_is_malformed_and_the_listing_goes_on"],
            ),
            (
                ReaderFault::AbsentFolderIsAnError,
                &["er_03_a_folder_that_is_not_there_lists_as_empty"],
            ),
            (
                ReaderFault::CallsUnreadableEmpty,
                &["er_03_a_folder_that_cannot_be_read_is_an_error"],
            ),
            (
                ReaderFault::OpensTheAbsent,
                &["er_04_what_is_not_there_is_not_found"],
            ),
            (ReaderFault::LeavesALock, &["er_05_reading_changes_nothing"]),
            (
                ReaderFault::TellsAnotherLength,
                &["er_06_an_opened_object_is_a_sound_image"],
            ),
        ],
    );
}
