//! Mocks, in-memory fakes, faulty fakes and conformance suites for the ports.
//!
//! | Module | For |
//! |---|---|
//! | [`mock`] | unit tests of what uses a port: `MockEvidenceSink` and so on |
//! | [`fake`] | whole captures without a disk, a network or a clock; [`fake::FakeWorld`] is everything together |
//! | [`fault`] | the same with something broken: at one chosen call, or in one promise of a port |
//! | [`conformance`] | whoever implements a port: one test for each clause of its contract |
//! | `volume` | encrypted volumes, small but real, with the feature `volumes` |
//! | `azure_sim` | Azure on loopback, with the feature `azure-sim` |
//!
//! A test of a workflow, which dies right after its first changing call:
//!
//! ```
//! use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
//! use custody_testkit::fault::{CrashMode, Crashed};
//! use futures::executor::block_on;
//!
//! let disk = FakeDisk::patterned("disk-0", 4096, 1);
//! let world = FakeWorld::new(FakeMachine::new("bench", vec![disk])).with_crash(1, CrashMode::DieAfter);
//! let note = b"origin\n1\nroot\n";
//! let log = custody_core::port::LogName::Register;
//!
//! let died = block_on(world.ports().anchor.put_checkpoint(&log, 1, note)).unwrap_err();
//! assert_eq!(Crashed::in_error(&died), Some(Crashed::Process));
//!
//! // Another process finds what the dead one left, and adopts it.
//! world.restart();
//! assert_eq!(world.store.names().len(), 1);
//! block_on(world.ports().anchor.put_checkpoint(&log, 1, note)).unwrap();
//! assert_eq!(world.calls(), 2);
//! ```
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a library for tests: what does not fit its purpose fails the test, and panics"
)]
#![expect(
    clippy::type_complexity,
    reason = "a harness holds closures, and a type alias would hide what they take"
)]

#[cfg(feature = "azure-sim")]
pub mod azure_sim;
pub mod conformance;
pub mod fake;
pub mod fault;
pub mod mock;
mod shared;
mod turn;
#[cfg(feature = "volumes")]
pub mod volume;
