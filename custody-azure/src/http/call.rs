use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use azure_core::Uuid;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::options::ClientRequestId;
use azure_core::http::{ClientMethodOptions, Context, Request, StatusCode};
use custody_core::ServiceRecord;

/// Ids that an auditor matches with the provider's logs, by the names that the service gives them.
const ID_HEADERS: [&str; 4] = [
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-ms-version-id",
];

/// The longest id that is kept.
const MAX_ID_CHARACTERS: usize = 200;

/// One call: its client request id, and how often it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    id: String,
    tries: Arc<AtomicU32>,
}

impl Call {
    pub(crate) fn new() -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            tries: Arc::default(),
        }
    }

    /// What the request is to be sent with.
    pub(crate) fn context(&self) -> Context<'static> {
        Context::new()
            .with_value(ClientRequestId::new(self.id.clone()))
            .with_value(Tries(self.tries.clone()))
            .into_owned()
    }

    /// The same, as Microsoft's clients take it.
    pub(crate) fn options(&self) -> ClientMethodOptions<'static> {
        ClientMethodOptions {
            context: self.context(),
        }
    }

    /// What is known without an answer.
    pub(crate) fn unanswered(&self) -> ServiceRecord {
        ServiceRecord::none()
            .with_id("x-ms-client-request-id", self.id.clone())
            .with_attempts(self.tries.load(Ordering::Relaxed))
    }

    /// What the service answered.
    pub(crate) fn answered(&self, status: StatusCode, headers: &Headers) -> ServiceRecord {
        let mut record = self.unanswered().with_status(u16::from(status).to_string());
        for name in ID_HEADERS {
            if let Some(value) = headers.get_optional_str(&HeaderName::from_static(name)) {
                record = record.with_id(name, short(value));
            }
        }
        if let Some(date) = headers.get_optional_str(&HeaderName::from_static("date")) {
            record = record.with_date(short(date));
        }
        record
    }
}

fn short(value: &str) -> String {
    let value: String = value.chars().take(MAX_ID_CHARACTERS).collect();
    custody_core::visible::escape(&value)
}

/// How often a call was sent, counted where it leaves.
#[derive(Debug)]
struct Tries(Arc<AtomicU32>);

/// Counts.
#[derive(Debug)]
pub(super) struct CountTries;

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait is declared so, and async_trait compares"
)]
#[async_trait]
impl Policy for CountTries {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if let Some(Tries(tries)) = ctx.value() {
            tries.fetch_add(1, Ordering::Relaxed);
        }
        match next {
            [first, rest @ ..] => first.send(ctx, request, rest).await,
            [] => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "no transport",
            )),
        }
    }
}
