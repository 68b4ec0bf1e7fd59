//! Text on its way to a terminal or a document.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use custody_core::visible;

const KIB: u64 = 1024;
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// The text with every character written out that could move a cursor or reorder what is read. Backslashes stay, so
/// that what was escaped before reads the same; so do line feeds where `lines` are meant.
pub(crate) fn text(text: &str) -> String {
    shown(text, |_| false)
}

/// As [`text`], of text that has lines.
pub(crate) fn lines(text: &str) -> String {
    shown(text, |c| c == '\n')
}

fn shown(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if visible::must_escape(c) && !keep(c) {
            out.push_str(&format!("\\u{{{:x}}}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

/// A name from outside, escaped so that it can be told back from the text.
pub(crate) fn name(name: &OsStr) -> String {
    visible::escape_bytes(name.as_bytes())
}

/// As [`name`], of a path.
pub(crate) fn path(path: &Path) -> String {
    name(path.as_os_str())
}

/// A path as one word of a command for a shell.
pub(crate) fn word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+,:@%".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) && !bytes.starts_with(b"-") {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(visible::must_escape) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => format!("$'{}'", bytes.iter().map(ansi_c).collect::<String>()),
    }
}

/// A byte as a shell's `$'…'` takes it.
fn ansi_c(byte: &u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        other => format!("\\x{other:02x}"),
    }
}

/// A number of bytes for people: exact, with a rounded unit from 1 KiB on.
pub(crate) fn bytes(bytes: u64) -> String {
    if bytes < KIB {
        return format!("{bytes} bytes");
    }
    let [mut unit, ..] = UNITS;
    let mut tenths = bytes.saturating_mul(10) / KIB;
    for next in UNITS.iter().skip(1) {
        if tenths < KIB * 10 {
            break;
        }
        tenths /= KIB;
        unit = next;
    }
    format!("{bytes} bytes ({}.{} {unit})", tenths / 10, tenths % 10)
}

/// Bytes a second, rounded down.
pub(crate) fn rate(bytes_per_second: u64) -> String {
    let shown = bytes(bytes_per_second);
    let rounded = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    format!("{}/s", rounded.unwrap_or(&shown))
}

/// Seconds, with the two largest units that there are.
pub(crate) fn seconds(seconds: u64) -> String {
    let (minutes, rest) = (seconds / 60, seconds % 60);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{rest} s"),
        (0, minutes) => format!("{minutes} min {rest} s"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn sizes_are_exact_and_rounded_down() {
        for (size, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1024 bytes (1.0 KiB)"),
            (1536, "1536 bytes (1.5 KiB)"),
            (1_073_741_824, "1073741824 bytes (1.0 GiB)"),
            (u64::MAX, "18446744073709551615 bytes (1.5 EiB)"),
        ] {
            assert_eq!(bytes(size), shown);
        }
    }

    #[test]
    fn rates_and_times_are_short() {
        assert_eq!(rate(512), "512 bytes/s");
        assert_eq!(rate(100 << 20), "100.0 MiB/s");
        assert_eq!(seconds(59), "59 s");
        assert_eq!(seconds(70), "1 min 10 s");
        assert_eq!(seconds(3 * 3600 + 61), "3 h 1 min");
    }

    #[test]
    fn a_path_becomes_one_word_of_a_shell() {
        for (path, shown) in [
            ("/a/b.raw", "/a/b.raw"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("a\nb", r"$'a\x0ab'"),
            ("-x", "'-x'"),
        ] {
            assert_eq!(word(Path::new(path)), shown);
        }
        assert_eq!(word(Path::new(OsStr::from_bytes(b"\xff"))), r"$'\xff'");
    }

    #[test]
    fn nothing_that_moves_a_cursor_gets_through() {
        assert_eq!(text("a\u{1b}[2J\u{202e}b\n\\"), "a\\u{1b}[2J\\u{202e}b\\u{a}\\");
        assert_eq!(lines("a\nb\r"), "a\nb\\u{d}");
    }
}
