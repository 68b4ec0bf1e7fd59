//! A thread for work that takes seconds, so that no executor waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures::channel::oneshot;

use crate::error::{Error, Result};

const WHAT: &str = "a thread to try the key on";

/// Told to work whose result nobody waits for any longer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks to stop when it is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the work on a thread of its own. Dropping the future asks the work to stop.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce(&Stop) -> T + Send + 'static) -> Result<T> {
    let stop = Stop::default();
    let guard = StopOnDrop(stop.clone());
    let (send, receive) = oneshot::channel();
    thread::Builder::new()
        .name("custody-keys".to_owned())
        .spawn(move || {
            // Nobody waits where this cannot be sent.
            drop(send.send(work(&stop)));
        })
        .map_err(|source| Error::Refused {
            what: WHAT,
            source: Some(source),
        })?;
    let done = receive.await;
    drop(guard);
    done.map_err(|_panicked| Error::Refused {
        what: "trying the key, which panicked",
        source: None,
    })
}
