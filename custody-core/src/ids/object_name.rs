use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::hex;

/// The longest segment: leaves room for `.attempt-999`, `.chunks.sha256` and a temporary suffix
/// under the 255 bytes that file systems allow.
pub(crate) const MAX_SEGMENT_BYTES: usize = 200;
const MAX_ESCAPED_BYTES: usize = 150;
const MAX_SEGMENTS: usize = 16;

/// One part of an [`ObjectName`]: a file name that is safe everywhere.
///
/// Invariants: 1 to 200 bytes of `A-Z a-z 0-9 . _ - % ~`; does not begin with `.` or `-`. So it is
/// never `.` or `..`, never hidden, never an option, never needs quoting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Segment(String);

const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

impl Segment {
    /// Makes a segment of any bytes from outside: what is not plain becomes `%XX`; a first `.` or
    /// `-` too. What then has over 150 bytes is cut and gets `~` and 16 digits of its digest, so that
    /// different names stay different. An empty name becomes `%`.
    #[must_use]
    pub fn escape(name: &[u8]) -> Self {
        let mut text = String::with_capacity(name.len());
        for (i, &byte) in name.iter().enumerate() {
            let first = i == 0 && matches!(byte, b'.' | b'-');
            if plain(byte) && !first {
                text.push(char::from(byte));
            } else {
                text.push('%');
                text.push_str(&hex::encode_upper(&[byte]));
            }
        }
        if text.is_empty() {
            text.push('%');
        }
        if text.len() > MAX_ESCAPED_BYTES {
            let digest = crate::digest::Sha256Digest::of(name).to_string();
            let cut: String = text.chars().take(MAX_ESCAPED_BYTES - 17).collect();
            let tail: String = digest.chars().take(16).collect();
            text = format!("{cut}~{tail}");
        }
        Self(text)
    }

    /// The same name with `insert` before its extension: `disk.vhd` and `attempt-2` give
    /// `disk.attempt-2.vhd`. Only plain characters of `insert` are taken.
    #[must_use]
    pub fn with_infix(&self, insert: &str) -> Self {
        let insert: String = insert.bytes().filter(|b| plain(*b)).map(char::from).collect();
        match self.0.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => Self(format!("{stem}.{insert}.{extension}")),
            _ => Self(format!("{}.{insert}", self.0)),
        }
    }

    /// The same name with `suffix` behind it. Only plain characters of `suffix` are taken.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let suffix: String = suffix.bytes().filter(|b| plain(*b)).map(char::from).collect();
        Self(format!("{}{suffix}", self.0))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Segment {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let fits = !text.is_empty()
            && text.len() <= MAX_SEGMENT_BYTES
            && !text.starts_with(['.', '-'])
            && text.bytes().all(|b| plain(b) || matches!(b, b'%' | b'~'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::malformed(
                "object name",
                format!("{:?} is not a safe file name", crate::visible::escape(text)),
            ))
        }
    }
}

impl TryFrom<String> for Segment {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Segment> for String {
    fn from(segment: Segment) -> Self {
        segment.0
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object in a store: 1 to 16 [`Segment`]s joined by `/`, relative to the store's root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

impl ObjectName {
    /// The object or folder with this name at the store's root.
    #[must_use]
    pub fn root(segment: &Segment) -> Self {
        Self(segment.0.clone())
    }

    /// The object or folder inside this one.
    #[must_use]
    pub fn join(&self, segment: &Segment) -> Self {
        Self(format!("{}/{}", self.0, segment.0))
    }

    /// The last segment.
    #[must_use]
    pub fn file_name(&self) -> Segment {
        Segment(self.segments().next_back().unwrap_or_default().to_owned())
    }

    /// The folder it lies in; `None` at the root.
    #[must_use]
    pub fn folder(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(folder, _)| Self(folder.to_owned()))
    }

    /// Whether it is `folder` or lies somewhere below it.
    #[must_use]
    pub fn is_under(&self, folder: &Self) -> bool {
        self.0
            .strip_prefix(&folder.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Its segments, from the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The text, with `/` between segments.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        for segment in text.split('/') {
            let _: Segment = segment.parse()?;
        }
        if text.split('/').count() > MAX_SEGMENTS {
            return Err(Error::malformed(
                "object name",
                format!("has more than {MAX_SEGMENTS} parts"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ObjectName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
