use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use custody_core::ids::Timestamp;
use custody_core::port::Clock;

use crate::shared::Shared;
use crate::turn::give_way;

/// 2026-11-21T20:30:15Z, in milliseconds: when every fake clock starts.
const START_UNIX_MILLIS: i64 = 1_795_293_015_000;

/// A clock that moves by one millisecond each time it is read, and at once by as much as is slept.
///
/// Two runs of the same test read the same times.
#[derive(Debug, Clone, Default)]
pub struct FakeClock {
    state: Shared<ClockState>,
}

#[derive(Default)]
struct ClockState {
    since_start: Duration,
    since_boot: Duration,
    boots: u32,
    slept: Duration,
}

impl ClockState {
    fn advance(&mut self, by: Duration) {
        self.since_start += by;
        self.since_boot += by;
    }
}

impl FakeClock {
    /// A clock at its start, 2026-11-21T20:30:15Z.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.state.lock().advance(by);
    }

    /// Starts the host anew: another boot id, and the monotonic clock at zero.
    pub fn reboot(&self) {
        let mut state = self.state.lock();
        state.boots += 1;
        state.since_boot = Duration::ZERO;
    }

    /// How long was slept in all.
    #[must_use]
    pub fn slept(&self) -> Duration {
        self.state.lock().slept
    }

    /// The time, without moving it.
    #[must_use]
    pub fn peek(&self) -> Timestamp {
        time_at(self.state.lock().since_start)
    }
}

fn time_at(since_start: Duration) -> Timestamp {
    let millis = i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX / 4);
    Timestamp::from_unix_millis(START_UNIX_MILLIS.saturating_add(millis))
        .expect("a test's clock stays within the years that a timestamp can tell")
}

impl fmt::Display for FakeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fake clock")
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let mut state = self.state.lock();
        state.advance(Duration::from_millis(1));
        time_at(state.since_start)
    }

    fn monotonic(&self) -> Duration {
        let mut state = self.state.lock();
        state.advance(Duration::from_millis(1));
        state.since_boot
    }

    fn boot_id(&self) -> String {
        format!("fake-boot-{}", self.state.lock().boots)
    }

    /// Returns after every other task had its turn once, however long was asked for.
    async fn sleep(&self, duration: Duration) {
        {
            let mut state = self.state.lock();
            state.advance(duration);
            state.slept += duration;
        }
        give_way().await;
    }
}
