use std::net::IpAddr;

use bytes::Bytes;
use hyper::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::Query;
use crate::azure_sim::address::{Service, Way};
use crate::azure_sim::clock::from_http_date;

/// A request that reached the cloud. Not printable: its headers and its query carry secrets.
pub(crate) struct Call {
    /// By which way it came; answers carry addresses of the same way.
    pub(crate) way: Way,
    /// Whom it is for.
    pub(crate) service: Service,
    /// `GET` and so on.
    pub(crate) method: String,
    /// The path, still percent-encoded, without what a loopback address puts before it.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The number that the answer will carry.
    pub(crate) request_id: String,
    /// Where it came from.
    pub(crate) from: IpAddr,
    /// When it was received, by the cloud's clock.
    pub(crate) at: Timestamp,
}

/// What a Range header asks for. The end is the last byte that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSpan {
    pub(crate) first: u64,
    pub(crate) last: Option<u64>,
}

impl ByteSpan {
    /// Reads `bytes=0-511` or `bytes=512-`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
        let last = if last.is_empty() {
            None
        } else {
            Some(last.parse().ok()?)
        };
        Some(Self {
            first: first.parse().ok()?,
            last,
        })
    }
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn header_is(&self, name: &str, value: &str) -> bool {
        self.header(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name).and_then(|value| value.parse().ok())
    }

    pub(crate) fn instant(&self, name: &str) -> Option<Timestamp> {
        self.header(name).and_then(from_http_date)
    }

    /// What `x-ms-range`, or else `Range`, asks for.
    pub(crate) fn range(&self) -> Option<ByteSpan> {
        ByteSpan::parse(self.header("x-ms-range").or_else(|| self.header("range"))?)
    }

    /// The body as JSON; null when there is none.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.body.is_empty() {
            Some(Value::Null)
        } else {
            serde_json::from_slice(&self.body).ok()
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.way != Way::PlainLoopback
    }

    /// All headers `x-ms-meta-…`, without that prefix.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| {
                let name = name.as_str().strip_prefix("x-ms-meta-")?;
                Some((name.to_string(), value.to_str().ok()?.to_string()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_writes_them() {
        assert_eq!(
            ByteSpan::parse("bytes=0-511"),
            Some(ByteSpan {
                first: 0,
                last: Some(511)
            })
        );
        assert_eq!(
            ByteSpan::parse("bytes=512-"),
            Some(ByteSpan {
                first: 512,
                last: None
            })
        );
        assert_eq!(ByteSpan::parse("bytes=-5"), None);
        assert_eq!(ByteSpan::parse("0-5"), None);
    }
}
