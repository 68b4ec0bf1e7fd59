//! The suites are tested: each check fails on a fake with a fault made for it, and a fault fails no check
//! but those that it is about.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod environment;
mod evidence;
#[path = "../harness/mod.rs"]
mod harness;
mod hashing;
mod keys;
mod logs;
mod source;

use std::collections::BTreeSet;
use std::fmt::Debug;

use custody_testkit::conformance::Clause;

/// That each fault fails exactly the checks beside it, and that every check has a fault made for it: one
/// whose list begins with it.
#[track_caller]
fn assert_each_is_failed<H, F: Copy + Debug>(
    clauses: &[Clause<H>],
    make: impl Fn(F) -> H,
    faults: &[(F, &[&str])],
) {
    let all: BTreeSet<&str> = clauses.iter().map(Clause::name).collect();
    for (fault, due) in faults {
        let due: BTreeSet<&str> = due.iter().copied().collect();
        assert!(
            due.is_subset(&all),
            "{fault:?} names a check that is not in the suite: {due:?}"
        );
        let failing: BTreeSet<&str> = clauses
            .iter()
            .filter(|clause| clause.check(&make(*fault)).is_err())
            .map(Clause::name)
            .collect();
        assert_eq!(
            failing, due,
            "the checks that {fault:?} fails, and those that it should"
        );
    }
    for name in all {
        let made_for = |(_, due): &&(F, &[&str])| due.first() == Some(&name);
        assert!(
            faults.iter().any(|fault| made_for(&fault)),
            "no fault is made for {name}"
        );
    }
}
