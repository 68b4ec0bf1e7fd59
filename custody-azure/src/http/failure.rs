use std::fmt;

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{RawResponse, StatusCode};
use custody_core::{BoxError, Error, ServiceRecord};
use serde::Deserialize;

use super::asked_wait::asked_wait;
use super::call::Call;
use super::host_policy::HostRefusal;
use super::redaction::redact;
use super::untold::is_untold;

/// The name under which a refusal's code is kept beside the service's ids.
pub(crate) const ERROR_CODE: &str = "x-ms-error-code";

/// The act that needs no right but the access that was granted.
pub(crate) const READING_GRANTED: &str = "reading by the access that was granted";
/// What the library says of its own doing, before what matters.
const LIBRARY_WORDS: [&str; 2] = [
    "retry policy expired and the request will no longer be retried: ",
    "non-transport error occurred which will not be retried: ",
];
/// What is called so in errors when no token was to be had.
const OBTAINING_A_TOKEN: &str = "obtaining a token";

/// What a service said when it refused: its status, code and words, without any address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's code: `AuthorizationFailed`, `BlobImmutableDueToPolicy`.
    pub code: String,
    /// The code within the code, where the service gives one: `ForbiddenByRbac`.
    pub inner_code: Option<String>,
    /// The service's words, one line.
    pub message: String,
}

impl fmt::Display for ServiceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What an operation came to is told in an answer that is no refusal itself.
        if self.status == 200 {
            write!(f, "the service says {}", self.code)?;
        } else {
            write!(f, "the service answered {} {}", self.status, self.code)?;
        }
        if let Some(inner) = &self.inner_code {
            write!(f, " ({inner})")?;
        }
        if self.message.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ServiceRefusal {}

/// The refusal behind an error, where a service answered one.
pub(crate) fn refusal_of(error: &Error) -> Option<&ServiceRefusal> {
    let mut next = std::error::Error::source(error.meaning());
    while let Some(cause) = next {
        if let Some(refusal) = cause.downcast_ref() {
            return Some(refusal);
        }
        next = cause.source();
    }
    None
}

/// Whether the service says that it was too busy to take the request (429): nothing was done.
pub(crate) fn was_not_taken(error: &Error) -> bool {
    let is = |status: &ServiceRecord| status.status.as_deref() == Some("429");
    matches!(error.meaning(), Error::Throttled { .. }) && error.service().is_some_and(is)
}

/// Whether a look at the resource is worth while: the request may have been carried out, or may be later. What a busy
/// service did not take was not, and has been sent again for as long as we wait.
pub(crate) fn may_pass(error: &Error) -> bool {
    match error.meaning() {
        _ if is_untold(error) => true,
        Error::Throttled { .. } => !was_not_taken(error),
        Error::Provider { .. } => match refusal_of(error) {
            Some(refusal) => refusal.status >= 500 || refusal.status == 408,
            None => true,
        },
        _ => false,
    }
}

/// What is called so in errors when an operation outlasts the patience for it: it goes on.
pub(crate) const WAITING: &str = "waiting for the operation";

/// Whether an operation was waited for as long as we wait: beginning another one helps nobody.
pub(crate) fn goes_on(error: &Error) -> bool {
    matches!(error.meaning(), Error::Provider { operation, .. } if *operation == WAITING)
}

/// What failed: the object, and the right that the call needs, by its name in role definitions.
#[derive(Clone, Copy)]
pub(crate) struct Failing<'a> {
    pub(crate) object: &'a (dyn fmt::Display + Sync),
    pub(crate) action: &'static str,
}

/// Whether the words of a refusal are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Keep,
    Drop,
}

impl Failing<'_> {
    /// As [`because`](Self::because), of a call that sent or fetched a secret: of a refusal only status and codes are kept,
    /// because its words may repeat what it was sent.
    pub(crate) fn without_words(self, call: &Call, error: azure_core::Error) -> Error {
        self.meaning(call, error, Words::Drop)
    }

    /// The meaning of a failed call, with what the service answered.
    pub(crate) fn because(self, call: &Call, error: azure_core::Error) -> Error {
        self.meaning(call, error, Words::Keep)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "it ends here: only its meaning goes on"
    )]
    fn meaning(self, call: &Call, error: azure_core::Error, words: Words) -> Error {
        if let ErrorKind::HttpResponse {
            status, raw_response, ..
        } = error.kind()
        {
            let headers = raw_response
                .as_ref()
                .map(|raw| raw.headers().clone())
                .unwrap_or_default();
            let mut refusal = refusal(*status, raw_response.as_deref());
            if words == Words::Drop {
                refusal.message.clear();
            }
            let mut record = call.answered(*status, &headers);
            if !refusal.code.is_empty() {
                record = record.with_id(ERROR_CODE, refusal.code.clone());
            }
            return self.refused(refusal, &headers).answered(record);
        }
        if let Some(reason) = host_refusal(&error) {
            return Error::Refused {
                object: self.object.to_string(),
                reason,
            };
        }
        let failure = match error.kind() {
            ErrorKind::Credential => no_token(self.object.to_string(), &error),
            _ => self.failed(self.action, told(&error)),
        };
        failure.answered(call.unanswered())
    }

    /// A failure without an answer that could be used.
    pub(crate) fn failed(self, operation: &'static str, cause: impl Into<BoxError>) -> Error {
        Error::Provider {
            object: self.object.to_string(),
            operation,
            source: Some(cause.into()),
        }
    }

    /// The meaning of a refusal, by its status and code.
    pub(crate) fn refused(self, refusal: ServiceRefusal, headers: &Headers) -> Error {
        let object = self.object.to_string();
        match (refusal.status, refusal.code.as_str()) {
            (_, "BlobImmutableDueToPolicy" | "BlobImmutableDueToLegalHold" | "ScopeLocked") => {
                Error::Immutable {
                    object: format!("{object} ({refusal})"),
                    operation: self.action,
                }
            }
            (_, "BlobAlreadyExists" | "ContainerAlreadyExists") => Error::AlreadyExists { object },
            // Of the copy's source, whatever its status: no right at the destination is missing.
            (_, "CannotVerifyCopySource") => self.failed("reading the source of the copy", refusal),
            // A token that is refused is no right that is missing; it was renewed before this.
            (401, _) => Error::PermissionDenied {
                object,
                operation: "every call: the service does not accept this identity's token",
                source: Some(Box::new(refusal)),
            },
            // Source: Microsoft's "Status and error codes" of the blob service and "Configure Azure Storage firewalls".
            (403, "AuthorizationFailure") if self.action != READING_GRANTED => Error::PermissionDenied {
                object: format!("{object} (a firewall of its account can be why: have this host let in)"),
                operation: self.action,
                source: Some(Box::new(refusal)),
            },
            (403, _) => Error::PermissionDenied {
                object,
                operation: if self.action == READING_GRANTED {
                    "reading by the access that was granted: it ended, was revoked, or does not reach this host"
                } else {
                    self.action
                },
                source: Some(Box::new(refusal)),
            },
            // What holds the object is what is missing: the reader must not look for the object.
            (404, code) if is_of_parent(code) => Error::NotFound {
                object: format!("{object} ({refusal})"),
            },
            (404, _) => Error::NotFound { object },
            (409, "PendingCopyOperation") => Error::Precondition {
                object,
                expected: "no copy under way".into(),
                actual: format!("one that runs ({refusal})"),
            },
            (412, _) => Error::Precondition {
                object,
                expected: "what was there when it was looked at".into(),
                actual: format!("something else ({refusal})"),
            },
            (429, _) | (503, "ServerBusy") => Error::Throttled {
                object,
                retry_after: asked_wait(headers),
            },
            _ => self.failed(self.action, refusal),
        }
    }
}

/// Whether a 404 of this code is about what an object lies in.
fn is_of_parent(code: &str) -> bool {
    matches!(
        code,
        "ContainerNotFound"
            | "ContainerBeingDeleted"
            | "ParentResourceNotFound"
            | "ResourceGroupNotFound"
            | "SubscriptionNotFound"
    )
}

/// The meaning of a token that was not obtained: whoever gives tokens does not accept this identity, or nobody that
/// could be asked answered.
pub(crate) fn no_token(object: String, error: &azure_core::Error) -> Error {
    let source = Some(told(error).into());
    if was_not_accepted(error) || is_not_signed_in(error) {
        return Error::PermissionDenied {
            object,
            operation: OBTAINING_A_TOKEN,
            source,
        };
    }
    Error::Provider {
        object,
        operation: OBTAINING_A_TOKEN,
        source,
    }
}

/// Why no service could be asked for a token at all: the Azure CLI is missing or signed out, a file is not what it must
/// be.
#[derive(Debug)]
pub(crate) struct NotSignedIn(pub(crate) String);

impl fmt::Display for NotSignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotSignedIn {}

fn is_not_signed_in(error: &azure_core::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<NotSignedIn>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// Whether whoever gives tokens answered that it does not accept what it was shown: asking again changes nothing.
pub(crate) fn was_not_accepted(error: &azure_core::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<azure_core::Error>()
            && let ErrorKind::HttpResponse { status, .. } = error.kind()
        {
            return matches!(u16::from(*status), 400 | 401 | 403);
        }
        next = cause.source();
    }
    false
}

/// The error of Azure Resource Manager's answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ManagerAnswer {
    error: ManagerError,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ManagerError {
    code: String,
    message: String,
    innererror: Option<InnerError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InnerError {
    code: String,
}

fn refusal(status: StatusCode, raw: Option<&RawResponse>) -> ServiceRefusal {
    let mut refusal = ServiceRefusal {
        status: status.into(),
        code: String::new(),
        inner_code: None,
        message: String::new(),
    };
    let Some(raw) = raw else {
        return refusal;
    };
    let body: &[u8] = raw.body().as_ref();
    let text = String::from_utf8_lossy(body);
    let plain = |code: &str| -> String {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        code.chars().filter(is_plain).take(100).collect()
    };
    let (mut code, mut message) = (String::new(), String::new());
    if let Ok(answer) = serde_json::from_slice::<ManagerAnswer>(body) {
        let inner = answer.error.innererror.map(|inner| plain(&inner.code));
        refusal.inner_code = inner.filter(|code| !code.is_empty());
        (code, message) = (answer.error.code, answer.error.message);
    } else if text.contains("<Error>") {
        code = element(&text, "Code");
        message = element(&text, "Message");
    }
    // Request id and time follow in lines of their own; both are in the record already.
    let first_line = message.lines().next().unwrap_or_default();
    refusal.message = redact(first_line);
    if let Some(header) = raw
        .headers()
        .get_optional_str(&HeaderName::from_static("x-ms-error-code"))
    {
        code = header.to_owned();
    }
    refusal.code = plain(&code);
    refusal
}

fn element(text: &str, name: &str) -> String {
    let inner = text
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    inner.map(|(inner, _)| inner.to_owned()).unwrap_or_default()
}

fn host_refusal(error: &azure_core::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(HostRefusal(reason)) = cause.downcast_ref() {
            return Some(reason.clone());
        }
        next = cause.source();
    }
    None
}

/// The error and its causes, each once, without addresses.
fn told(error: &azure_core::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    for words in LIBRARY_WORDS {
        text = text.replace(words, "");
    }
    redact(&text)
}
