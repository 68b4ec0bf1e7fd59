use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};
use zeroize::Zeroizing;

/// How often a request is sent again with another token. More than once, because another request may put the refused
/// token back to use in between.
const MAX_RENEWALS: u32 = 3;

/// Sends a request again, with another token, where the service refuses the one that it was shown.
///
/// Tokens are renewed before they expire by the host's clock. That clock may be slow, the metadata service counts by
/// its own, and a token can be taken back. The service says 401 before it does anything, so that it is safe to send
/// again whatever the request asks for.
#[derive(Debug)]
pub(super) struct RenewToken;

/// A token that a service refused, on its way to whoever gives tokens: not to be given again.
pub(crate) struct RefusedToken(Zeroizing<String>);

impl RefusedToken {
    /// Whether it is this token that was refused.
    pub(crate) fn is(&self, token: &AccessToken) -> bool {
        self.0.strip_prefix("Bearer ") == Some(token.token.secret())
    }
}

impl fmt::Debug for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusedToken")
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait is declared so, and async_trait compares"
)]
#[async_trait]
impl Policy for RenewToken {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let [first, rest @ ..] = next else {
            return Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "no transport",
            ));
        };
        let mut response = first.send(ctx, request, rest).await?;
        for _ in 0..MAX_RENEWALS {
            let shown = request.headers().get_optional_string(&AUTHORIZATION);
            let (StatusCode::Unauthorized, Some(shown)) = (response.status(), shown) else {
                break;
            };
            // A body that is sent as it comes is gone: whoever sent it begins anew.
            if request.body_mut().reset().await.is_err() {
                break;
            }
            let ctx = ctx.clone().with_value(RefusedToken(Zeroizing::new(shown)));
            response = first.send(&ctx, request, rest).await?;
        }
        Ok(response)
    }
}
