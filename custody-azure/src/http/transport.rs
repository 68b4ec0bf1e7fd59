use std::error::Error as _;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{
    AsyncRawResponse, HttpClient, HttpClientOptions, Request, Transport, new_http_client,
};
use futures::StreamExt as _;

use super::redaction::redact;

/// The most bytes that one answer may have. The largest that is asked for is a range of 8 MiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// What the client below says of a proxy's 407. Source: hyper-util 0.1.21, `TunnelError`.
const PROXY_WANTS_A_NAME: &str = "proxy authorization required";

/// An HTTP client whose errors carry no addresses, and whose answers are bounded.
///
/// The client below it prints the whole address of a request, signature included, in its errors' causes. Automatic
/// decompression is off in the client that [`CleanTransport::new`] makes: a stored object is its bytes.
#[derive(Debug, Clone)]
pub struct CleanTransport {
    inner: Arc<dyn HttpClient>,
    proxy: Option<String>,
}

impl CleanTransport {
    /// Over the client of Microsoft's library: TLS by rustls with the system's certificates, HTTP/1.1, no redirects;
    /// proxies by `HTTPS_PROXY` and `NO_PROXY`.
    #[must_use]
    pub fn new() -> Self {
        Self::over(new_http_client(Some(HttpClientOptions {
            automatic_decompression: false,
        })))
    }

    /// Over another client, which must not decompress and must not follow redirects.
    #[must_use]
    pub fn over(inner: Arc<dyn HttpClient>) -> Self {
        Self { inner, proxy: None }
    }

    /// Says in errors of connecting that this proxy stands between: the client tells only where it wanted to go.
    /// Names the proxy's host and port, and never who it is told that we are.
    #[must_use]
    pub fn with_proxy_named(mut self, proxy: &str) -> Self {
        let after_scheme = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        self.proxy = (!host.is_empty()).then(|| custody_core::visible::escape(host));
        self
    }

    pub(crate) fn transport(&self) -> Transport {
        Transport::new(Arc::new(self.clone()))
    }
}

impl Default for CleanTransport {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl HttpClient for CleanTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = self
            .inner
            .execute_request(request)
            .await
            .map_err(|error| self.told(&error))?;
        let (status, headers, body) = response.deconstruct();
        let mut seen = 0_usize;
        let body = body.map(move |piece| match piece {
            Ok(bytes) => {
                seen = seen.saturating_add(bytes.len());
                if seen > MAX_ANSWER_BYTES {
                    return Err(Error::with_message(
                        ErrorKind::Other,
                        format!("the answer has more than {MAX_ANSWER_BYTES} bytes"),
                    ));
                }
                Ok(bytes)
            }
            Err(error) => Err(clean(&error)),
        });
        Ok(AsyncRawResponse::new(status, headers, Box::pin(body)))
    }
}

impl CleanTransport {
    /// The error of a request that got no answer.
    fn told(&self, error: &Error) -> Error {
        let error = clean(error);
        match (&self.proxy, error.kind()) {
            (Some(proxy), ErrorKind::Connection) => Error::with_message(
                // A proxy that wants to know who asks will not have forgotten it a moment later.
                if error.to_string().contains(PROXY_WANTS_A_NAME) {
                    ErrorKind::Other
                } else {
                    ErrorKind::Connection
                },
                format!(
                    "{error} (hosts that NO_PROXY does not name are reached through the proxy {proxy}, which HTTPS_PROXY names)"
                ),
            ),
            _ => error,
        }
    }
}

/// The same kind of error, its causes told as text without addresses.
fn clean(error: &Error) -> Error {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    Error::with_message(error.kind().clone(), redact(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_proxy_only_host_and_port_are_named() {
        for (text, named) in [
            (
                "http://user:CANARY@proxy.example:3128/",
                Some("proxy.example:3128"),
            ),
            ("https://proxy.example", Some("proxy.example")),
            ("user:CA@NARY@proxy.example:8080", Some("proxy.example:8080")),
            ("http://", None),
            ("", None),
        ] {
            let transport = CleanTransport::new().with_proxy_named(text);
            assert_eq!(transport.proxy.as_deref(), named, "{text}");
        }
    }
}
