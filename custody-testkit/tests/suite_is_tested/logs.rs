use std::sync::Arc;

use custody_testkit::conformance::{log_anchor, log_store};
use custody_testkit::fault::{AnchorFault, FaultyAnchor, FaultyLog, LogFault};

use crate::{assert_each_is_failed, harness};

#[test]
fn every_clause_of_log_store_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        log_store::CLAUSES,
        |fault| harness::log_store(move |log| Arc::new(FaultyLog::new(log, fault))),
        &[
            (
                LogFault::KeepsTheLastLineInABuffer,
                &["ls_01_an_appended_line_is_there_after_reopening"],
            ),
            (
                LogFault::ComparesOnlyTheSize,
                &["ls_02_a_wrong_head_is_refused_and_appends_nothing"],
            ),
            (
                LogFault::ReadsTheTornTail,
                // Setting a tail aside is checked by what is read before and after.
                &[
                    "ls_03_a_torn_tail_is_no_line",
                    "ls_04_a_torn_tail_is_set_aside_whole",
                ],
            ),
            (
                LogFault::ThrowsTheTailAway,
                &["ls_04_a_torn_tail_is_set_aside_whole"],
            ),
            (
                LogFault::AppendsBehindATornTail,
                &["ls_04_a_torn_tail_is_set_aside_whole"],
            ),
            (LogFault::RegisterCutsOtherLogs, &["ls_05_a_complete_line_stays"]),
            (
                LogFault::UnwrittenHasADigest,
                &["ls_06_an_unwritten_log_is_empty"],
            ),
            (
                LogFault::TakesEmptyLines,
                &["ls_07_a_line_feed_or_nothing_is_no_line"],
            ),
        ],
    );
}

#[test]
fn every_clause_of_log_anchor_is_failed_by_a_fault_made_for_it() {
    assert_each_is_failed(
        log_anchor::CLAUSES,
        |fault| harness::log_anchor(move |store| Arc::new(FaultyAnchor::new(store, fault))),
        &[
            (
                AnchorFault::ComparesOnlyTheSize,
                &["la_01_a_wrong_head_is_refused_and_appends_nothing"],
            ),
            (
                AnchorFault::TrustsItsCache,
                &["la_01_of_two_racing_writers_one_wins"],
            ),
            (
                AnchorFault::AppendsUpToABadLine,
                &["la_02_the_lines_of_a_call_come_together"],
            ),
            (
                AnchorFault::ReadsWhatWasCutShort,
                &["la_03_an_interrupted_call_is_finished_or_taken_back"],
            ),
            (
                AnchorFault::AppendOfNothingEmpties,
                &["la_04_an_anchored_line_stays"],
            ),
            (
                AnchorFault::ReplacesNotes,
                &[
                    "la_05_a_note_is_written_once_for_each_size",
                    // That the note is still known after reopening shows in another one being refused.
                    "la_06_lines_and_notes_are_there_after_reopening",
                ],
            ),
            (
                AnchorFault::RefusesTheSameNote,
                &["la_05_a_note_is_written_once_for_each_size"],
            ),
            (
                AnchorFault::ForgetsNotesWhenReopened,
                &["la_06_lines_and_notes_are_there_after_reopening"],
            ),
            (
                AnchorFault::UnwrittenHasADigest,
                &["la_07_an_unwritten_log_is_empty"],
            ),
        ],
    );
}
