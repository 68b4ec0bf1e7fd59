use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::azure_sim::content::Content;

/// What the cloud answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
    /// How the connection misbehaves while it is sent.
    pub(crate) cut: Cut,
    /// How long the answer is held back.
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Bytes(Bytes),
    /// A part of a content, read while it is sent.
    Part {
        content: Content,
        offset: u64,
        length: u64,
    },
}

/// How the connection misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cut {
    #[default]
    Never,
    /// Closed before the first byte of the answer.
    BeforeAnswer,
    /// Closed after so many bytes of the body.
    After(u64),
    /// So many bytes more than Content-Length says.
    Longer(u64),
}

impl Payload {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part { length, .. } => *length,
        }
    }
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Bytes(Bytes::new()),
            cut: Cut::Never,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status)
            .with_body(body.to_string())
            .with_header("content-type", "application/json; charset=utf-8")
    }

    pub(crate) fn xml(status: u16, body: &str) -> Self {
        let text = format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{body}");
        Self::empty(status)
            .with_body(text)
            .with_header("content-type", "application/xml")
    }

    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.payload = Payload::Bytes(body.into());
        self
    }

    pub(crate) fn with_part(mut self, content: Content, offset: u64, length: u64) -> Self {
        self.payload = Payload::Part {
            content,
            offset,
            length,
        };
        self
    }

    /// Sets a header, in place of one of that name.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_header(name, value);
        self
    }

    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<String>) {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(candidate, _)| *candidate != name);
        self.headers.push((name, value.into()));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body's text, for faults that rewrite it; none when the body is streamed.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.payload {
            Payload::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Payload::Part { .. } => None,
        }
    }
}
