//! A service that answers by a script and remembers what it was asked, and the identity that asks it.

pub(crate) mod azurite_server;
pub(crate) mod lab;
pub(crate) mod passing;
pub(crate) mod refusal;
pub(crate) mod vault_lab;
pub(crate) mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, StatusCode};
use azure_core::time::OffsetDateTime;
use custody_azure::arm::Arm;
use custody_azure::{CleanTransport, Cloud, Patience};
use custody_core::port::Clock;
use custody_testkit::fake::FakeClock;

/// What no text of ours may hold.
pub(crate) const CANARY: &str = "CANARY-7f3a";

/// An answer of the script.
#[derive(Debug, Clone)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("x-ms-request-id".into(), "request-1".into())],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, body.to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A request as it left.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

/// Answers in the order of its script; a request beyond it fails the test.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Canned>>,
    seen: Mutex<Vec<Seen>>,
}

impl Script {
    pub(crate) fn of(answers: impl IntoIterator<Item = Canned>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            seen: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method).count()
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.answers.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl HttpClient for Script {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let header = |name: &'static str| request.headers().get_optional_string(&name.into());
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::SeekableStream(_) => "(stream)".into(),
        };
        self.seen.lock().unwrap().push(Seen {
            method: request.method().as_ref().to_owned(),
            url: request.url().to_string(),
            authorization: header("authorization"),
            body,
        });
        let answer = self.answers.lock().unwrap().pop_front();
        let Some(answer) = answer else {
            panic!(
                "the script has no answer for {} {}",
                request.method(),
                request.url()
            );
        };
        let mut headers = Headers::new();
        for (name, value) in answer.headers {
            headers.insert(name, value);
        }
        Ok(AsyncRawResponse::from_bytes(
            StatusCode::from(answer.status),
            headers,
            answer.body,
        ))
    }
}

/// Gives tokens that name their scope.
#[derive(Debug)]
pub(crate) struct Tokens;

#[async_trait]
impl TokenCredential for Tokens {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(
            Secret::new(format!("{CANARY} for {}", scopes.join(" "))),
            expires,
        ))
    }
}

pub(crate) fn tokens() -> Arc<dyn TokenCredential> {
    Arc::new(Tokens)
}

pub(crate) fn arm_of(script: &Arc<Script>) -> Arm {
    arm_with(script, Arc::new(FakeClock::new()))
}

pub(crate) fn arm_with(script: &Arc<Script>, clock: Arc<dyn Clock>) -> Arm {
    let cloud = Arc::new(Cloud::public().unwrap());
    Arm::new(
        cloud,
        CleanTransport::over(script.clone()),
        &tokens(),
        Patience::short(),
        clock,
    )
}

/// Runs a future where tokio's timer is.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// Everything that an error says, its causes and its debug form included.
pub(crate) fn all_of(error: &custody_core::Error) -> String {
    format!("{error} {error:?} {:?} {:?}", error.causes(), error.service())
}

pub(crate) fn hour() -> Duration {
    Duration::from_secs(3600)
}
