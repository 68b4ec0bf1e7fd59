//! Requests to Azure: sent once or repeatably, only to hosts of the cloud, with what was answered kept.

mod asked_wait;
mod bounded_wait;
mod call;
mod failure;
mod host_policy;
mod redaction;
mod renewal;
mod sending;
mod transport;

pub(crate) use asked_wait::of_retry_after;
pub(crate) use call::Call;
pub use failure::ServiceRefusal;
pub(crate) use failure::{
    ERROR_CODE, Failing, NotSignedIn, READING_GRANTED, WAITING, goes_on, may_pass, no_token, refusal_of,
    was_not_accepted, was_not_taken,
};
pub(crate) use redaction::redact;
pub(crate) use renewal::RefusedToken;
pub use sending::Patience;
pub(crate) use sending::{Repeat, Sending};
pub use transport::CleanTransport;
