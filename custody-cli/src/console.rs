use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::exit::Exit;

/// Where a command writes: standard output for data, standard error for talk.
///
/// A reader that went away (a closed pipe) is no error: what is written then is dropped. Any other failure to write
/// data makes the command end with 3, so that a cut output is not taken for a whole one.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    json: AtomicBool,
    broken: Mutex<Option<io::Error>>,
}

impl Console {
    /// The process's own standard output and error.
    #[must_use]
    pub fn system() -> Self {
        Self {
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            ..Self::of(Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// These two, neither of them a terminal.
    #[must_use]
    pub fn of(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(out),
            err: Mutex::new(err),
            out_is_terminal: false,
            err_is_terminal: false,
            json: AtomicBool::new(false),
            broken: Mutex::new(None),
        }
    }

    pub(crate) fn answer_in_json(&self, json: bool) {
        self.json.store(json, Ordering::Relaxed);
    }

    /// Whether the answer is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json.load(Ordering::Relaxed)
    }

    pub(crate) const fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    pub(crate) const fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// Writes data.
    pub(crate) fn out(&self, bytes: &[u8]) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_some() {
            return;
        }
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            *broken = Some(error);
        }
    }

    /// Whether nobody reads what is written any more.
    pub(crate) fn out_is_gone(&self) -> bool {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Writes talk, complete lines. That it cannot be written changes nothing of what is done.
    pub(crate) fn err(&self, lines: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        if err
            .write_all(lines.as_bytes())
            .and_then(|()| err.flush())
            .is_err()
        {
            // There is nowhere left to say so.
        }
    }

    /// The exit of a command that came to `exit`, once all data were written or could not be.
    pub(crate) fn close(&self, exit: Exit) -> Exit {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take();
        match broken {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.err(&format!(
                    "custody: error: standard output: write failed\n  because: {error}\n  next: the output above is cut short: make room for it and run the command again\n"
                ));
                exit.worst(Exit::Incomplete)
            }
            _ => exit,
        }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("out_is_terminal", &self.out_is_terminal)
            .field("err_is_terminal", &self.err_is_terminal)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}
