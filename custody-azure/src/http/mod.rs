//! Requests to Azure: sent once or repeatably, only to hosts of the cloud, with what was answered kept.

mod call;
mod failure;
mod host_policy;
mod redaction;
mod sending;
mod transport;

pub(crate) use call::Call;
pub use failure::ServiceRefusal;
pub(crate) use failure::{ERROR_CODE, Failing, refusal_of};
pub(crate) use redaction::redact;
pub use sending::Patience;
pub(crate) use sending::{Repeat, Sending};
pub use transport::CleanTransport;
