//! Whether a secret stands in a text.

use super::clause::{Conforms, ensure};

/// The ways in which bytes are usually printed.
fn printed(secret: &[u8]) -> Vec<String> {
    let lower = custody_core::hex::encode(secret);
    let mut forms = vec![
        lower.to_uppercase(),
        lower,
        format!("{secret:?}"),
        String::from_utf8_lossy(secret).into(),
    ];
    // The list without its brackets: it may stand inside a longer one.
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    forms.push(list.join(", "));
    forms.push(base64(secret));
    forms
}

/// Base64 without padding and without the last digit, which also depends on what follows.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            let digit = (buffer >> bits & 63) as usize;
            text.push(char::from(DIGITS[digit]));
        }
    }
    text
}

/// That none of the texts shows the secret, or half of it, in a usual form.
pub(super) fn hides(secret: &[u8], texts: &[(&str, String)]) -> Conforms {
    let (first, second) = secret.split_at(secret.len() / 2);
    for part in [first, second].into_iter().filter(|part| part.len() >= 6) {
        for form in printed(part) {
            for (what, text) in texts {
                ensure!(!text.contains(&form), "{what} shows the secret");
            }
        }
    }
    Ok(())
}
