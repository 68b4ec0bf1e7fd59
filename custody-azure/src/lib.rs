//! Azure as a source of disks and a store of evidence.
#![forbid(unsafe_code)]

pub mod arm;
pub mod cloud;
mod http;
mod identity;

pub use cloud::{Cloud, CloudEndpoints, HostKind};
pub use http::{CleanTransport, Patience, ServiceRefusal};
pub use identity::{Identity, ManagedIdentity};
