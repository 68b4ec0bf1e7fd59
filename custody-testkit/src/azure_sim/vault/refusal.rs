use serde_json::{Value, json};

use crate::azure_sim::http::Answer;

/// Why a vault refuses.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    inner: Option<String>,
    message: String,
    challenge: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            inner: None,
            message: message.into(),
            challenge: None,
        }
    }

    /// A 403 with the code that says why.
    pub(super) fn forbidden(inner: &str, message: impl Into<String>) -> Self {
        Self {
            inner: Some(inner.into()),
            ..Self::new(403, "Forbidden", message)
        }
    }

    /// A 409 with the code that says why.
    pub(super) fn conflict(inner: &str, message: impl Into<String>) -> Self {
        Self {
            inner: Some(inner.into()),
            ..Self::new(409, "Conflict", message)
        }
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "BadParameter", message)
    }

    /// A 401 that says where a token is to be had, and for whom.
    pub(super) fn challenge(header: String, message: &str) -> Self {
        Self {
            challenge: Some(header),
            ..Self::new(401, "Unauthorized", message)
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let answer = Answer::json(
            self.status,
            &body(&self.code, self.inner.as_deref(), &self.message),
        );
        match &self.challenge {
            Some(header) => answer.with_header("www-authenticate", header),
            None => answer,
        }
    }
}

/// The body of an error. Source: `KeyVaultError` in the data plane's API description, 7.5.
fn body(code: &str, inner: Option<&str>, message: &str) -> Value {
    let mut error = json!({"code": code, "message": message});
    if let Some(inner) = inner {
        error["innererror"] = json!({"code": inner});
    }
    json!({"error": error})
}

/// The same for a fault: `Forbidden/ForbiddenByFirewall` names an inner code too.
pub(crate) fn fault_body(code: &str, message: &str) -> Value {
    let (code, inner) = code
        .split_once('/')
        .map_or((code, None), |(code, inner)| (code, Some(inner)));
    body(code, inner, message)
}
