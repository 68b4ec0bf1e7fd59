use std::fmt;
use std::ops::ControlFlow;

use azure_core::error::CheckSuccessOptions;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{Method, Pipeline, PipelineSendOptions, Request, StatusCode, Url};
use bytes::Bytes;
use custody_core::extent::ByteRange;
use custody_core::{Acted, Error, Result};

use super::BLOB_VERSION;
use super::facts::BlobFacts;
use crate::http::{Call, ERROR_CODE, Failing};

/// How often a range is asked for again when its answer does not have the form that was asked for.
const MAX_ODD_ANSWERS: u32 = 3;

/// A blob at its address, which may hold a signature: shown by name only.
#[derive(Clone)]
pub(crate) struct RemoteBlob {
    pub(super) pipeline: Pipeline,
    pub(super) address: Url,
    pub(super) object: String,
    pub(super) action: &'static str,
}

/// An answer with its head and body.
pub(super) struct BlobAnswer {
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl RemoteBlob {
    pub(crate) const fn new(pipeline: Pipeline, address: Url, object: String, action: &'static str) -> Self {
        Self {
            pipeline,
            address,
            object,
            action,
        }
    }

    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    fn failing(&self) -> Failing<'_> {
        Failing {
            object: &self.object,
            action: self.action,
        }
    }

    /// What the service says of the blob; `None` only where it says that there is none, in a container that is there.
    pub(crate) async fn look(&self) -> Result<Option<Acted<BlobFacts>>> {
        match self.head().await {
            Ok(facts) => Ok(Some(facts)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the service says of the blob.
    pub(crate) async fn head(&self) -> Result<Acted<BlobFacts>> {
        let call = Call::new();
        let mut request = self.request(Method::Head, self.address.clone());
        let (status, headers, _) = self.send(&call, &mut request, &[200]).await?;
        let service = call.answered(status, &headers);
        let value =
            BlobFacts::read(&self.object, &headers).map_err(|error| error.answered(service.clone()))?;
        Ok(Acted { value, service })
    }

    /// Exactly these bytes of exactly this version of the blob.
    ///
    /// An answer of any other form is asked for again a few times and never taken: a short one, a whole one, one for
    /// another range, one of another version.
    pub(super) async fn range(&self, range: ByteRange, etag: &str) -> Result<Bytes> {
        let mut odd = String::new();
        for _ in 0..MAX_ODD_ANSWERS {
            let call = Call::new();
            let mut request = self.request(Method::Get, self.address.clone());
            let last = range.end().saturating_sub(1);
            request.insert_header(name("range"), format!("bytes={}-{last}", range.start()));
            request.insert_header(name("if-match"), etag.to_owned());
            let (status, headers, body) = self.send(&call, &mut request, &[200, 206]).await?;
            match self.check(range, etag, status, &headers, &body) {
                ControlFlow::Break(Ok(())) => return Ok(body),
                ControlFlow::Break(Err(error)) => return Err(error.answered(call.answered(status, &headers))),
                ControlFlow::Continue(why) => odd = why,
            }
        }
        Err(Error::Unreadable {
            object: self.object.clone(),
            range,
            source: Some(odd.into()),
        })
    }

    fn check(
        &self,
        range: ByteRange,
        etag: &str,
        status: StatusCode,
        headers: &Headers,
        body: &Bytes,
    ) -> ControlFlow<Result<()>, String> {
        let header = |text| headers.get_optional_str(&name(text)).unwrap_or_default();
        let found = header("etag");
        if found != etag {
            return ControlFlow::Break(Err(Error::Precondition {
                object: self.object.clone(),
                expected: format!("ETag {etag}"),
                actual: format!("ETag {}", custody_core::visible::escape(found)),
            }));
        }
        if status != StatusCode::PartialContent {
            return ControlFlow::Continue(format!("the service answered {} to a range", u16::from(status)));
        }
        let due = format!("bytes {}-{}/", range.start(), range.end().saturating_sub(1));
        let told = header("content-range");
        if !told.starts_with(&due) {
            let told = custody_core::visible::escape(told);
            return ControlFlow::Continue(format!(
                "the service answered {told:?} where {due:?} was asked for"
            ));
        }
        if body.len() as u64 != range.length() {
            let (got, due) = (body.len(), range.length());
            return ControlFlow::Continue(format!(
                "the service answered {got} bytes where {due} were asked for"
            ));
        }
        ControlFlow::Break(Ok(()))
    }

    /// One page of the list of allocated ranges.
    pub(super) async fn page_list(
        &self,
        within: ByteRange,
        etag: &str,
        marker: Option<&str>,
    ) -> Result<BlobAnswer> {
        let call = Call::new();
        let mut address = self.address.clone();
        address.query_pairs_mut().append_pair("comp", "pagelist");
        if let Some(marker) = marker {
            address.query_pairs_mut().append_pair("marker", marker);
        }
        let mut request = self.request(Method::Get, address);
        let last = within.end().saturating_sub(1);
        request.insert_header(name("x-ms-range"), format!("bytes={}-{last}", within.start()));
        request.insert_header(name("if-match"), etag.to_owned());
        let (_, headers, body) = self.send(&call, &mut request, &[200]).await?;
        Ok(BlobAnswer { headers, body })
    }

    fn request(&self, method: Method, address: Url) -> Request {
        let mut request = Request::new(address, method);
        request.insert_header(name("x-ms-version"), BLOB_VERSION);
        request
    }

    async fn send(
        &self,
        call: &Call,
        request: &mut Request,
        due: &'static [u16],
    ) -> Result<(StatusCode, Headers, Bytes)> {
        let options = PipelineSendOptions {
            check_success: CheckSuccessOptions { success_codes: due },
            ..PipelineSendOptions::default()
        };
        let response = self
            .pipeline
            .send(&call.context(), request, Some(options))
            .await
            .map_err(|error| self.failing().because(call, error))?;
        let (status, headers, body) = response.deconstruct();
        Ok((status, headers, body.into()))
    }
}

pub(super) const fn name(text: &'static str) -> HeaderName {
    HeaderName::from_static(text)
}

/// Whether the service says that the container is there, and the blob is not.
pub(super) fn is_absent(error: &Error) -> bool {
    let code = error.service().and_then(|service| service.ids.get(ERROR_CODE));
    matches!(error.meaning(), Error::NotFound { .. }) && code.is_some_and(|code| code == "BlobNotFound")
}

impl fmt::Debug for RemoteBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBlob")
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}
