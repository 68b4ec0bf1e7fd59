use std::future::Future;

use custody_core::{Error, Result};
use futures::stream::{self, BoxStream};

use crate::shared::Shared;

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a sweep over all modes must notice a new one"
)]
pub enum CrashMode {
    /// The call fails and has no effect; what comes after it works.
    FailBefore,
    /// The call has its effect and its reply is lost; what comes after it works.
    LoseReply,
    /// The process dies before the call has its effect: this and all later calls fail until a restart.
    DieBefore,
    /// The process dies after the call had its effect: this and all later calls fail until a restart.
    DieAfter,
}

impl CrashMode {
    /// All of them, for a sweep.
    pub const ALL: [Self; 4] = [Self::FailBefore, Self::LoseReply, Self::DieBefore, Self::DieAfter];

    const fn kills(self) -> bool {
        matches!(self, Self::DieBefore | Self::DieAfter)
    }

    const fn has_effect(self) -> bool {
        matches!(self, Self::LoseReply | Self::DieAfter)
    }
}

/// The cause of an error that a [`CallGate`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crashed {
    /// The call was chosen to fail, or to lose its reply.
    Call,
    /// The process is dead.
    Process,
}

impl std::fmt::Display for Crashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call => "a test broke this call",
            Self::Process => "a test ended this process",
        })
    }
}

impl std::error::Error for Crashed {}

impl Crashed {
    fn error(self, call: &'static str) -> Error {
        Error::Provider {
            object: "crash injector".into(),
            operation: call,
            source: Some(Box::new(self)),
        }
    }

    /// Whether a gate made this error, and which way.
    #[must_use]
    pub fn in_error(error: &Error) -> Option<Self> {
        let mut cause = std::error::Error::source(error.meaning());
        while let Some(error) = cause {
            if let Some(crashed) = error.downcast_ref::<Self>() {
                return Some(*crashed);
            }
            cause = error.source();
        }
        None
    }
}

/// Counts the changing calls of a whole bundle of ports, from 1, and breaks the one that it was told to.
///
/// Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct CallGate {
    state: Shared<GateState>,
}

#[derive(Default)]
struct GateState {
    calls: Vec<&'static str>,
    plan: Option<(u64, CrashMode)>,
    dead: bool,
}

impl CallGate {
    /// A gate that breaks nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Breaks changing call number `at`, counted from 1 since the gate was made.
    pub fn crash_at(&self, at: u64, mode: CrashMode) {
        self.state.lock().plan = Some((at, mode));
    }

    /// How many changing calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls.len() as u64
    }

    /// The changing calls in order, for the message of a test that fails at call `k`.
    #[must_use]
    pub fn call_names(&self) -> Vec<&'static str> {
        self.state.lock().calls.clone()
    }

    /// Whether the process is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state.lock().dead
    }

    /// Ends the process now: every call fails until a restart. A service that does not answer looks the same.
    pub fn die(&self) {
        self.state.lock().dead = true;
    }

    /// Starts the process again: calls work, nothing more is broken, and counting goes on.
    pub fn restart(&self) {
        let mut state = self.state.lock();
        state.dead = false;
        state.plan = None;
    }

    /// Refuses a call that changes nothing while the process is dead.
    pub(super) fn alive(&self, call: &'static str) -> Result<()> {
        if self.is_dead() {
            return Err(Crashed::Process.error(call));
        }
        Ok(())
    }

    /// A stream that a dead process does not get.
    pub(super) fn alive_stream<'a, T: Send + 'a>(
        &self,
        call: &'static str,
        items: impl FnOnce() -> BoxStream<'a, Result<T>>,
    ) -> BoxStream<'a, Result<T>> {
        match self.alive(call) {
            Ok(()) => items(),
            Err(error) => Box::pin(stream::iter([Err(error)])),
        }
    }

    /// The error of a call that was broken, once more.
    pub(super) fn broken(&self, call: &'static str) -> Error {
        let crashed = if self.is_dead() {
            Crashed::Process
        } else {
            Crashed::Call
        };
        crashed.error(call)
    }

    fn pass(&self, call: &'static str) -> Result<Option<CrashMode>> {
        let mut state = self.state.lock();
        if state.dead {
            return Err(Crashed::Process.error(call));
        }
        state.calls.push(call);
        let number = state.calls.len() as u64;
        let mode = state.plan.filter(|(at, _)| *at == number).map(|(_, mode)| mode);
        if mode.is_some_and(CrashMode::kills) {
            state.dead = true;
        }
        Ok(mode)
    }

    /// Counts a changing call and makes it, or breaks it. The future is lazy: not polled, not done.
    pub(super) async fn act<T>(
        &self,
        call: &'static str,
        acting: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let Some(mode) = self.pass(call)? else {
            let value = acting.await;
            // Another task of the same process may have died while this call was under way.
            self.alive(call)?;
            return value;
        };
        if mode.has_effect() {
            acting.await?;
        }
        Err(self.broken(call))
    }
}
