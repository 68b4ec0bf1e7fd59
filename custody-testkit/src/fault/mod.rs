//! Ways to break a port: the crash injector, and wrappers with one named fault each.
//!
//! [`Crashing`] and its [`CallGate`] fail, lose the reply of, or end the process at one chosen call of a whole
//! bundle of ports. A `Faulty…` wrapper goes around a fake and breaks exactly one promise of its port: what
//! the conformance suites are tested with, and what a test of a workflow can use to see whether it notices.

mod access;
mod anchor;
mod crash;
mod environment;
mod hasher;
mod image;
mod keys;
mod log_store;
mod machine_records;
mod reader;
mod register;
mod rights;
mod signer;
mod sink;
mod snapshotter;
mod timestamps;

pub use access::{AccessFault, FaultyAccess};
pub use anchor::{AnchorFault, FaultyAnchor};
pub use crash::{CallGate, CrashMode, Crashed, Crashing, crashing};
pub use environment::{ClockFault, EntropyFault, FaultyClock, FaultyEntropy};
pub use hasher::{FaultyHasher, HasherFault};
pub use image::{FaultyImage, ImageFault};
pub use keys::{
    EscrowFault, FaultyEscrow, FaultyKeySource, FaultyKeyWrapper, FaultyProver, KeySourceFault, ProverFault,
    WrapperFault,
};
pub use log_store::{FaultyLog, LogFault};
pub use machine_records::{FaultyMachineRecords, RecordsFault};
pub use reader::{FaultyReader, ReaderFault};
pub use register::{FaultyRegister, RegisterFault};
pub use rights::{FaultyRights, RightsFault};
pub use signer::{FaultySigner, SignerFault};
pub use sink::{FakeLinks, FaultySink, SinkFault};
pub use snapshotter::{FaultySnapshotter, SnapshotFault};
pub use timestamps::{FaultyTimestamps, TimestampFault};
