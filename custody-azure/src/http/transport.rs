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

/// An HTTP client whose errors carry no addresses, and whose answers are bounded.
///
/// The client below it prints the whole address of a request, signature included, in its errors' causes. Automatic
/// decompression is off in the client that [`CleanTransport::new`] makes: a stored object is its bytes.
#[derive(Debug, Clone)]
pub struct CleanTransport {
    inner: Arc<dyn HttpClient>,
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
        Self { inner }
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
            .map_err(|error| clean(&error))?;
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
