use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, Pipeline, RetryOptions};

use super::bounded_wait::BoundedWait;
use super::call::CountTries;
use super::host_policy::HostPolicy;
use super::renewal::RenewToken;
use super::transport::CleanTransport;
use crate::cloud::{Cloud, HostKind};

/// How patient calls and waits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// How often a call that changes nothing is sent again after a failure that may pass. Below 50.
    pub retries: u32,
    /// The wait before the first repetition; it doubles.
    pub first_wait: Duration,
    /// The longest of these waits; what the service asks for is kept, up to `in_all`.
    pub longest_wait: Duration,
    /// How long such a call is repeated in all, and the longest single wait that a service may ask for.
    pub in_all: Duration,
    /// The shortest wait between two looks at a long-running operation.
    pub poll_floor: Duration,
    /// The longest such wait, unless the service asks for more.
    pub poll_ceiling: Duration,
    /// How long an operation may run before its waiting is given up. The operation itself goes on.
    pub operation: Duration,
}

impl Default for Patience {
    /// 12 repetitions over 15 minutes; looks every half second to 15 seconds for at most 2 hours.
    fn default() -> Self {
        Self {
            retries: 12,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            in_all: Duration::from_secs(15 * 60),
            poll_floor: Duration::from_millis(500),
            poll_ceiling: Duration::from_secs(15),
            operation: Duration::from_secs(2 * 60 * 60),
        }
    }
}

impl Patience {
    /// For a call that others need not wait for: a minute at most.
    #[must_use]
    pub(crate) fn hasty(self) -> Self {
        Self {
            retries: self.retries.min(6),
            in_all: self.in_all.min(Duration::from_secs(60)),
            ..self
        }
    }

    /// Waits of at most a few milliseconds, for tests.
    #[must_use]
    pub fn short() -> Self {
        Self {
            retries: 4,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(4),
            in_all: Duration::from_secs(10),
            poll_floor: Duration::from_millis(1),
            poll_ceiling: Duration::from_millis(4),
            operation: Duration::from_secs(30),
        }
    }
}

/// Whether a call may be sent again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or sending it twice is the same as once.
    Freely,
    /// It is sent once; whoever sends it looks before sending it again.
    Never,
}

/// How requests leave: transport, hosts that are admitted, who is named as asking, and patience.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) transport: CleanTransport,
    pub(crate) patience: Patience,
}

impl Sending {
    /// The options that make a client of Microsoft's library obey: hosts, counting, repetition.
    pub(crate) fn options(&self, kind: HostKind, repeat: Repeat) -> ClientOptions {
        let hosts: Arc<dyn Policy> = Arc::new(HostPolicy {
            cloud: self.cloud.clone(),
            kind,
        });
        let count: Arc<dyn Policy> = Arc::new(CountTries);
        let wait: Arc<dyn Policy> = Arc::new(BoundedWait {
            longest: self.patience.in_all,
        });
        ClientOptions {
            per_call_policies: vec![hosts, Arc::new(RenewToken)],
            per_try_policies: match repeat {
                Repeat::Freely => vec![wait, count],
                Repeat::Never => vec![count],
            },
            retry: self.retry(repeat),
            transport: Some(self.transport.transport()),
            ..ClientOptions::default()
        }
    }

    /// A pipeline of our own; without a credential no token is sent.
    pub(crate) fn pipeline(
        &self,
        kind: HostKind,
        repeat: Repeat,
        credential: Option<Arc<dyn TokenCredential>>,
    ) -> Pipeline {
        let mut per_try: Vec<Arc<dyn Policy>> = Vec::new();
        if let (Some(credential), Some(scope)) = (credential, self.cloud.scope(kind)) {
            per_try.push(Arc::new(BearerTokenAuthorizationPolicy::new(credential, [scope])));
        }
        Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            self.options(kind, repeat),
            Vec::new(),
            per_try,
            None,
        )
    }

    fn retry(&self, repeat: Repeat) -> RetryOptions {
        if repeat == Repeat::Never {
            return RetryOptions::none();
        }
        let span = |duration: Duration| {
            azure_core::time::Duration::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
        };
        RetryOptions::exponential(ExponentialRetryOptions {
            initial_delay: span(self.patience.first_wait),
            // The library's doubling overflows from 64 on.
            max_retries: self.patience.retries.min(40),
            max_total_elapsed: span(self.patience.in_all),
            max_delay: span(self.patience.longest_wait),
        })
    }
}
