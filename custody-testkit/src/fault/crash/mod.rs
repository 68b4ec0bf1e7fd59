//! Failing, losing a reply, or dying, at one chosen call out of all calls of a capture.

mod environment;
mod gate;
mod keys;
mod log;
mod machine_records;
mod rights;
mod sink;
mod source;

use std::fmt;
use std::sync::Arc;

use custody_core::{KeyPorts, Ports};

pub use gate::{CallGate, CrashMode, Crashed};

/// A port whose changing calls pass through a [`CallGate`], which counts them and may break one.
///
/// It goes around any implementation, in memory or not. Calls that only look are refused while the process
/// is dead, and are not counted.
pub struct Crashing<P: ?Sized> {
    inner: Arc<P>,
    gate: CallGate,
}

impl<P: ?Sized> Crashing<P> {
    /// The port behind this gate.
    pub fn new(inner: Arc<P>, gate: CallGate) -> Self {
        Self { inner, gate }
    }
}

impl<P: fmt::Debug + ?Sized> fmt::Debug for Crashing<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crashing({:?})", &*self.inner)
    }
}

impl<P: fmt::Display + ?Sized> fmt::Display for Crashing<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crashing({})", &*self.inner)
    }
}

/// The same bundle, each port that changes or reads anything outside the process behind the gate.
///
/// Clock, entropy, hasher, progress and stop signal stay as they are: they are the process's own.
#[must_use]
pub fn crashing(ports: Ports, gate: &CallGate) -> Ports {
    let gate = || gate.clone();
    Ports {
        snapshotter: Arc::new(Crashing::new(ports.snapshotter, gate())),
        machine_records: ports
            .machine_records
            .map(|inner| Arc::new(Crashing::new(inner, gate())) as _),
        rights: ports
            .rights
            .map(|inner| Arc::new(Crashing::new(inner, gate())) as _),
        source: Arc::new(Crashing::new(ports.source, gate())),
        sink: Arc::new(Crashing::new(ports.sink, gate())),
        reader: Arc::new(Crashing::new(ports.reader, gate())),
        log: Arc::new(Crashing::new(ports.log, gate())),
        anchor: Arc::new(Crashing::new(ports.anchor, gate())),
        signers: (ports.signers.into_iter())
            .map(|signer| Arc::new(Crashing::new(signer, gate())) as _)
            .collect(),
        timestamps: ports
            .timestamps
            .map(|inner| Arc::new(Crashing::new(inner, gate())) as _),
        digests: ports
            .digests
            .map(|inner| Arc::new(Crashing::new(inner, gate())) as _),
        keys: ports.keys.map(|keys| KeyPorts {
            source: Arc::new(Crashing::new(keys.source, gate())),
            wrapper: (keys.wrapper).map(|inner| Arc::new(Crashing::new(inner, gate())) as _),
            escrow: Arc::new(Crashing::new(keys.escrow, gate())),
            prover: keys.prover,
        }),
        hasher: ports.hasher,
        clock: ports.clock,
        entropy: ports.entropy,
        progress: ports.progress,
        stop: ports.stop,
    }
}
