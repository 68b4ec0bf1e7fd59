//! The clauses of [`Clock`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use custody_core::port::Clock;

use super::clause::{Conforms, ensure, suite};

/// A clock.
pub struct ClockHarness {
    clock: Arc<dyn Clock>,
}

impl ClockHarness {
    /// This clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl fmt::Debug for ClockHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClockHarness({})", self.clock)
    }
}

/// `CL-01`.
///
/// # Errors
/// How the clause is broken.
pub async fn cl_01_the_monotonic_clock_does_not_go_back(harness: &ClockHarness) -> Conforms {
    let (mut last, boot) = (harness.clock.monotonic(), harness.clock.boot_id());
    ensure!(!boot.is_empty(), "this run of the host has no name");
    for _ in 0..10_000 {
        let now = harness.clock.monotonic();
        ensure!(now >= last, "the clock went back from {last:?} to {now:?}");
        last = now;
    }
    let now = harness.clock.boot_id();
    ensure!(
        boot == now,
        "the host was not started anew, and {boot} became {now}"
    );
    Ok(())
}

/// `CL-02`, by the word of the same clock.
///
/// # Errors
/// How the clause is broken.
pub async fn cl_02_a_sleep_ends_no_earlier_than_asked(harness: &ClockHarness) -> Conforms {
    for millis in [0, 1, 30] {
        let asked = Duration::from_millis(millis);
        let before = harness.clock.monotonic();
        harness.clock.sleep(asked).await;
        let slept = harness.clock.monotonic().saturating_sub(before);
        ensure!(slept >= asked, "asked for {asked:?}, slept {slept:?}");
    }
    Ok(())
}

suite! { ($)
    /// Mounts the clauses of `Clock` as tests, on a [`ClockHarness`](crate::conformance::clock::ClockHarness).
    clock_conformance, clock, ClockHarness, [
        cl_01_the_monotonic_clock_does_not_go_back,
        cl_02_a_sleep_ends_no_earlier_than_asked,
    ]
}
