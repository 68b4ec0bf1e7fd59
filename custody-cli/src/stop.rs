use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use custody_core::port::StopSignal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::console::Console;
use crate::failure::Failure;

/// A shell's exit code for a process that a signal ended is this and the signal's number.
const ENDED_BY_SIGNAL: i32 = 128;

/// Signals as a request to stop: the first one asks, a second one ends the process at once.
#[derive(Debug)]
pub(crate) struct SignalStop {
    asked: Arc<AtomicBool>,
    told: AtomicBool,
    console: Arc<Console>,
}

impl SignalStop {
    /// Listens to SIGINT, SIGTERM and SIGHUP (a terminal that goes away).
    pub(crate) fn listen(console: &Arc<Console>) -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: a signal that finds the flag raised ends the process, any signal raises it.
            signal_hook::flag::register_conditional_shutdown(
                signal,
                ENDED_BY_SIGNAL + signal,
                Arc::clone(&asked),
            )
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&asked)))
            .map_err(|error| Failure::system("signals", "listen to", error))?;
        }
        Ok(Self {
            asked,
            told: AtomicBool::new(false),
            console: Arc::clone(console),
        })
    }
}

impl fmt::Display for SignalStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signals")
    }
}

impl StopSignal for SignalStop {
    fn is_stopped(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked && !self.told.swap(true, Ordering::Relaxed) {
            self.console.err(
                "custody: stopping: the act in hand is being finished and logged; again to end at once\n",
            );
        }
        asked
    }
}
