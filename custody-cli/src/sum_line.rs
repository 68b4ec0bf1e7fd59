//! Lines as GNU `sha256sum` prints and reads them.
//! Source: GNU coreutils 9.1, `src/digest.c`, and its manual, "md5sum invocation", read 2026-11-21.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use custody_core::digest::Sha256Digest;

const HEX_DIGITS: usize = 64;

/// A file's digest and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SumLine {
    pub(crate) sha256: Sha256Digest,
    pub(crate) name: OsString,
}

impl SumLine {
    /// The line with its line feed. A name with a backslash, a line feed or a carriage return in it has them written
    /// out, and the line then begins with a backslash.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (escaped, name) = escape(&self.name);
        let mut line = if escaped { b"\\".to_vec() } else { Vec::new() };
        line.extend_from_slice(self.sha256.to_string().as_bytes());
        line.extend_from_slice(b"  ");
        line.extend_from_slice(&name);
        line.push(b'\n');
        line
    }

    /// The line as the tools of BSD and `sha256sum --tag` print it, with its line feed.
    pub(crate) fn to_tagged_bytes(&self) -> Vec<u8> {
        tagged("SHA256", &self.name, &self.sha256.to_string())
    }

    /// Reads a line without its line feed: the form above, with a space or a `*` before the name, or the form of
    /// `--tag`. `None` for anything else.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (escaped, line) = match line.strip_prefix(b"\\") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (digits, name) = match line.strip_prefix(b"SHA256 (") {
            Some(tagged) => {
                let end = tagged.windows(4).rposition(|part| part == b") = ")?;
                let (name, rest) = tagged.split_at_checked(end)?;
                (rest.strip_prefix(b") = ")?, name)
            }
            None => {
                let (digits, rest) = line.split_at_checked(HEX_DIGITS)?;
                let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
                (digits, name)
            }
        };
        let name = if escaped { unescape(name)? } else { name.to_vec() };
        let digits = std::str::from_utf8(digits).ok()?.to_ascii_lowercase();
        let sha256 = digits.parse().ok()?;
        (!name.is_empty()).then(|| Self {
            sha256,
            name: OsString::from_vec(name),
        })
    }
}

/// A digest by any algorithm, as the tools of BSD print it.
pub(crate) fn tagged(algorithm: &str, name: &OsStr, hex: &str) -> Vec<u8> {
    let (escaped, name) = escape(name);
    let mut line = if escaped { b"\\".to_vec() } else { Vec::new() };
    line.extend_from_slice(format!("{algorithm} (").as_bytes());
    line.extend_from_slice(&name);
    line.extend_from_slice(format!(") = {hex}\n").as_bytes());
    line
}

/// The name as such a line holds it, and whether anything in it was written out.
pub(crate) fn escape(name: &OsStr) -> (bool, Vec<u8>) {
    let mut out = Vec::with_capacity(name.len());
    for &byte in name.as_bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            other => out.push(other),
        }
    }
    (out.len() != name.len(), out)
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match (byte, byte == b'\\') {
            (other, false) => other,
            _ => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &[u8]) -> SumLine {
        SumLine {
            sha256: Sha256Digest::of(b""),
            name: OsString::from_vec(name.to_vec()),
        }
    }

    #[test]
    fn every_name_comes_back_from_its_line() {
        for name in [&b"a"[..], b"a b", b"a\\b", b"a\nb\r", b"\xff", b" *x", b"\\n"] {
            let line = line(name);
            for bytes in [line.to_bytes(), line.to_tagged_bytes()] {
                let (last, text) = bytes.split_last().unwrap();
                assert_eq!((*last, SumLine::parse(text)), (b'\n', Some(line.clone())));
            }
        }
    }

    #[test]
    fn the_other_forms_that_sha256sum_reads_are_read() {
        let digest = Sha256Digest::of(b"");
        for text in [
            format!("{digest} *a"),
            format!("SHA256 (a) = {digest}"),
            format!("{}  a\r", digest.to_string().to_uppercase()),
        ] {
            assert_eq!(SumLine::parse(text.as_bytes()), Some(line(b"a")), "{text}");
        }
        for text in [
            "",
            "junk",
            &format!("{digest} a"),
            &format!("{digest}  "),
            &format!("\\{digest}  a\\x"),
        ] {
            assert_eq!(SumLine::parse(text.as_bytes()), None, "{text}");
        }
    }
}
