use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName as AzureName, HeaderValue as AzureValue, Headers};
use azure_core::http::{
    AsyncRawResponse, Body, HttpClient, HttpClientOptions, Request, StatusCode, Url, new_http_client,
};
use bytes::Bytes;
use futures::{AsyncReadExt as _, TryStreamExt as _};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::address::{Service, Way};
use super::cloud::{Incoming, SimulatedCloud};
use super::http::Cut;

/// The header by which the port that serves all hosts knows which one is meant.
pub(crate) const HOST_HEADER: &str = "x-sim-host";

/// Calls that never leave the process.
pub(crate) struct InProcess {
    cloud: Arc<SimulatedCloud>,
}

/// Calls through sockets to the port that serves all hosts.
pub(crate) struct OverLoopback {
    cloud: Arc<SimulatedCloud>,
    router: Url,
    inner: Arc<dyn HttpClient>,
}

impl InProcess {
    pub(crate) fn new(cloud: Arc<SimulatedCloud>) -> Self {
        Self { cloud }
    }
}

impl OverLoopback {
    pub(crate) fn new(cloud: Arc<SimulatedCloud>, router: &str) -> Self {
        let inner = new_http_client(Some(HttpClientOptions {
            automatic_decompression: false,
        }));
        Self {
            cloud,
            router: router.parse().expect("the simulator's own address"),
            inner,
        }
    }
}

/// The service that an address means; only with the scheme that production has it under.
fn service(cloud: &SimulatedCloud, url: &Url) -> azure_core::Result<Service> {
    let host = url.host_str().unwrap_or_default();
    let whole = url
        .port()
        .map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    let refuse = || {
        Error::with_message(
            ErrorKind::Other,
            format!("the simulated cloud has no host {whole}"),
        )
    };
    let service = cloud.service_of(&whole).ok_or_else(refuse)?;
    let expected = if service == Service::Metadata {
        "http"
    } else {
        "https"
    };
    if url.scheme() != expected {
        return Err(Error::with_message(
            ErrorKind::Other,
            format!("{whole} is reached by {expected} only"),
        ));
    }
    Ok(service)
}

async fn whole_body(body: &Body) -> azure_core::Result<Bytes> {
    match body.clone() {
        Body::Bytes(bytes) => Ok(bytes),
        Body::SeekableStream(mut stream) => {
            stream.reset().await?;
            let mut bytes = Vec::new();
            stream
                .read_to_end(&mut bytes)
                .await
                .map_err(|error| Error::new(ErrorKind::Io, error))?;
            Ok(bytes.into())
        }
    }
}

fn header_map(request: &Request) -> HeaderMap {
    let pairs = request.headers().iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()).ok()?))
    });
    pairs.collect()
}

#[async_trait]
impl HttpClient for InProcess {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        let incoming = Incoming {
            way: Way::Production,
            service: service(&self.cloud, url)?,
            method: request.method().as_ref().to_string(),
            path: url.path().to_string(),
            query: url.query().unwrap_or_default().to_string(),
            headers: header_map(request),
            body: whole_body(request.body()).await?,
            from: self.cloud.caller,
        };
        let head = incoming.method == "HEAD";
        let (answer, links) = self.cloud.answer(incoming);
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        if answer.cut == Cut::BeforeAnswer {
            return Err(Error::with_message(
                ErrorKind::Io,
                "the connection was closed before an answer came",
            ));
        }
        let mut headers = Headers::new();
        for (name, value) in &answer.headers {
            headers.insert(AzureName::from(name.clone()), AzureValue::from(value.clone()));
        }
        headers.insert("content-length", answer.announced_length().to_string());
        let status = StatusCode::from(answer.status);
        if head {
            return Ok(AsyncRawResponse::from_bytes(status, headers, Bytes::new()));
        }
        let stream = answer
            .into_stream(links)
            .map_err(|error| Error::new(ErrorKind::Io, error));
        Ok(AsyncRawResponse::new(status, headers, Box::pin(stream)))
    }
}

#[async_trait]
impl HttpClient for OverLoopback {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        service(&self.cloud, request.url())?;
        let mut forwarded = request.clone();
        let host = request.url().host_str().unwrap_or_default().to_string();
        let mut url = self.router.clone();
        url.set_path(request.url().path());
        url.set_query(request.url().query());
        *forwarded.url_mut() = url;
        forwarded.insert_header(HOST_HEADER, host);
        self.inner.execute_request(&forwarded).await
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess(simulated Azure)")
    }
}

impl fmt::Debug for OverLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OverLoopback({})", self.router)
    }
}
