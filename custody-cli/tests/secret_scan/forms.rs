//! The forms in which bytes could be seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

/// Every form of some bytes, by its name; also as they stand within more bytes that are in that form.
pub(super) fn of(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("as it is", bytes.to_vec())];
    let mut add = |name, text: String| forms.push((name, text.into_bytes()));
    for before in 0..3 {
        let standard = base64_within(bytes, before);
        add("in base64url", standard.replace('+', "-").replace('/', "_"));
        add(
            "in base64, percent-encoded",
            standard.replace('+', "%2B").replace('/', "%2F"),
        );
        add("in base64", standard);
    }
    add("in hexadecimal", listed(bytes, "", |byte| format!("{byte:02x}")));
    add(
        "in upper-case hexadecimal",
        listed(bytes, "", |byte| format!("{byte:02X}")),
    );
    add(
        "as hexadecimal numbers",
        listed(bytes, ", ", |byte| format!("{byte:02x}")),
    );
    add("as numbers", listed(bytes, ", ", |byte| byte.to_string()));
    add(
        "as numbers without spaces",
        listed(bytes, ",", |byte| byte.to_string()),
    );
    add("escaped", bytes.escape_ascii().to_string());
    add("percent-encoded", listed(bytes, "", percent_encoded));
    let mut known = BTreeSet::new();
    forms.retain(|(_, form)| known.insert(form.clone()));
    forms
}

/// What base64 shows of these bytes alone, when so many of a group of three stand before them.
fn base64_within(bytes: &[u8], before: usize) -> String {
    let mut group = vec![0; before];
    group.extend(bytes);
    group.extend([0; 3]);
    let (from, to) = ((8 * before).div_ceil(6), 8 * (before + bytes.len()) / 6);
    Base64::encode_string(&group)[from..to].to_owned()
}

fn listed(bytes: &[u8], between: &str, form: impl Fn(u8) -> String) -> String {
    let mut text = String::new();
    for (number, byte) in bytes.iter().enumerate() {
        let between = if number == 0 { "" } else { between };
        write!(text, "{between}{}", form(*byte)).unwrap();
    }
    text
}

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
