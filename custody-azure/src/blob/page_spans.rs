use azure_storage_blob::models::PageList;
use custody_core::extent::{ByteRange, Span, ZeroWord};
use custody_core::{Error, Result};

use super::remote::{BlobAnswer, RemoteBlob, name};

/// A shorter hole is read like data: a request of its own for what follows it costs more than its zeros do.
const MIN_HOLE_BYTES: u64 = 64 * 1024;

/// The allocated ranges of a page blob, asked for page by page and turned into spans.
#[derive(Debug)]
pub(super) struct PageSpans<'a> {
    pub(super) remote: &'a RemoteBlob,
    pub(super) etag: &'a str,
    /// What is still to be told of.
    pub(super) rest: ByteRange,
    pub(super) marker: Option<String>,
    pub(super) is_done: bool,
}

impl PageSpans<'_> {
    /// The next spans; `None` at the end. What the service's list leaves out is zero on its word.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Span>>> {
        if self.is_done || self.rest.is_empty() {
            return Ok(None);
        }
        let answer = self
            .remote
            .page_list(self.rest, self.etag, self.marker.as_deref())
            .await?;
        let list = self.parse(&answer)?;
        let mut spans = Vec::new();
        for page in &list.page_ranges {
            let (Some(start), Some(end)) = (page.start, page.end) else {
                return Err(self.odd("a range without start or end"));
            };
            let (Ok(start), Ok(end)) = (u64::try_from(start), u64::try_from(end)) else {
                return Err(self.odd("a range before the beginning"));
            };
            // Ends are the last byte. The service may answer with more than was asked for, never out of order.
            let Ok(told) = ByteRange::new(start, end.saturating_add(1)) else {
                return Err(self.odd("a range that ends before it starts"));
            };
            let Some(data) = told.intersect(self.rest) else {
                if told.start() >= self.rest.end() {
                    break;
                }
                return Err(self.odd("ranges out of order"));
            };
            self.zeros_until(data.start(), &mut spans);
            spans.push(Span::Data(data));
            self.advance(data.end());
        }
        match list.next_marker.filter(|marker| !marker.is_empty()) {
            Some(marker) if Some(&marker) == self.marker.as_ref() => {
                return Err(self.odd("the same page again"));
            }
            Some(marker) => self.marker = Some(marker),
            None => {
                self.zeros_until(self.rest.end(), &mut spans);
                self.is_done = true;
            }
        }
        Ok(Some(spans))
    }

    fn parse(&self, answer: &BlobAnswer) -> Result<PageList> {
        let etag = answer.headers.get_optional_str(&name("etag")).unwrap_or_default();
        if etag != self.etag {
            return Err(Error::Precondition {
                object: self.remote.object().to_owned(),
                expected: format!("ETag {}", self.etag),
                actual: format!("ETag {}", custody_core::visible::escape(etag)),
            });
        }
        azure_core::xml::from_xml(&answer.body).map_err(|_quotes_the_answer| self.odd("no list of ranges"))
    }

    fn zeros_until(&mut self, end: u64, spans: &mut Vec<Span>) {
        let Some(length) = end.checked_sub(self.rest.start()).filter(|length| *length > 0) else {
            return;
        };
        let zeros = ByteRange::at(self.rest.start(), length);
        spans.push(if length < MIN_HOLE_BYTES {
            Span::Data(zeros)
        } else {
            Span::Zero(zeros, ZeroWord::ServicePageList)
        });
        self.advance(end);
    }

    fn advance(&mut self, to: u64) {
        self.rest = ByteRange::at(to, self.rest.end().saturating_sub(to));
    }

    fn odd(&self, what: &str) -> Error {
        Error::Provider {
            object: self.remote.object().to_owned(),
            operation: "listing allocated ranges",
            source: Some(format!("the service answered {what}").into()),
        }
    }
}
