use std::sync::Arc;

use custody_testkit::conformance::{machine_records, rights, snapshotter, source_access};
use custody_testkit::fault::{
    AccessFault, FaultyAccess, FaultyMachineRecords, FaultyRights, FaultySnapshotter, RecordsFault,
    RightsFault, SnapshotFault,
};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_snapshotter_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        snapshotter::CLAUSES,
        |fault| harness::snapshotter_of_sets(|machine| Arc::new(FaultySnapshotter::new(machine, fault))),
        &[
            (
                SnapshotFault::NamesNothingNotAcquired,
                &["sn_01_describing_changes_nothing_and_names_what_is_not_taken"],
            ),
            (
                SnapshotFault::StopsAtAFailure,
                &["sn_02_one_failure_does_not_hide_the_others"],
            ),
            (SnapshotFault::TakesAgain, &["sn_03_taking_again_adopts"]),
            (
                SnapshotFault::AdoptsForeign,
                &["sn_04_a_taken_name_is_refused_and_left_alone"],
            ),
            (
                SnapshotFault::ListsNothing,
                // That a refused deletion deleted nothing shows in the list.
                &[
                    "sn_05_what_was_made_is_listed",
                    "sn_06_a_warrant_is_for_one_snapshot",
                    "sn_09_what_goes_together_goes_on_one_warrant",
                ],
            ),
            (
                SnapshotFault::IgnoresTheWarrant,
                &[
                    "sn_06_a_warrant_is_for_one_snapshot",
                    "sn_09_what_goes_together_goes_on_one_warrant",
                ],
            ),
            (
                SnapshotFault::DeletesOnlyOnce,
                &["sn_06_a_warrant_is_for_one_snapshot"],
            ),
            (
                SnapshotFault::DeletesWhatWasNotMade,
                &["sn_07_only_what_was_made_is_deleted"],
            ),
            (
                SnapshotFault::TellsAnotherLength,
                &["sn_08_the_length_is_what_reading_gives"],
            ),
            (
                SnapshotFault::DeletesASetForOne,
                &["sn_09_what_goes_together_goes_on_one_warrant"],
            ),
            (
                SnapshotFault::DeletesOneOfASet,
                &[
                    "sn_09_what_goes_together_goes_on_one_warrant",
                    "sn_06_a_warrant_is_for_one_snapshot",
                ],
            ),
            (
                SnapshotFault::WithholdsTheLength,
                &["sn_08_the_length_is_what_reading_gives"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_source_access_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        source_access::CLAUSES,
        |fault| harness::access(|machine| Arc::new(FaultyAccess::new(machine, fault))),
        &[
            (
                AccessFault::GrantsForLonger,
                &["sa_01_a_grant_ends_no_later_than_asked"],
            ),
            (AccessFault::RevokesNothing, &["sa_02_revoking_ends_every_grant"]),
            (
                AccessFault::RevokesOnlyWhatIsGranted,
                &["sa_02_revoking_ends_every_grant"],
            ),
            (
                AccessFault::OpensWhatReadsShort,
                &["sa_03_what_is_opened_is_a_sound_image"],
            ),
            (
                AccessFault::OpeningWrites,
                &["sa_04_reading_changes_nothing_that_is_pinned"],
            ),
            (
                AccessFault::PinsNothing,
                &["sa_05_a_written_source_differs_in_something_pinned"],
            ),
            (
                AccessFault::OpensWhateverIsThere,
                &["sa_06_another_source_is_refused"],
            ),
            (
                AccessFault::OpensWhatIsGone,
                &["sa_06_a_source_that_is_gone_is_not_found"],
            ),
            (
                AccessFault::OpensLongerEachTime,
                &["sa_07_what_is_opened_again_is_the_same"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_machine_records_is_failed_by_a_fault_made_for_it() {
    let secret = harness::RECORDS_SECRET;
    let changed = "mr_01_reading_changes_nothing";
    let hidden = "mr_02_a_failure_is_told_and_does_not_hide_the_others";
    let named = "mr_03_a_name_comes_once_and_keeps_its_meaning";
    let settled = "mr_04_what_is_settled_is_left_out_and_nothing_else";
    let long = "mr_05_what_is_too_long_is_an_error_and_not_cut";
    let bytes = "mr_06_the_bytes_are_those_that_were_answered";
    let access = "mr_07_nothing_in_a_record_gives_access";
    assert_each_is_failed(
        machine_records::CLAUSES,
        |fault| harness::machine_records(|records| Arc::new(FaultyMachineRecords::new(records, fault))),
        &[
            (RecordsFault::ChangesTheMachine, &[changed]),
            (RecordsFault::StopsAtAFailure, &[hidden, long]),
            (RecordsFault::HidesRefusals, &[hidden]),
            (RecordsFault::AnswersTwice, &[named]),
            (RecordsFault::ChangesItsMeaning, &[named]),
            (RecordsFault::IgnoresWhatIsSettled, &[settled]),
            (RecordsFault::TakesAllForSettled, &[settled]),
            (RecordsFault::CutsWhatIsTooLong, &[long]),
            (RecordsFault::PassesWhatIsTooLong, &[long]),
            (RecordsFault::Reformats, &[bytes]),
            (RecordsFault::TellsInWords(secret), &[access]),
            (RecordsFault::TellsInBytes(secret), &[access, bytes]),
            (RecordsFault::TellsInErrors(secret), &[access]),
        ],
    );
}

#[test]
fn every_clause_of_rights_is_failed_by_a_fault_made_for_it() {
    let changed = "ri_01_checking_changes_nothing";
    let missing = "ri_02_a_right_that_is_missing_is_named_once";
    let held = "ri_03_a_right_that_is_held_is_not_named";
    let unchecked = "ri_04_what_could_not_be_told_is_said_with_the_reason";
    assert_each_is_failed(
        rights::CLAUSES,
        |fault| harness::rights(|rights| Arc::new(FaultyRights::new(rights, fault))),
        &[
            (RightsFault::Changes, &[changed]),
            (RightsFault::HidesMissing, &[missing]),
            (RightsFault::RepeatsMissing, &[missing]),
            (RightsFault::StopsAtUnchecked, &[missing]),
            (RightsFault::AccusesHeld, &[held]),
            (RightsFault::HidesUnchecked, &[unchecked]),
            (RightsFault::GivesNoReason, &[unchecked]),
        ],
    );
}
