use std::sync::Arc;

use super::finding::Finding;
use super::lines::{Lines, NextLine};
use super::object::other_object;
use crate::custody_log::{SealedObject, ZeroSummary};
use crate::error::Result;
use crate::extent::{ByteRange, ZeroWord};
use crate::ids::ObjectName;
use crate::port::ImageReader;

const MAX_LINE_BYTES: usize = 256;

/// The stored list of the ranges of an item that were not read when it was acquired because somebody said that they
/// are zero: read once from the front, beside the item.
#[derive(Debug)]
pub(super) struct ZeroRanges {
    object: ObjectName,
    sealed: SealedObject,
    lines: Lines,
    length: u64,
    item_bytes: u64,
    line: u64,
    at: u64,
    bytes: u64,
    fault: Option<Finding>,
    ended: bool,
}

impl ZeroRanges {
    pub(super) fn new(
        object: ObjectName,
        sealed: SealedObject,
        reader: Arc<dyn ImageReader>,
        item_bytes: u64,
    ) -> Self {
        Self {
            object,
            sealed,
            length: reader.length(),
            lines: Lines::new(reader, MAX_LINE_BYTES),
            item_bytes,
            line: 0,
            at: 0,
            bytes: 0,
            fault: None,
            ended: false,
        }
    }

    /// The next range; `None` at the end, and behind a line that is none.
    pub(super) async fn next(&mut self) -> Result<Option<ByteRange>> {
        if self.ended {
            return Ok(None);
        }
        let found = match self.lines.next().await? {
            NextLine::End => {
                self.ended = true;
                return Ok(None);
            }
            NextLine::Line(line) => match parsed(line) {
                Some(range) if range.start() >= self.at && range.end() <= self.item_bytes => {
                    self.line += 1;
                    self.at = range.end();
                    self.bytes += range.length();
                    return Ok(Some(range));
                }
                _ => crate::visible::escape_bytes(line),
            },
            NextLine::Tail(tail) => format!("{} (without a line feed)", crate::visible::escape_bytes(tail)),
            NextLine::TooLong => "a longer line than any can be".into(),
        };
        self.ended = true;
        self.fault = Some(Finding::integrity(
            &self.object,
            format!("line {}", self.line + 1),
            "<start> <length> <on whose word>, in ascending order, inside the item",
            found,
        ));
        Ok(None)
    }

    /// Reads what is left, and compares the list as a whole with the record.
    pub(super) async fn finish(mut self, recorded: &ZeroSummary) -> Result<Vec<Finding>> {
        while self.next().await?.is_some() {}
        let mut findings: Vec<Finding> = self.fault.into_iter().collect();
        let digest = self.lines.digest().await?;
        findings.extend(other_object(&self.object, &self.sealed, self.length, digest));
        if findings.is_empty() && (self.line, self.bytes) != (recorded.ranges, recorded.bytes.bytes()) {
            findings.push(Finding::integrity(
                &self.object,
                "sum of all lines",
                format!(
                    "{} ranges of {} bytes in all, as the record says",
                    recorded.ranges, recorded.bytes
                ),
                format!("{} ranges of {} bytes in all", self.line, self.bytes),
            ));
        }
        Ok(findings)
    }
}

fn parsed(line: &[u8]) -> Option<ByteRange> {
    let text = std::str::from_utf8(line).ok()?;
    let mut parts = text.split(' ');
    let (start, length, word) = (parts.next()?, parts.next()?, parts.next()?);
    let word: Result<ZeroWord, _> = serde_json::from_value(serde_json::Value::from(word));
    let number = |digits: &str| digits.parse::<crate::ids::ByteLength>().ok();
    let (start, length) = (number(start)?.bytes(), number(length)?.bytes());
    let end = start.checked_add(length)?;
    let plain = parts.next().is_none() && word.is_ok() && length > 0;
    plain.then(|| ByteRange::new(start, end).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_of_a_line_is_taken() {
        assert_eq!(parsed(b"0 512 file-system-hole"), ByteRange::new(0, 512).ok());
        for bad in [
            &b"0 0 file-system-hole"[..],
            b"0 512",
            b"0 512 nobody",
            b" 0 512 file-system-hole",
            b"0 512 file-system-hole ",
            b"00 512 file-system-hole",
            b"18446744073709551615 1 file-system-hole",
            b"\xff",
            b"",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
