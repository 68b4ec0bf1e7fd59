//! Text from outside, made visible: what cannot be seen or could fool a terminal is written out.
//!
//! Names of files, disks and people reach logs, manifests and terminals. Control characters could
//! move a cursor, bidirectional ones could reorder what a reader sees. Each such character becomes
//! `\u{hex}`; a backslash becomes `\u{5c}`, so that nothing else can look like an escape; a byte that
//! is not UTF-8 becomes `\x{hex}`. The mapping loses nothing: [`unescape`] gives the bytes back.

/// Whether a character may not stand in a record as it is.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional and other
/// format characters, tags, and the byte order mark.
#[must_use]
pub const fn must_escape(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}'
        | '\u{70f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with everything invisible, and every backslash, written out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if must_escape(c) || c == '\\' {
            out.push_str(&format!("\\u{{{:x}}}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`escape`], with all but printable ASCII written out: for names of members, which records have in ASCII only.
/// No two texts become the same; [`unescape_ascii`] undoes it.
#[must_use]
pub fn escape_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' '..='~') && c != '\\' {
            out.push(c);
        } else {
            out.push_str(&format!("\\u{{{:x}}}", c as u32));
        }
    }
    out
}

/// As [`escape`], of bytes that may not be UTF-8.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{{{byte:02x}}}"));
        }
    }
    out
}

/// The bytes that [`escape_bytes`] made this of; `None` for a text that it never makes.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    written_in(text).filter(|bytes| escape_bytes(bytes) == text)
}

/// The text that [`escape_ascii`] made this of; `None` for one that it never makes.
#[must_use]
pub fn unescape_ascii(text: &str) -> Option<String> {
    let plain = String::from_utf8(written_in(text)?).ok()?;
    (escape_ascii(&plain) == text).then_some(plain)
}

fn written_in(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let (kind, tail) = escape.split_once('{')?;
        let (digits, tail) = tail.split_once('}')?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        match kind {
            "u" => out.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut [0; 4]).as_bytes()),
            "x" => out.push(u8::try_from(number).ok()?),
            _ => return None,
        }
        rest = tail;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bidirectional_and_control_characters_are_written_out() {
        assert_eq!(escape("a\n\u{202e}b\\"), "a\\u{a}\\u{202e}b\\u{5c}");
        assert_eq!(escape_bytes(b"x\xffy"), "x\\x{ff}y");
        assert_eq!(escape_ascii("caf\u{e9}\\\n~"), "caf\\u{e9}\\u{5c}\\u{a}~");
    }

    proptest! {
        #[test]
        fn unescape_gives_every_byte_back(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let text = escape_bytes(&bytes);
            prop_assert!(!text.chars().any(must_escape));
            prop_assert_eq!(unescape(&text), Some(bytes));
        }

        #[test]
        fn unescape_ascii_gives_every_text_back_and_takes_nothing_else(plain in any::<String>(), other in "[\\\\u{}a-f0-9]{0,12}") {
            let text = escape_ascii(&plain);
            prop_assert!(text.is_ascii());
            prop_assert_eq!(unescape_ascii(&text), Some(plain));
            prop_assert!(unescape_ascii(&other).is_none_or(|plain| escape_ascii(&plain) == other));
        }
    }
}
