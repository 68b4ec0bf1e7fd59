//! Requests to Azure: sent once or repeatably, only to hosts of the cloud, with what was answered kept.

mod absence;
mod asked_wait;
mod backoff;
mod bounded_wait;
mod call;
mod failure;
mod host_policy;
mod redaction;
mod renewal;
mod sending;
mod transport;
mod untold;

pub(crate) use absence::is_gone;
pub(crate) use asked_wait::of_retry_after;
pub(crate) use backoff::Backoff;
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
pub(crate) use untold::{POLLING, READ_DISK_OPERATION, READ_OPERATION, is_untold};
