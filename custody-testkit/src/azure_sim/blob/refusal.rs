use crate::azure_sim::clock::long_date;
use crate::azure_sim::fault::error_answer;
use crate::azure_sim::http::{Answer, Call};

/// Why the blob service refuses. Codes are those of its API description; what is not there is marked where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    message: String,
}

impl Refused {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn no_blob() -> Self {
        Self::new(404, "BlobNotFound", "The specified blob does not exist.")
    }

    pub(crate) fn no_container() -> Self {
        Self::new(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        )
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly \
             including the signature.",
        )
    }

    pub(crate) fn condition() -> Self {
        Self::new(
            412,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        )
    }

    pub(crate) fn header(name: &str) -> Self {
        Self::new(
            400,
            "InvalidHeaderValue",
            format!("The value for one of the HTTP headers is not in the correct format: {name}."),
        )
    }

    pub(crate) fn kind() -> Self {
        Self::new(
            409,
            "InvalidBlobType",
            "The blob type is invalid for this operation.",
        )
    }

    /// As an answer to a call: the body ends with the request's number and the time.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        if self.status == 304 {
            return Answer::empty(304).with_header("x-ms-error-code", self.code);
        }
        let message = format!(
            "{}\nRequestId:{}\nTime:{}",
            self.message,
            call.request_id,
            long_date(call.at)
        );
        error_answer(&call.service, self.status, self.code, &message)
    }
}
