//! Mocks, in-memory fakes, faulty fakes and conformance suites for the ports.
#![forbid(unsafe_code)]

pub mod conformance;
pub mod fake;
pub mod fault;
pub mod mock;
mod shared;
mod turn;
