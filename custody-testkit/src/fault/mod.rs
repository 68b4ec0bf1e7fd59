//! Ways to break a port: the crash injector, and wrappers with one named fault each.

mod crash;

pub use crash::{CallGate, CrashMode, Crashed, Crashing, crashing};
