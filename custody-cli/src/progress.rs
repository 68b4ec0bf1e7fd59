use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use custody_core::ids::EvidenceItemId;
use custody_core::port::{NoProgress, Progress, ProgressObserver, ProgressPhase};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::console::Console;
use crate::printable;

/// Who is told how far a long command is: bars on a terminal, one line a step elsewhere, nobody where a program reads.
pub(crate) fn observer(console: &Arc<Console>) -> Arc<dyn ProgressObserver> {
    if console.err_is_terminal() {
        Arc::new(Bars::default())
    } else if console.is_json() {
        Arc::new(NoProgress::default())
    } else {
        Arc::new(Lines(Arc::clone(console)))
    }
}

/// One line a step, on standard error.
#[derive(Debug)]
struct Lines(Arc<Console>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("progress lines")
    }
}

impl ProgressObserver for Lines {
    fn progress(&self, _: &Progress) {}

    fn step(&self, line: &str) {
        self.0.err(&format!("custody: {}\n", printable::text(line)));
    }
}

/// Bars, one an item under way.
#[derive(Debug)]
struct Bars {
    screen: MultiProgress,
    bars: Mutex<HashMap<(EvidenceItemId, ProgressPhase), ProgressBar>>,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            screen: MultiProgress::new(),
            bars: Mutex::default(),
        }
    }
}

const TEMPLATE: &str =
    "{prefix:>10} {bar:24} {bytes:>11} of {total_bytes} {bytes_per_sec:>13} {eta:>5} {msg}";

impl Bars {
    fn bar(&self, progress: &Progress) -> ProgressBar {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.screen.add(
            ProgressBar::new(progress.total)
                .with_style(style)
                .with_prefix(progress.phase.as_str())
                .with_message(printable::text(&progress.name)),
        )
    }
}

impl fmt::Display for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("progress bars")
    }
}

impl ProgressObserver for Bars {
    fn progress(&self, progress: &Progress) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (progress.item.clone(), progress.phase);
        let bar = bars.entry(key.clone()).or_insert_with(|| self.bar(progress));
        bar.set_position(progress.done);
        if progress.done >= progress.total {
            bar.finish_and_clear();
            bars.remove(&key);
        }
    }

    fn step(&self, line: &str) {
        // A terminal that went away takes nothing; the step is in the log.
        drop(self.screen.println(format!("custody: {}", printable::text(line))));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        drop(self.screen.clear());
    }
}
