use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use custody_core::ids::EvidenceItemId;
use custody_core::port::{NoProgress, Progress, ProgressObserver, ProgressPhase};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;
use crate::printable;

/// How often a long phase of an item says how far it is, where nobody watches a bar.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Who is told how far a long command is: bars on a terminal; elsewhere one line a step, and one now and then in a long
/// one; nobody where a program reads.
pub(crate) fn observer(console: &Arc<Console>) -> Arc<dyn ProgressObserver> {
    if console.err_is_terminal() {
        Arc::new(Bars::default())
    } else if console.is_json() {
        Arc::new(NoProgress::default())
    } else {
        let begun = Instant::now();
        Arc::new(Lines::new(Arc::clone(console), LINE_EVERY, move || {
            begun.elapsed()
        }))
    }
}

type Key = (EvidenceItemId, ProgressPhase);

/// Lines, on standard error.
struct Lines {
    console: Arc<Console>,
    every: Duration,
    /// Time since some fixed point.
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    /// What was said last of each phase that is under way.
    said: Mutex<HashMap<Key, Said>>,
}

/// When something was said, and how far it was then.
#[derive(Debug, Clone, Copy)]
struct Said {
    at: Duration,
    done: u64,
}

impl Lines {
    fn new(
        console: Arc<Console>,
        every: Duration,
        now: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            console,
            every,
            now: Box::new(now),
            said: Mutex::default(),
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("progress lines")
    }
}

impl ProgressObserver for Lines {
    fn progress(&self, progress: &Progress) {
        let now = (self.now)();
        let line = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (progress.item.clone(), progress.phase);
            if progress.done >= progress.total {
                said.remove(&key);
                return;
            }
            let this = Said {
                at: now,
                done: progress.done,
            };
            let last = *said.entry(key.clone()).or_insert(this);
            if now.saturating_sub(last.at) < self.every {
                return;
            }
            said.insert(key, this);
            line(progress, last, now)
        };
        self.console.err(&line);
    }

    fn step(&self, line: &str) {
        self.console.err(&format!("custody: {}\n", printable::text(line)));
    }
}

/// How far it is, how fast it went since the last line, and how long the rest takes at that.
fn line(progress: &Progress, last: Said, now: Duration) -> String {
    let percent = u128::from(progress.done) * 100 / u128::from(progress.total.max(1));
    let millis = now.saturating_sub(last.at).as_millis().max(1);
    let moved = u128::from(progress.done.saturating_sub(last.done));
    let rate = u64::try_from(moved * 1000 / millis).unwrap_or(u64::MAX);
    let speed = match rate {
        0 => "no progress since the last line".to_owned(),
        rate => {
            let left = progress.total.saturating_sub(progress.done) / rate;
            format!("{}, {} left", printable::rate(rate), printable::seconds(left))
        }
    };
    format!(
        "custody: {} {}: {percent} %, {speed}\n",
        progress.phase.as_str(),
        printable::text(&progress.name)
    )
}

/// Bars, one an item under way.
#[derive(Debug)]
struct Bars {
    screen: MultiProgress,
    rows: Mutex<HashMap<EvidenceItemId, Row>>,
}

/// The line of one item.
#[derive(Debug)]
struct Row {
    bar: ProgressBar,
    /// What is under way of it, with how far and how fast it is.
    phases: BTreeMap<ProgressPhase, ProgressBar>,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            screen: MultiProgress::new(),
            rows: Mutex::default(),
        }
    }
}

/// A line of 80 columns: the bar is of what is slowest.
const TEMPLATE: &str = "{prefix:20.20!} {bar:10} {wide_msg}";
/// The parts of a whole in a bar.
const PARTS: u64 = 1000;

impl Row {
    fn new(screen: &MultiProgress, name: &str) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(PARTS)
            .with_style(style)
            .with_prefix(printable::text(name));
        Self {
            bar: screen.add(bar),
            phases: BTreeMap::new(),
        }
    }

    fn show(&self) {
        let parts = |phase: &ProgressBar| {
            let total = u128::from(phase.length().unwrap_or_default().max(1));
            u64::try_from(u128::from(phase.position()) * u128::from(PARTS) / total).unwrap_or(PARTS)
        };
        let Some(slowest) = self.phases.values().min_by_key(|phase| parts(phase)) else {
            return;
        };
        let words: Vec<(&str, u64)> = self
            .phases
            .iter()
            .map(|(phase, bar)| (phase.as_str(), parts(bar) * 100 / PARTS))
            .collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate to be looked at"
        )]
        let rate = slowest.per_sec() as u64;
        let left = slowest
            .length()
            .unwrap_or_default()
            .saturating_sub(slowest.position());
        self.bar.set_message(row_words(&words, rate, left));
        self.bar.set_position(parts(slowest));
    }
}

/// How far each phase is in percent, and how fast and how long the slowest goes on.
fn row_words(phases: &[(&str, u64)], rate: u64, left: u64) -> String {
    let phases: Vec<String> = phases
        .iter()
        .map(|(phase, percent)| format!("{phase} {percent} %"))
        .collect();
    let phases = phases.join(", ");
    match left.checked_div(rate) {
        Some(seconds) => format!(
            "{phases:<23} {:>11} {}",
            printable::rate(rate),
            printable::seconds(seconds)
        ),
        None => phases,
    }
}

impl fmt::Display for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("progress bars")
    }
}

impl ProgressObserver for Bars {
    fn progress(&self, progress: &Progress) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_done = progress.done >= progress.total;
        if is_done && !rows.contains_key(&progress.item) {
            return;
        }
        let row = rows
            .entry(progress.item.clone())
            .or_insert_with(|| Row::new(&self.screen, &progress.name));
        if is_done {
            row.phases.remove(&progress.phase);
        } else {
            let phase = row.phases.entry(progress.phase).or_insert_with(|| {
                ProgressBar::with_draw_target(Some(progress.total), ProgressDrawTarget::hidden())
            });
            phase.set_position(progress.done);
        }
        if row.phases.is_empty() {
            row.bar.finish_and_clear();
            self.screen.remove(&row.bar);
            rows.remove(&progress.item);
        } else {
            row.show();
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Standard error that a test reads.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_row_names_each_phase_and_fits_into_a_terminal() {
        let both = row_words(&[("acquire", 61), ("copy", 42)], 312 * MIB, 60_000 * MIB);
        assert_eq!(both, "acquire 61 %, copy 42 % 312.0 MiB/s 3 min 12 s");
        assert!(20 + 1 + 10 + 1 + both.chars().count() <= 80, "{both}");
        assert_eq!(row_words(&[("copy", 0)], 0, 5 * MIB), "copy 0 %");
    }

    #[test]
    fn a_long_phase_says_now_and_then_how_far_it_is_how_fast_and_how_long_the_rest_takes() {
        let written = Written::default();
        let console = Console::of(Box::new(io::sink()), Box::new(written.clone()));
        let time = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&time);
        let lines = Lines::new(Arc::new(console), Duration::from_secs(30), move || {
            Duration::from_secs(clock.load(Ordering::Relaxed))
        });
        let at = |second: u64, item: u32, phase, done: u64| {
            time.store(second, Ordering::Relaxed);
            let item = EvidenceItemId::new(item);
            lines.progress(&Progress::new(phase, item, "disk.vhd", done * MIB, 10_000 * MIB));
            written.take()
        };
        let (copy, read_back) = (ProgressPhase::Copy, ProgressPhase::ReadBack);
        assert_eq!(at(0, 1, copy, 0), "");
        assert_eq!(at(29, 1, copy, 900), "");
        assert_eq!(
            at(30, 1, copy, 3000),
            "custody: copy disk.vhd: 30 %, 100.0 MiB/s, 1 min 10 s left\n"
        );
        // Another item and another phase have their own time.
        assert_eq!(at(31, 2, copy, 1), "");
        assert_eq!(at(31, 1, read_back, 1), "");
        assert_eq!(at(59, 1, copy, 5000), "");
        assert_eq!(
            at(60, 1, copy, 3000),
            "custody: copy disk.vhd: 30 %, no progress since the last line\n"
        );
        assert_eq!(
            at(61, 1, copy, 10_000),
            "",
            "what is done is a step, and has its line"
        );
        assert_eq!(at(200, 1, copy, 9000), "", "and begins anew when it does");
    }
}
