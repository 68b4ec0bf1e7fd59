use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use custody_core::ids::Timestamp;
use custody_core::port::Clock;
use custody_core::{Error, Result, visible};
use rustix::time::{ClockId, Timespec};

/// Source: proc_sys_kernel(5), Linux man-pages 6.9, read 2026-11-21.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// The clocks of this host: `CLOCK_REALTIME`, `CLOCK_BOOTTIME` (which counts while the host sleeps), and the
/// kernel's id of this boot.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot_id: String,
    epoch: Timestamp,
}

impl SystemClock {
    /// The clocks of this host.
    ///
    /// # Errors
    /// When the kernel does not tell its boot id: monotonic times would then mean nothing.
    pub fn new() -> Result<Self> {
        let text = std::fs::read_to_string(BOOT_ID_FILE).map_err(|error| Error::Provider {
            object: BOOT_ID_FILE.into(),
            operation: "read",
            source: Some(error.into()),
        })?;
        Ok(Self {
            boot_id: visible::escape(text.trim()),
            epoch: Timestamp::from_unix_millis(0)?,
        })
    }
}

impl fmt::Display for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("system clock")
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let Timespec { tv_sec, tv_nsec } = rustix::time::clock_gettime(ClockId::Realtime);
        let millis = tv_sec.saturating_mul(1000).saturating_add(tv_nsec / 1_000_000);
        // A host clock outside the years -9999 to 9999 shows as 1970: visible, and no reason to stop a capture.
        Timestamp::from_unix_millis(millis).unwrap_or(self.epoch)
    }

    fn monotonic(&self) -> Duration {
        Duration::try_from(rustix::time::clock_gettime(ClockId::Boottime)).unwrap_or(Duration::ZERO)
    }

    fn boot_id(&self) -> String {
        self.boot_id.clone()
    }

    /// Waits on a thread of its own, which dropping the future ends at once.
    async fn sleep(&self, duration: Duration) {
        Sleep::begin(duration).await;
    }
}

/// A wait on a thread of its own.
#[derive(Debug)]
struct Sleep(Arc<Alarm>);

#[derive(Debug, Default)]
struct Alarm {
    state: Mutex<AlarmState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct AlarmState {
    /// The time has come, or nobody waits any more.
    over: bool,
    waker: Option<Waker>,
}

impl Sleep {
    fn begin(duration: Duration) -> Self {
        let alarm = Arc::new(Alarm::default());
        let ringing = Arc::clone(&alarm);
        let end = Instant::now().checked_add(duration);
        std::thread::spawn(move || ringing.wait_until(end));
        Self(alarm)
    }
}

impl Alarm {
    /// `None` is further away than clocks can tell: only dropping ends it.
    fn wait_until(&self, end: Option<Instant>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.over {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                state.over = true;
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
                return;
            }
            state = self
                .changed
                .wait_timeout(state, left.unwrap_or(Duration::from_secs(3600)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.over {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn sleep_ends_no_earlier_than_asked() {
        let clock = SystemClock::new().unwrap();
        let before = clock.monotonic();
        futures::executor::block_on(clock.sleep(Duration::from_millis(20)));
        assert!(clock.monotonic() - before >= Duration::from_millis(20));
    }

    #[test]
    fn dropping_a_sleep_ends_its_thread() {
        let mut sleep = Box::pin(Sleep::begin(Duration::MAX));
        assert!((&mut sleep).now_or_never().is_none());
        let alarm = Arc::downgrade(&sleep.0);
        drop(sleep);
        let end = Instant::now() + Duration::from_secs(5);
        while alarm.strong_count() > 0 {
            assert!(Instant::now() < end, "the thread still waits");
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_boot_id_is_constant_and_the_clock_runs() {
        let clock = SystemClock::new().unwrap();
        assert_eq!(clock.boot_id(), SystemClock::new().unwrap().boot_id());
        assert!(!clock.boot_id().is_empty());
        let year_2020 = Timestamp::from_unix_millis(1_577_836_800_000).unwrap();
        assert!(clock.now() > year_2020);
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }
}
