use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};

use crate::cloud::{Cloud, HostKind};

/// Refuses a request that would leave the cloud, before a token is attached to it.
#[derive(Debug)]
pub(super) struct HostPolicy {
    pub(super) cloud: Arc<Cloud>,
    pub(super) kind: HostKind,
}

/// A request that was not sent because of where it would have gone.
#[derive(Debug)]
pub(super) struct HostRefusal(pub(super) String);

impl fmt::Display for HostRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostRefusal {}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait is declared so, and async_trait compares"
)]
#[async_trait]
impl Policy for HostPolicy {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if let Err(error) = self.cloud.admit(self.kind, request.url()) {
            return Err(Error::new(ErrorKind::Other, HostRefusal(error.to_string())));
        }
        match next {
            [first, rest @ ..] => first.send(ctx, request, rest).await,
            [] => Err(Error::with_message(ErrorKind::Other, "no transport")),
        }
    }
}
