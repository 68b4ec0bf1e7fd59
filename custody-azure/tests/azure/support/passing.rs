//! Clocks, transports and identities with which time passes at a chosen moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request};
use custody_core::ids::Timestamp;
use custody_core::port::Clock;
use custody_testkit::azure_sim::Scenario;

use crate::support::lab::{Lab, LabClock};

/// The lab's clock, by which something happens once while the service copies.
#[derive(Clone)]
pub(crate) struct PassingClock {
    lab: Lab,
    happens: Arc<dyn Fn(&Lab) + Send + Sync>,
    passed: Arc<AtomicBool>,
}

impl PassingClock {
    /// A long time passes.
    pub(crate) fn while_copying(lab: &Lab, by: Duration) -> Arc<Self> {
        Self::once_copying(lab, move |lab| lab.clock.advance(by))
    }

    pub(crate) fn once_copying(lab: &Lab, happens: impl Fn(&Lab) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            lab: lab.clone(),
            happens: Arc::new(happens),
            passed: Arc::default(),
        })
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }

    fn is_copying(&self) -> bool {
        let (account, container) = (Scenario::LAB_ACCOUNT, Scenario::LAB_CONTAINER);
        let cloud = &self.lab.simulator;
        let pending = |name: &String| {
            let blob = cloud.blob(account, container, name);
            blob.is_some_and(|blob| blob.copy_status == Some("pending"))
        };
        cloud.blob_names(account, container).iter().any(pending)
    }
}

impl fmt::Debug for PassingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassingClock")
    }
}

impl fmt::Display for PassingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a clock")
    }
}

#[async_trait]
impl Clock for PassingClock {
    fn now(&self) -> Timestamp {
        self.lab.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.lab.clock.monotonic()
    }

    fn boot_id(&self) -> String {
        self.lab.clock.boot_id()
    }

    async fn sleep(&self, duration: Duration) {
        if !self.has_passed() && self.is_copying() && !self.passed.swap(true, Ordering::Relaxed) {
            (self.happens)(&self.lab);
        }
        self.lab.clock.sleep(duration).await;
    }
}

/// A clock that is wrong by so much; it runs as the lab's does.
#[derive(Clone)]
pub(crate) struct SkewedClock {
    clock: LabClock,
    millis: i64,
}

impl SkewedClock {
    pub(crate) fn new(lab: &Lab, millis: i64) -> Self {
        Self {
            clock: lab.clock.clone(),
            millis,
        }
    }
}

impl fmt::Debug for SkewedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SkewedClock")
    }
}

impl fmt::Display for SkewedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a wrong clock")
    }
}

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.clock.now().unix_millis() + self.millis).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn boot_id(&self) -> String {
        self.clock.boot_id()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

/// The lab's transport, with which a long time passes once before an export's range is asked for.
pub(crate) struct PassingTransport {
    inner: Arc<dyn HttpClient>,
    lab: Lab,
    nth: u32,
    by: Duration,
    ranges: AtomicU32,
}

impl PassingTransport {
    pub(crate) fn before_range(lab: &Lab, nth: u32, by: Duration) -> Arc<Self> {
        Arc::new(Self {
            inner: lab.simulator.transport(),
            lab: lab.clone(),
            nth,
            by,
            ranges: AtomicU32::new(0),
        })
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.ranges.load(Ordering::Relaxed) >= self.nth
    }
}

impl fmt::Debug for PassingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassingTransport")
    }
}

#[async_trait]
impl HttpClient for PassingTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        let is_export =
            url.host_str().is_some_and(|host| host.starts_with("md-")) && url.path().ends_with("/abcd");
        let is_list = url.query().unwrap_or_default().contains("comp=");
        let is_range = is_export && !is_list && request.method() == Method::Get;
        if is_range && self.ranges.fetch_add(1, Ordering::Relaxed) + 1 == self.nth {
            self.lab.clock.advance(self.by);
        }
        self.inner.execute_request(request).await
    }
}

/// An identity that does not answer any more once the time has passed.
#[derive(Debug)]
pub(crate) struct AilingIdentity {
    clock: Arc<PassingClock>,
    inner: Arc<dyn TokenCredential>,
}

impl AilingIdentity {
    pub(crate) fn once(clock: Arc<PassingClock>, lab: &Lab) -> Arc<dyn TokenCredential> {
        Arc::new(Self {
            clock,
            inner: lab.credential.clone(),
        })
    }
}

#[async_trait]
impl TokenCredential for AilingIdentity {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if self.clock.has_passed() {
            return Err(azure_core::Error::with_message(
                ErrorKind::Credential,
                "no answer",
            ));
        }
        self.inner.get_token(scopes, options).await
    }
}
