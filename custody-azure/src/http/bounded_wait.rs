use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context, Request};

use super::asked_wait::of_retry_after;

/// The names under which a service asks to wait for milliseconds, and for seconds or until an instant.
const MILLISECONDS: [&str; 2] = ["x-ms-retry-after-ms", "retry-after-ms"];
const SECONDS: &str = "retry-after";

/// Keeps waits that a service asks for below a bound, instants told as seconds: nobody may hold a capture up for longer
/// by one header.
#[derive(Debug)]
pub(super) struct BoundedWait {
    pub(super) longest: Duration,
}

impl BoundedWait {
    fn bound(&self, headers: &mut Headers) {
        let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        for name in MILLISECONDS.map(HeaderName::from_static) {
            if let Some(asked) = headers.get_optional_string(&name) {
                // What is no number leaves the wait to us.
                let kept = asked.trim().parse::<u64>().map_or(0, |asked| asked.min(longest));
                headers.insert(name, kept.to_string());
            }
        }
        let name = HeaderName::from_static(SECONDS);
        if let Some(asked) = headers.get_optional_string(&name) {
            let date = headers.get_optional_string(&HeaderName::from_static("date"));
            let wait = of_retry_after(&asked, date.as_deref()).unwrap_or_default();
            headers.insert(name, wait.as_secs().min(longest / 1000).to_string());
        }
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait is declared so, and async_trait compares"
)]
#[async_trait]
impl Policy for BoundedWait {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let [first, rest @ ..] = next else {
            return Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "no transport",
            ));
        };
        let (status, mut headers, body) = first.send(ctx, request, rest).await?.deconstruct();
        self.bound(&mut headers);
        Ok(AsyncRawResponse::new(status, headers, Box::pin(body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_holds_a_call_up_for_longer_than_the_bound() {
        let policy = BoundedWait {
            longest: Duration::from_secs(900),
        };
        for (name, asked, kept) in [
            ("retry-after", "7", "7"),
            ("retry-after", "86400", "900"),
            ("retry-after", "99999999999999999999", "0"),
            ("retry-after", "-5", "0"),
            ("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT", "10"),
            ("retry-after", "Wed, 01 Jan 2110 00:00:00 GMT", "900"),
            ("retry-after", "tomorrow", "0"),
            ("x-ms-retry-after-ms", "86400000", "900000"),
        ] {
            let mut headers = Headers::new();
            headers.insert("date", "Thu, 31 Dec 2099 23:59:50 GMT");
            headers.insert(name, asked);
            policy.bound(&mut headers);
            let found = headers.get_optional_string(&HeaderName::from_static(name));
            assert_eq!(found.as_deref(), Some(kept), "{name}: {asked}");
        }
    }
}
