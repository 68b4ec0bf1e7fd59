//! Lines of digests as they are printed and read by `sha256sum` and its kin, the tools of BSD, and `openssl dgst`.
//! Source: GNU coreutils 9.1, what its programs do with such lines, and its manual, "md5sum invocation", read
//! 2026-11-28.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::hash_algorithm::SumKind;

/// A file's digest and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SumLine {
    pub(crate) kind: SumKind,
    /// In lower case.
    pub(crate) hex: String,
    pub(crate) name: OsString,
}

/// How a line is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineForm {
    /// The digest, two spaces, the name.
    Plain,
    /// As the tools of BSD and `sha256sum --tag` do.
    Tagged,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// By a line feed. A name with a backslash, a line feed or a carriage return in it has them written out, and the
    /// line then begins with a backslash.
    LineFeed,
    /// By a NUL, which no name has: names are as they are.
    Nul,
}

impl SumLine {
    pub(crate) fn to_bytes(&self, form: LineForm, end: LineEnd) -> Vec<u8> {
        let (is_escaped, name) = match end {
            LineEnd::LineFeed => escape(&self.name),
            LineEnd::Nul => (false, self.name.as_bytes().to_vec()),
        };
        let mut line = if is_escaped { b"\\".to_vec() } else { Vec::new() };
        match form {
            LineForm::Plain => {
                line.extend_from_slice(format!("{}  ", self.hex).as_bytes());
                line.extend_from_slice(&name);
            }
            LineForm::Tagged => {
                line.extend_from_slice(format!("{} (", self.kind.tag()).as_bytes());
                line.extend_from_slice(&name);
                line.extend_from_slice(format!(") = {}", self.hex).as_bytes());
            }
        }
        line.push(match end {
            LineEnd::LineFeed => b'\n',
            LineEnd::Nul => 0,
        });
        line
    }
}

/// What a line of a list is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ListLine {
    Sum(SumLine),
    /// A comment, or nothing.
    Blank,
    Malformed,
}

/// Reads the lines of one list, from its first on.
#[derive(Debug)]
pub(crate) struct ListReader {
    /// What lines are of that do not say so.
    untagged: SumKind,
    /// The form of the first of those lines. A list that mixes them is not read on: in the other form, a name that
    /// begins with a space would be another file's.
    order: Option<Order>,
}

/// What stands between a digest and a name that has no tag before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// A space, and a space or a `*`: GNU's.
    Gnu,
    /// A space: `md5 -r` of BSD.
    Reversed,
}

impl ListReader {
    pub(crate) const fn new(untagged: SumKind) -> Self {
        Self {
            untagged,
            order: None,
        }
    }

    /// Reads a line without its line feed.
    pub(crate) fn read(&mut self, line: &[u8]) -> ListLine {
        let content = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"#") || content.is_empty() {
            return ListLine::Blank;
        }
        self.sum(content).map_or(ListLine::Malformed, ListLine::Sum)
    }

    fn sum(&mut self, line: &[u8]) -> Option<SumLine> {
        let line = without_blanks(line);
        let (is_escaped, line) = match line.strip_prefix(b"\\") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (kind, digits, name, order) = match after_tag(line) {
            Some((kind, rest)) => {
                let end = rest.iter().rposition(|byte| *byte == b')')?;
                let (name, rest) = rest.split_at_checked(end)?;
                let rest = without_blanks(rest.strip_prefix(b")")?).strip_prefix(b"=")?;
                (kind, without_blanks(rest), name, self.order)
            }
            None => {
                let end = line.iter().position(is_blank)?;
                let (digits, rest) = line.split_at_checked(end)?;
                let (name, order) = self.after_digits(rest.get(1..)?)?;
                (self.untagged, digits, name, Some(order))
            }
        };
        if digits.len() != kind.hex_digits() || !digits.iter().all(u8::is_ascii_hexdigit) || name.contains(&0)
        {
            return None;
        }
        let name = if is_escaped {
            unescape(name)?
        } else {
            name.to_vec()
        };
        self.order = order;
        Some(SumLine {
            kind,
            hex: std::str::from_utf8(digits).ok()?.to_ascii_lowercase(),
            name: OsString::from_vec(name),
        })
    }

    /// The name, and in which form it stands behind the digest and a blank.
    fn after_digits<'a>(&self, rest: &'a [u8]) -> Option<(&'a [u8], Order)> {
        match (rest, self.order) {
            ([], _) => None,
            ([b' ' | b'*', name @ ..], None | Some(Order::Gnu)) if !name.is_empty() => {
                Some((name, Order::Gnu))
            }
            (name, None | Some(Order::Reversed)) => Some((name, Order::Reversed)),
            (_, Some(Order::Gnu)) => None,
        }
    }
}

/// What a line says that it is of, and what follows the parenthesis that opens the name.
fn after_tag(line: &[u8]) -> Option<(SumKind, &[u8])> {
    SumKind::all().find_map(|kind| {
        let tags = [Some(kind.tag()), kind.other_tag()];
        tags.into_iter().flatten().find_map(|tag| {
            let rest = line.strip_prefix(tag.as_bytes())?;
            let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b"(")?;
            Some((kind, rest))
        })
    })
}

const fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(byte)).count();
    line.split_at(blanks).1
}

/// What came of checking a file, in the words of `sha256sum -c`: names are written out only where a line feed would
/// break the line, so that a file's name cannot add a verdict of its own.
pub(crate) fn verdict_line(name: &OsStr, word: &str) -> Vec<u8> {
    let raw = name.as_bytes();
    let mut line = if raw.contains(&b'\n') {
        [b"\\", escape(name).1.as_slice()].concat()
    } else {
        raw.to_vec()
    };
    line.extend_from_slice(format!(": {word}\n").as_bytes());
    line
}

/// The name as such a line holds it, and whether anything in it was written out.
fn escape(name: &OsStr) -> (bool, Vec<u8>) {
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
    use super::super::hash_algorithm::HashAlgorithm;
    use super::*;

    fn hex(kind: SumKind) -> String {
        "0123456789abcdef"
            .chars()
            .cycle()
            .take(kind.hex_digits())
            .collect()
    }

    fn line(kind: SumKind, name: &[u8]) -> SumLine {
        SumLine {
            kind,
            hex: hex(kind),
            name: OsString::from_vec(name.to_vec()),
        }
    }

    fn read(line: impl AsRef<[u8]>) -> ListLine {
        ListReader::new(SumKind::SHA256).read(line.as_ref())
    }

    #[test]
    fn every_name_comes_back_from_its_line_whatever_the_digest() {
        for name in [
            &b"a"[..],
            b"a b",
            b"a\\b",
            b"a\nb\r",
            b"\xff",
            b" *x",
            b"\\n",
            b"a) = b",
        ] {
            for kind in SumKind::all() {
                let line = line(kind, name);
                for form in [LineForm::Plain, LineForm::Tagged] {
                    let bytes = line.to_bytes(form, LineEnd::LineFeed);
                    let (last, text) = bytes.split_last().unwrap();
                    assert_eq!(*last, b'\n');
                    let read = ListReader::new(kind).read(text);
                    assert_eq!(read, ListLine::Sum(line.clone()));
                }
            }
        }
    }

    #[test]
    fn lines_that_end_with_nul_have_names_as_they_are() {
        let line = line(SumKind::SHA256, b"a\\b\n");
        let digest = hex(SumKind::SHA256);
        let plain = line.to_bytes(LineForm::Plain, LineEnd::Nul);
        assert_eq!(plain, format!("{digest}  a\\b\n\0").as_bytes());
        let tagged = line.to_bytes(LineForm::Tagged, LineEnd::Nul);
        assert_eq!(tagged, format!("SHA256 (a\\b\n) = {digest}\0").as_bytes());
    }

    #[test]
    fn the_other_forms_that_tools_print_are_read() {
        let digest = hex(SumKind::SHA256);
        for text in [
            format!("{digest} *a"),
            format!("{digest} a"),
            format!("{digest}\ta"),
            format!("  \t{digest}  a"),
            format!("{}  a\r", digest.to_uppercase()),
            format!("SHA256 (a) = {digest}"),
            format!(" SHA256(a)={digest}"),
            format!("SHA256(a)= {digest}"),
            format!("SHA2-256(a)= {digest}"),
        ] {
            let expected = ListLine::Sum(line(SumKind::SHA256, b"a"));
            assert_eq!(read(&text), expected, "{text}");
        }
        let md5 = SumKind::Whole(HashAlgorithm::Md5);
        let text = format!("MD5(a)= {}", hex(md5));
        assert_eq!(read(text), ListLine::Sum(line(md5, b"a")));
    }

    #[test]
    fn comments_and_nothing_are_blank_and_all_else_is_malformed() {
        for text in ["", "\r", "#", "# SHA256 (a) = 00"] {
            assert_eq!(read(text), ListLine::Blank, "{text}");
        }
        let digest = hex(SumKind::SHA256);
        for text in [
            "junk",
            " ",
            " # no comment",
            &digest,
            &format!("{digest} "),
            &format!("{digest}0  a"),
            &format!("{}  a", &digest[1..]),
            &format!("g{}  a", &digest[1..]),
            &format!("\\{digest}  a\\x"),
            &format!("{digest}  a\0b"),
            &format!("SHA256 a = {digest}"),
            &format!("SHA256  (a) = {digest}"),
            &format!("SHA256 (a) {digest}"),
            &format!("SHA256 (a) = {digest} "),
            &format!("sha256 (a) = {digest}"),
            &format!("MD5 (a) = {digest}"),
            &format!("SHA256-TREE-4M (a) = {}", &digest[1..]),
        ] {
            assert_eq!(read(text), ListLine::Malformed, "{text}");
        }
    }

    #[test]
    fn a_list_keeps_to_the_form_of_its_first_line() {
        let digest = hex(SumKind::SHA256);
        let (gnu, reversed) = (format!("{digest}  a"), format!("{digest} a"));
        let mut reader = ListReader::new(SumKind::SHA256);
        assert!(matches!(reader.read(gnu.as_bytes()), ListLine::Sum(_)));
        assert_eq!(reader.read(reversed.as_bytes()), ListLine::Malformed);
        let mut reader = ListReader::new(SumKind::SHA256);
        assert!(matches!(reader.read(reversed.as_bytes()), ListLine::Sum(_)));
        let expected = ListLine::Sum(line(SumKind::SHA256, b" a"));
        assert_eq!(reader.read(gnu.as_bytes()), expected);
    }

    #[test]
    fn a_verdict_is_one_line_whatever_the_name() {
        assert_eq!(verdict_line(OsStr::new("a\\b"), "OK"), b"a\\b: OK\n");
        let forged = verdict_line(OsStr::new("a\\\nb: OK"), "FAILED");
        assert_eq!(forged, b"\\a\\\\\\nb: OK: FAILED\n");
    }
}
