//! In-memory fakes of every port, good enough to run whole captures on.
//!
//! They keep the clauses of their ports, each of them passes its conformance suite, and they are
//! deterministic: no real clock, no real randomness, no file, no thread. [`FakeWorld`] is all of them together.

mod clock;
mod digest_register;
mod entropy;
mod hasher;
mod image;
pub mod keys;
mod log;
mod machine;
mod machine_records;
mod progress;
mod rights;
mod signer;
mod store;
mod timestamps;
mod world;

pub use clock::FakeClock;
pub use digest_register::MemoryDigestRegister;
pub use entropy::SeededEntropy;
pub use hasher::{SerialHasher, merkle_root};
pub use image::MemoryImage;
pub use keys::{FakeKeySource, FakeKeyWrapper, FakeProver, MemoryEscrow};
pub use log::MemoryLog;
pub use machine::{FakeDisk, FakeMachine, pattern};
pub use machine_records::FakeMachineRecords;
pub use progress::{RecordingProgress, ScriptedStop};
pub use rights::FakeRights;
pub use signer::FakeSigner;
pub use store::MemoryStore;
pub use timestamps::FakeTimestamps;
pub use world::{FakeWorld, ports};
