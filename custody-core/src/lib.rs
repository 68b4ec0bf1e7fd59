//! Vocabulary, ports, capture workflow, custody log and verifier for disks taken as evidence.
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
