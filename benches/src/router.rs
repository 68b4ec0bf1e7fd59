use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, HttpClientOptions, Request, Url, new_http_client};

/// By this header the simulator's port for all hosts knows which one is meant.
pub(crate) const HOST_HEADER: &str = "x-sim-host";

/// The HTTP client of production, led to a simulator's port for all hosts: addresses stay production's, and no TLS is
/// in the way of what is measured.
#[derive(Debug)]
pub struct Router {
    port: Url,
    inner: Arc<dyn HttpClient>,
}

impl Router {
    /// To the port at this address.
    ///
    /// # Panics
    /// When it is no address.
    #[must_use]
    pub fn new(port: &str) -> Self {
        Self {
            port: port.parse().expect("an address"),
            inner: new_http_client(Some(HttpClientOptions {
                automatic_decompression: false,
            })),
        }
    }
}

#[async_trait]
impl HttpClient for Router {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut forwarded = request.clone();
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let mut url = self.port.clone();
        url.set_path(request.url().path());
        url.set_query(request.url().query());
        *forwarded.url_mut() = url;
        forwarded.insert_header(HOST_HEADER, host);
        self.inner.execute_request(&forwarded).await
    }
}
