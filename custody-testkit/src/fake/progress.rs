use std::fmt;

use custody_core::port::{Progress, ProgressObserver, StopSignal};

use crate::shared::Shared;

/// Keeps what it is told.
#[derive(Debug, Clone, Default)]
pub struct RecordingProgress {
    steps: Shared<Vec<String>>,
    reports: Shared<Vec<Progress>>,
}

impl RecordingProgress {
    /// Nothing told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines about steps, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        self.steps.lock().clone()
    }

    /// The numbers, in order.
    #[must_use]
    pub fn reports(&self) -> Vec<Progress> {
        self.reports.lock().clone()
    }
}

impl fmt::Display for RecordingProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("recording progress")
    }
}

impl ProgressObserver for RecordingProgress {
    fn progress(&self, progress: &Progress) {
        self.reports.lock().push(progress.clone());
    }

    fn step(&self, line: &str) {
        self.steps.lock().push(line.to_owned());
    }
}

/// Asks to stop when it was asked so many times, so that a test can stop a workflow at each place
/// where it looks.
#[derive(Debug, Clone, Default)]
pub struct ScriptedStop {
    state: Shared<StopState>,
}

#[derive(Default)]
struct StopState {
    polls: u64,
    stop_at: Option<u64>,
}

impl ScriptedStop {
    /// Never stops until told to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop from now on.
    pub fn stop(&self) {
        self.stop_at(0);
    }

    /// Asks to stop from poll number `poll` (counted from 1) on.
    pub fn stop_at(&self, poll: u64) {
        self.state.lock().stop_at = Some(poll);
    }

    /// No longer asks to stop, and counts from the start.
    pub fn reset(&self) {
        *self.state.lock() = StopState::default();
    }

    /// How often it was asked.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.state.lock().polls
    }
}

impl fmt::Display for ScriptedStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scripted stop")
    }
}

impl StopSignal for ScriptedStop {
    fn is_stopped(&self) -> bool {
        let mut state = self.state.lock();
        state.polls += 1;
        state.stop_at.is_some_and(|at| state.polls >= at)
    }
}
