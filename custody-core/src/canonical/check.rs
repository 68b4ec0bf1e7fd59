use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::visible;

const MAX_DEPTH: usize = 64;
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Checks that bytes are one canonical JSON value and nothing more.
///
/// One pass; allocates for an error and for keys with escapes only; bounded depth (64).
///
/// # Errors
/// [`Error::Malformed`], with the offset of the first byte that is not as it must be.
pub fn check(object: &str, bytes: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::malformed(object, format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut scan = Scan { text, at: 0 };
    let fault = match scan.value(0) {
        Ok(()) if scan.at == bytes.len() => return Ok(()),
        Ok(()) => "something follows the value",
        Err(fault) => fault,
    };
    Err(Error::malformed(
        object,
        format!("not canonical JSON at byte {}: {fault}", scan.at),
    ))
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

type Step<T = ()> = std::result::Result<T, &'static str>;

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, fault: &'static str) -> Step {
        if self.take(byte) { Ok(()) } else { Err(fault) }
    }

    fn word(&mut self, word: &str) -> Step {
        if self
            .text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            self.at += word.len();
            Ok(())
        } else {
            Err("unknown word")
        }
    }

    fn value(&mut self, depth: usize) -> Step {
        if depth > MAX_DEPTH {
            return Err("nested too deeply");
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(_) => Err("no value begins so"),
            None => Err("ends too early"),
        }
    }

    fn object(&mut self, depth: usize) -> Step {
        self.expect(b'{', "no object")?;
        if self.take(b'}') {
            return Ok(());
        }
        let mut last: Option<Cow<'a, str>> = None;
        loop {
            let before = self.at;
            let key = self.string()?;
            if !key.is_ascii() {
                self.at = before;
                return Err("a key is not ASCII");
            }
            // They are ordered by what they mean, not by how that is written.
            let key = meaning(key);
            if last.is_some_and(|last| last >= key) {
                self.at = before;
                return Err("keys are not in ascending order, each once");
            }
            last = Some(key);
            self.expect(b':', "no colon behind a key")?;
            self.value(depth + 1)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "neither comma nor brace behind a member")?;
        }
    }

    fn array(&mut self, depth: usize) -> Step {
        self.expect(b'[', "no array")?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "neither comma nor bracket behind an element")?;
        }
    }

    /// The raw text between the quotes.
    fn string(&mut self) -> Step<&'a str> {
        self.expect(b'"', "no string")?;
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let mut chars = rest.char_indices();
        while let Some((offset, c)) = chars.next() {
            self.at = start + offset;
            match c {
                '"' => {
                    self.at += 1;
                    return rest.get(..offset).ok_or("no string");
                }
                '\\' => match chars.next() {
                    Some((_, '"' | '\\')) => {}
                    _ => return Err("an escape that canonical text does not have"),
                },
                c if (!c.is_ascii() || c < ' ' || c == '\u{7f}') && visible::must_escape(c) => {
                    return Err("a character that must be written out");
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        Err("a string does not end")
    }

    fn integer(&mut self) -> Step {
        let negative = self.take(b'-');
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let canonical = match digits {
            "" => false,
            "0" => !negative,
            other => !other.starts_with('0'),
        };
        if !canonical || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err("a number that is no plain integer");
        }
        if digits.parse::<u64>().is_ok_and(|n| n <= MAX_INTEGER) {
            Ok(())
        } else {
            Err("an integer of 2^53 or more")
        }
    }
}

/// The text that a raw one, whose only escapes are `\"` and `\\`, stands for.
fn meaning(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::super::to_bytes;
    use super::*;

    #[test]
    fn every_deviation_is_refused_with_its_place() {
        for (text, place) in [
            ("{\"a\":1 }", 6),
            ("{\"b\":1,\"a\":1}", 7),
            ("{\"a\":1,\"a\":1}", 7),
            // By meaning, `"` comes before `[`, and `\` after it.
            ("{\"[\":1,\"\\\"\":1}", 7),
            ("{\"\\\\\":1,\"[\":1}", 8),
            ("[1,2,]", 5),
            ("01", 2),
            ("1.0", 1),
            ("-0", 2),
            ("\"\\n\"", 1),
            ("\"\\u0041\"", 1),
            ("{}\n", 2),
            ("", 0),
            ("\"a", 2),
            ("9007199254740992", 16),
        ] {
            let error = check("x", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&format!("at byte {place}:")), "{text:?}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_overflow() {
        let deep = "[".repeat(100_000);
        assert!(check("x", deep.as_bytes()).is_err());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let text = "[ -~é中]{0,12}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_passes_and_any_flipped_bit_is_other_json_or_refused(
            value in json_value(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let bytes = to_bytes(&json!({"v": value})).unwrap();
            prop_assert!(check("x", &bytes).is_ok());
            let mut bad = bytes.clone();
            bad[at.index(bytes.len())] ^= 1 << bit;
            if check("x", &bad).is_ok() {
                let reread: Value = serde_json::from_slice(&bad).unwrap();
                prop_assert_eq!(to_bytes(&reread).unwrap(), bad);
            }
        }
    }
}
