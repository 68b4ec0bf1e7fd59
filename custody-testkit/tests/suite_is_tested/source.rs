use std::sync::Arc;

use custody_testkit::conformance::{snapshotter, source_access};
use custody_testkit::fault::{AccessFault, FaultyAccess, FaultySnapshotter, SnapshotFault};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_snapshotter_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        snapshotter::CLAUSES,
        |fault| harness::snapshotter(|machine| Arc::new(FaultySnapshotter::new(machine, fault))),
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
                ],
            ),
            (
                SnapshotFault::IgnoresTheWarrant,
                &["sn_06_a_warrant_is_for_one_snapshot"],
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
        ],
    );
}
