use serde::{Deserialize, Serialize};

use crate::azure_sim::scenario::LroStyle;

/// What becomes of a call that a fault meets.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultAction {
    /// Answered with an error; nothing is done.
    #[serde(rename_all = "camelCase")]
    Status {
        /// The status.
        status: u16,
        /// The code in the body, in the form of the service that was asked. A vault's may name the inner code too:
        /// `Forbidden/ForbiddenByFirewall`.
        code: String,
        /// The message; a sentence that names the code, when empty.
        #[serde(default)]
        message: String,
        /// The `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Answered so many milliseconds late.
    Delay(u64),
    /// The connection is closed; nothing was done.
    DropBefore,
    /// The connection is closed without an answer; what was asked was done.
    DropAfter,
    /// The body ends after so many bytes, though Content-Length says more.
    Truncate(u64),
    /// So many bytes more come than Content-Length says.
    Lengthen(u64),
    /// A partial answer of at most so many bytes, honestly labelled.
    ShortRange(u64),
    /// Content-Range has this value.
    ContentRange(String),
    /// The ETag has this value.
    Etag(String),
    /// A header has this value.
    Header(String, String),
    /// The body is not what it says it is: it ends in mid-document.
    Malformed,
    /// The body is this text.
    Body(String),
    /// Every address in headers and body leads to this one (`https://host`) instead; the rest of it stays.
    HostileAddress(String),
    /// One byte of the body, at this offset, has its bits flipped.
    FlipByte(u64),
    /// The operation that the call starts tells its outcome this way.
    Style(LroStyle),
    /// The operation that the call starts fails with this code.
    OperationFails(String),
    /// The copy that the call starts ends `failed`, with this description, when half is done.
    CopyFails(String),
    /// The copy that the call starts ends `aborted` when half is done.
    CopyAborts,
    /// The copy that the call starts ends `success`, with one byte of it wrong.
    CopyCorrupts(u64),
}

impl FaultAction {
    /// An error answer.
    #[must_use]
    pub fn status(status: u16, code: &str) -> Self {
        Self::Status {
            status,
            code: code.into(),
            message: String::new(),
            retry_after: None,
        }
    }

    /// The same with a `Retry-After`, in seconds. Other actions stay as they are.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(seconds);
        }
        self
    }
}
