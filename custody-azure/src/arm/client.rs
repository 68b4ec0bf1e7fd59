use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::error::CheckSuccessOptions;
use azure_core::http::headers::{CONTENT_TYPE, HeaderName, Headers};
use azure_core::http::{Method, Pipeline, PipelineSendOptions, RawResponse, Request, Url};
use bytes::Bytes;
use custody_core::port::Clock;
use custody_core::{Acted, Error, Result, ServiceRecord};
use serde::de::DeserializeOwned;

use super::{Page, ResourceId};
use crate::cloud::{Cloud, HostKind};
use crate::http::{Call, CleanTransport, Failing, Patience, Repeat, Sending, was_not_taken};

/// The most pages of a list that are followed.
const MAX_PAGES: usize = 10_000;

/// Azure Resource Manager, as one identity sees it.
///
/// Calls that only read are repeated after failures that may pass. A call that changes something is sent once, unless
/// the service refuses it for being busy (429), before it does anything: then it is sent again after the wait that the
/// service asks for. After any other failure whoever sends it looks at the resource before sending it again. Needs
/// tokio's timer where calls are repeated.
#[derive(Clone)]
pub struct Arm {
    pub(super) sending: Sending,
    pub(super) clock: Arc<dyn Clock>,
    reads: Pipeline,
    hasty_reads: Pipeline,
    writes: Pipeline,
}

/// A body as the service answered it, and what it said beside it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RawAnswer {
    /// The body's bytes.
    pub body: Bytes,
    /// Ids, status and date.
    pub service: ServiceRecord,
}

/// An answer before anything is made of it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
    pub(super) service: ServiceRecord,
}

impl Answered {
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get_optional_str(&HeaderName::from_static(name))
    }

    /// The body as a value.
    pub(super) fn parse<T: DeserializeOwned>(&self, object: &dyn fmt::Display) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| malformed(object, &error).answered(self.service.clone()))
    }
}

/// An answer that does not have the form that the service's documents give it.
pub(super) fn malformed(object: &dyn fmt::Display, error: &serde_json::Error) -> Error {
    Error::Provider {
        object: object.to_string(),
        operation: "reading the service's answer",
        // The library's message can quote what it read: only the place is told.
        source: Some(
            format!(
                "unexpected form at line {} column {}",
                error.line(),
                error.column()
            )
            .into(),
        ),
    }
}

impl Arm {
    /// A client of this cloud's Resource Manager. Sends nothing yet.
    #[must_use]
    pub fn new(
        cloud: Arc<Cloud>,
        transport: CleanTransport,
        credential: &Arc<dyn TokenCredential>,
        patience: Patience,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sending = Sending {
            cloud,
            transport,
            patience,
        };
        let hasty = Sending {
            patience: patience.hasty(),
            ..sending.clone()
        };
        let pipeline = |sending: &Sending, repeat| {
            sending.pipeline(HostKind::ResourceManager, repeat, Some(credential.clone()))
        };
        Self {
            reads: pipeline(&sending, Repeat::Freely),
            hasty_reads: pipeline(&hasty, Repeat::Freely),
            writes: pipeline(&sending, Repeat::Never),
            sending,
            clock,
        }
    }

    /// The cloud.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.sending.cloud
    }

    /// The same, which reads with less patience: for what need not be known before the rest can go on.
    pub(crate) fn hasty(&self) -> Self {
        Self {
            reads: self.hasty_reads.clone(),
            ..self.clone()
        }
    }

    pub(crate) const fn sending(&self) -> &Sending {
        &self.sending
    }

    pub(crate) fn patience(&self) -> Patience {
        self.sending.patience
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The answer to a GET of a resource, or of something below it, as bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PermissionDenied`] naming `action`; otherwise the service's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn fetch(&self, path: &str, query: &[(&str, &str)], action: &'static str) -> Result<RawAnswer> {
        let answer = self
            .send(
                Method::Get,
                self.address(path, query),
                None,
                &[200],
                &path,
                action,
            )
            .await?;
        Ok(RawAnswer {
            body: answer.body,
            service: answer.service,
        })
    }

    /// The answers of a list, page by page as they are, up to its end or to what went wrong.
    pub(crate) async fn fetch_pages(
        &self,
        path: &str,
        query: &[(&str, &str)],
        action: &'static str,
    ) -> (Vec<RawAnswer>, Result<()>) {
        let mut pages = Vec::new();
        let mut next = Some(self.address(path, query));
        while let Some(address) = next {
            if pages.len() >= MAX_PAGES {
                let error = Failing {
                    object: &path,
                    action,
                }
                .failed(action, "the list does not end");
                return (pages, Err(error));
            }
            let answer = match self.send(Method::Get, address, None, &[200], &path, action).await {
                Ok(answer) => answer,
                Err(error) => return (pages, Err(error)),
            };
            let link = answer
                .parse::<Page<serde_json::Value>>(&path)
                .map(|page| page.next_link);
            pages.push(RawAnswer {
                body: answer.body,
                service: answer.service,
            });
            next = match link.and_then(|link| self.next_page(link)) {
                Ok(next) => next,
                Err(error) => return (pages, Err(error)),
            };
        }
        (pages, Ok(()))
    }

    /// The address of the next page, held to the cloud's hosts.
    fn next_page(&self, link: Option<String>) -> Result<Option<Url>> {
        match link.filter(|link| !link.is_empty()) {
            Some(link) => self
                .cloud()
                .admit_text(HostKind::ResourceManager, &link)
                .map(Some),
            None => Ok(None),
        }
    }

    /// A resource, read.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        id: &ResourceId,
        query: &[(&str, &str)],
        action: &'static str,
    ) -> Result<Acted<T>> {
        let address = self.address(id.as_str(), query);
        let answer = self.send(Method::Get, address, None, &[200], id, action).await?;
        Ok(Acted {
            value: answer.parse(id)?,
            service: answer.service,
        })
    }

    /// All items of a list, page by page. Each page's address is held to the cloud's hosts.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        action: &'static str,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut next = Some(self.address(path, query));
        let mut pages = 0;
        while let Some(address) = next {
            pages += 1;
            if pages > MAX_PAGES {
                return Err(Failing {
                    object: &path,
                    action,
                }
                .failed(action, "the list does not end"));
            }
            let answer = self
                .send(Method::Get, address, None, &[200], &path, action)
                .await?;
            let page: Page<T> = answer.parse(&path)?;
            all.extend(page.value);
            next = self.next_page(page.next_link)?;
        }
        Ok(all)
    }

    /// One request. A GET is repeated by itself; anything else is sent again only when the service was too busy to take
    /// it, as long as its waits fit into the patience for one call.
    pub(super) async fn send(
        &self,
        method: Method,
        address: Url,
        body: Option<&serde_json::Value>,
        due: &'static [u16],
        object: &(dyn fmt::Display + Sync),
        action: &'static str,
    ) -> Result<Answered> {
        let patience = self.sending.patience;
        let (mut left, mut unasked) = (patience.in_all, patience.first_wait);
        loop {
            let sent = self
                .send_once(method, address.clone(), body, due, object, action)
                .await;
            let wait = match &sent {
                Err(error) if method != Method::Get => busy_for(error, unasked),
                _ => None,
            };
            let Some((wait, rest)) = wait.and_then(|wait| Some((wait, left.checked_sub(wait)?))) else {
                return sent;
            };
            left = rest;
            unasked = unasked.saturating_mul(2).min(patience.longest_wait);
            self.clock.sleep(wait).await;
        }
    }

    async fn send_once(
        &self,
        method: Method,
        address: Url,
        body: Option<&serde_json::Value>,
        due: &'static [u16],
        object: &(dyn fmt::Display + Sync),
        action: &'static str,
    ) -> Result<Answered> {
        let failing = Failing { object, action };
        let call = Call::new();
        let pipeline = if method == Method::Get {
            &self.reads
        } else {
            &self.writes
        };
        let mut request = Request::new(address, method);
        if let Some(body) = body {
            request.insert_header(CONTENT_TYPE, "application/json");
            request
                .set_json(body)
                .map_err(|error| failing.because(&call, error))?;
        } else if method != Method::Get {
            request.insert_header(HeaderName::from_static("content-length"), "0");
        }
        let options = PipelineSendOptions {
            check_success: CheckSuccessOptions { success_codes: due },
            ..PipelineSendOptions::default()
        };
        let response: RawResponse = pipeline
            .send(&call.context(), &mut request, Some(options))
            .await
            .map_err(|error| failing.because(&call, error))?;
        let (status, headers, body) = response.deconstruct();
        Ok(Answered {
            status: status.into(),
            service: call.answered(status, &headers),
            headers,
            body: body.into(),
        })
    }

    /// The address of a path at the Resource Manager.
    pub(super) fn address(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut address = self.sending.cloud.manager().clone();
        let base = address.path().trim_end_matches('/').to_owned();
        address.set_path(&format!("{base}{path}"));
        address.query_pairs_mut().extend_pairs(query);
        // A space is `+` in forms only; a `+` of ours is `%2B` by now.
        if let Some(query) = address.query().filter(|query| query.contains('+')) {
            let query = query.replace('+', "%20");
            address.set_query(Some(&query));
        }
        address
    }
}

/// How long to wait before a service that was too busy to take a request is asked again: what it asked for, and at
/// least `unasked`.
fn busy_for(error: &Error, unasked: Duration) -> Option<Duration> {
    match error.meaning() {
        Error::Throttled { retry_after, .. } if was_not_taken(error) => {
            Some(retry_after.unwrap_or_default().max(unasked))
        }
        _ => None,
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Azure Resource Manager of the {}", self.sending.cloud)
    }
}

impl fmt::Debug for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arm")
            .field("cloud", &self.sending.cloud)
            .finish_non_exhaustive()
    }
}
