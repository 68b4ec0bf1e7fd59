//! Operations that go on after their request was answered.
//!
//! The addresses that the service gives for asking about an operation carry authority (since 2024 a signed token of
//! about 5 kB), so they live in memory only, and are followed only on hosts of the cloud. What survives a restart is
//! the journaled intent: what was to be done, and to which resource. It is taken up again by looking at the resource
//! itself.

use std::time::Duration;

use azure_core::http::{Method, Url};
use custody_core::{Acted, Error, Result};
use serde::Deserialize;
use serde_json::Value;

use super::ResourceId;
use super::client::{Answered, Arm};
use crate::cloud::HostKind;
use crate::http::{
    ERROR_CODE, Failing, POLLING, READ_DISK_OPERATION, READ_OPERATION, ServiceRefusal, WAITING,
    of_retry_after, redact, refusal_of,
};

/// Where to ask how an operation goes on. Holds authority: never shown, never stored.
struct Progress {
    status: Option<Url>,
    location: Option<Url>,
}

/// The answer to a look at an operation's status.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusAnswer {
    status: String,
    properties: StatusProperties,
    error: Option<StatusError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusProperties {
    output: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusError {
    code: String,
    message: String,
}

impl Arm {
    /// Waits for the end of an operation that this answer began, and gives its result: `None` where the service says
    /// that it succeeded and gives none.
    pub(super) async fn finish(
        &self,
        begun: Answered,
        id: &ResourceId,
        action: &'static str,
    ) -> Result<Acted<Option<Value>>> {
        let service = begun.service.clone();
        let with_service = |error: Error| match error.service() {
            Some(_) => error,
            None => error.answered(service.clone()),
        };
        let progress = self.progress(&begun).map_err(with_service)?;
        let Some(progress) = progress else {
            let value = (!begun.body.is_empty()).then(|| begun.parse(id)).transpose()?;
            return Ok(Acted {
                value,
                service: begun.service,
            });
        };
        let mut wait = self.first_wait(&begun);
        let mut waited = Duration::ZERO;
        loop {
            self.clock.sleep(wait).await;
            waited = waited.saturating_add(wait);
            let (outcome, next) = self.look(&progress, id, action, wait).await?;
            if let Some(value) = outcome {
                return Ok(Acted {
                    value,
                    service: begun.service,
                });
            }
            if waited >= self.sending.patience.operation {
                let error = Failing { object: id, action }
                    .failed(WAITING, format!("it did not end in {} s", waited.as_secs()));
                return Err(error.answered(begun.service));
            }
            wait = next;
        }
    }

    /// One look. The outer `None` means that it still runs; the wait until the next look comes with it.
    async fn look(
        &self,
        progress: &Progress,
        id: &ResourceId,
        action: &'static str,
        last_wait: Duration,
    ) -> Result<(Option<Option<Value>>, Duration)> {
        let address = match (&progress.status, &progress.location) {
            (Some(status), _) => status,
            (None, Some(location)) => location,
            (None, None) => return Ok((Some(None), last_wait)),
        };
        let answer = self
            .send(
                Method::Get,
                address.clone(),
                None,
                &[200, 201, 202, 204],
                id,
                action,
            )
            .await
            .map_err(|error| unanswered(error, id, progress, address))?;
        let next = self.next_wait(&answer, last_wait);
        if progress.status.is_none() {
            // The location answers 202 while it runs, then exactly what the call would have answered.
            if answer.status == 202 {
                return Ok((None, next));
            }
            let value = (!answer.body.is_empty()).then(|| answer.parse(id)).transpose()?;
            return Ok((Some(value), next));
        }
        let status: StatusAnswer = answer.parse(id)?;
        match status.status.to_ascii_lowercase().as_str() {
            "succeeded" => Ok((Some(status.properties.output), next)),
            "failed" | "canceled" | "cancelled" => Err(failed(id, action, &status).answered(answer.service)),
            _ => Ok((None, next)),
        }
    }

    fn progress(&self, begun: &Answered) -> Result<Option<Progress>> {
        let admit = |text: &str| self.cloud().admit_text(HostKind::ResourceManager, text);
        let status = begun.header("azure-asyncoperation").map(admit).transpose()?;
        // A location beside a direct answer tells where a new resource is, not how an operation goes on.
        let location = match begun.header("location") {
            Some(text) if status.is_some() || begun.status == 202 => Some(admit(text)?),
            _ => None,
        };
        Ok((status.is_some() || location.is_some()).then_some(Progress { status, location }))
    }

    fn first_wait(&self, begun: &Answered) -> Duration {
        let patience = &self.sending.patience;
        asked_wait(begun).unwrap_or_default().max(patience.poll_floor)
    }

    /// What the service asks for, or half as long again as last time; between our floor and ceiling.
    fn next_wait(&self, answer: &Answered, last: Duration) -> Duration {
        let patience = &self.sending.patience;
        let own = last.saturating_add(last / 2).clamp(
            patience.poll_floor,
            patience.poll_ceiling.max(patience.poll_floor),
        );
        asked_wait(answer).map_or(own, |asked| asked.max(patience.poll_floor))
    }

    /// Sends a request that begins an operation, and waits for its end.
    pub(super) async fn operate(
        &self,
        method: Method,
        address: Url,
        body: Option<&Value>,
        id: &ResourceId,
        action: &'static str,
    ) -> Result<Acted<Option<Value>>> {
        let begun = self
            .send(method, address, body, &[200, 201, 202, 204], id, action)
            .await?;
        self.finish(begun, id, action).await
    }
}

/// What the service asks to wait, at most ten minutes: nobody may hold a capture up for longer by one header.
fn asked_wait(answer: &Answered) -> Option<Duration> {
    const MAX_WAIT: Duration = Duration::from_secs(600);
    let asked = of_retry_after(answer.header("retry-after")?, answer.header("date"))?;
    Some(asked.min(MAX_WAIT))
}

fn failed(id: &ResourceId, action: &'static str, status: &StatusAnswer) -> Error {
    let (code, message) = match &status.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => (status.status.as_str(), "no reason was given"),
    };
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let refusal = ServiceRefusal {
        status: 200,
        code: code.chars().filter(plain).take(100).collect(),
        inner_code: None,
        message: redact(message),
    };
    Failing { object: id, action }.failed("the operation", refusal)
}

/// What it means that the service does not answer how an operation goes on: nothing of the operation itself, and nothing
/// of the resource.
///
/// A location answers what the call would have answered: what it refuses may be the operation's own end, unless it is a
/// right.
fn unanswered(error: Error, id: &ResourceId, progress: &Progress, address: &Url) -> Error {
    let service = error.service().cloned().unwrap_or_default();
    let object = id.to_string();
    let untold = match error.meaning() {
        Error::PermissionDenied { .. } => {
            let is_of_look = |refusal: &&ServiceRefusal| {
                let of_status = progress.status.is_some() || refusal.code == "AuthorizationFailed";
                refusal.status == 403 && of_status
            };
            let Some(refusal) = refusal_of(&error).filter(is_of_look).cloned() else {
                return error;
            };
            Error::PermissionDenied {
                object,
                operation: right_to_look(address),
                source: Some(Box::new(refusal)),
            }
        }
        Error::NotFound { .. } => {
            let code = service.ids.get(ERROR_CODE).map_or("no code", String::as_str);
            Error::Provider {
                object,
                operation: POLLING,
                source: Some(format!("the service does not know the operation (404 {code})").into()),
            }
        }
        _ => return error,
    };
    untold.answered(service)
}

fn right_to_look(address: &Url) -> &'static str {
    if address.path().to_ascii_lowercase().contains("/diskoperations/") {
        READ_DISK_OPERATION
    } else {
        READ_OPERATION
    }
}
