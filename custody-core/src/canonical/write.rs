use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::visible;

const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The canonical bytes of a record, without a line feed at the end.
///
/// # Errors
/// [`Error::Misuse`] for what the profile does not allow: a float, a large integer, a key that is not
/// ASCII, a character that must be escaped first.
pub fn to_bytes<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    let value = serde_json::to_value(record).map_err(|error| Error::misuse(error.to_string()))?;
    let mut out = Vec::with_capacity(1024);
    write(&value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let small = number.as_u64().is_some_and(|n| n <= MAX_INTEGER)
                || number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_INTEGER);
            if !small {
                return Err(Error::misuse(format!("{number} is no integer below 2^53")));
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => string(text, out)?,
        Value::Array(values) => {
            out.push(b'[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(value, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            // Sorted here, because a feature of serde_json elsewhere in a build may change its order.
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if !key.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                    return Err(Error::misuse(format!("key {key:?} is not printable ASCII")));
                }
                if i > 0 {
                    out.push(b',');
                }
                string(key, out)?;
                out.push(b':');
                if let Some(value) = fields.get(key) {
                    write(value, out)?;
                }
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Result<()> {
    if let Some(c) = text.chars().find(|c| visible::must_escape(*c)) {
        return Err(Error::misuse(format!(
            "U+{:04X} must be escaped before it enters a record",
            c as u32
        )));
    }
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nothing_is_padded() {
        let bytes = to_bytes(&json!({"b": [1, -2, true, null], "a": {"z": "\"\\é", "A": 0}})).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"a":{"A":0,"z":"\"\\é"},"b":[1,-2,true,null]}"#
        );
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for bad in [
            json!(1.5),
            json!(9_007_199_254_740_992_u64),
            json!("a\nb"),
            json!("\u{202e}"),
            json!({"é": 1}),
        ] {
            assert!(matches!(to_bytes(&bad), Err(Error::Misuse { .. })), "{bad}");
        }
    }
}
