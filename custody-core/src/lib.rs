//! Vocabulary, ports, capture workflow, custody log and verifier for disks taken as evidence.
//!
//! This crate knows the field and nothing of where disks lie or where evidence is stored: those come
//! in as [`port`]s. It has no runtime, no HTTP and no file system of its own.
//!
//! | You want to | Start with |
//! |---|---|
//! | capture disks from a program | [`capture::Capture`], with the ports of a provider such as custody-local |
//! | check what somebody captured | [`verify::Verifier`] |
//! | take evidence from, or store it in, a place that is new | the traits of [`port`], and custody-testkit's conformance suites |
//! | read a record | [`manifest::Manifest`], [`custody_log::Event`], and `docs/record-format.md` for the bytes |
//!
//! A capture is a sequence of acts, each with a line in a log before and after it. The log is the state: after a
//! crash, [`capture::Capture::resume`] reads it and goes on. The verifier believes none of it: it derives
//! everything anew from the stored bytes.
//!
//! ```
//! use custody_core::capture::{Capture, CaptureRequest, Reach};
//! use custody_core::custody_log::{Circumstances, How, Stated, Who, Why};
//! use custody_testkit::fake::{FakeDisk, FakeMachine, FakeWorld};
//!
//! # fn main() -> custody_core::Result<()> {
//! // A machine, a store and clocks in memory; a provider's crate gives `Ports` to real ones.
//! let disk = FakeDisk::patterned("os-disk", 10_000, 1);
//! let world = FakeWorld::new(FakeMachine::new("web-1", vec![disk]));
//!
//! let who = Who::new(Stated::new("A. Examiner".parse()?), [("os-user".into(), "alice".into())].into());
//! let why = Why::new("warrant 123/26".parse()?);
//! let circumstances = Circumstances::new(who, [].into(), How::new("example", "1.0"), why);
//! let request = CaptureRequest::new("2026-0042".parse()?, "web-1".parse()?, circumstances);
//!
//! let capture = Capture::new(world.ports());
//! let outcome = futures::executor::block_on(async {
//!     let plan = capture.plan(request).await?; // read only: look at `plan.refusals` and `plan.machine`
//!     capture.run(plan, Reach::ToTheEnd).await
//! })?;
//! assert_eq!(outcome.exit_code(), 0);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod canonical;
pub mod capture;
pub mod custody_log;
pub mod digest;
mod error;
pub mod extent;
pub mod hex;
pub mod ids;
pub mod layout;
pub mod manifest;
pub mod port;
mod ports;
mod service;
pub mod verify;
pub mod visible;

pub use error::{Answer, BoxError, Error, Remedy, Result};
pub use ports::{KeyPorts, Ports};
pub use service::{Acted, ServiceRecord};
