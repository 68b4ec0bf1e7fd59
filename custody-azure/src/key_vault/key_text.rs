use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

/// The bytes of a key that stands as text: base64 of either alphabet, padded or not.
///
/// Azure Disk Encryption writes plain keys in the standard alphabet and wrapped ones in the other, and its versions
/// differ. Source: Azure/azure-linux-extensions, VMEncryption, and the rescue documentation; read 2026-11-21.
pub(super) fn bytes_of(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let trimmed = text.trim().trim_end_matches('=');
    // Room for all of it from the start: what grows leaves pieces of the key behind.
    let mut standard = Zeroizing::new(String::with_capacity(trimmed.len()));
    standard.extend(trimmed.chars().map(|c| match c {
        '+' => '-',
        '/' => '_',
        other => other,
    }));
    let mut bytes = Zeroizing::new(vec![0; standard.len()]);
    let length = Base64UrlUnpadded::decode(standard.as_bytes(), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(length);
    (!bytes.is_empty()).then_some(bytes)
}

/// A key as the runbook's users expect it: standard base64, padded.
pub(super) fn text_of(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Base64::encode_string(bytes))
}

/// Bytes that are no secret, for records.
pub(super) fn public_text(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_padded_or_not() {
        for text in ["+/8A", "-_8A", " +/8A\n"] {
            assert_eq!(bytes_of(text).as_deref(), Some(&vec![0xFB, 0xFF, 0x00]), "{text}");
        }
        for text in ["AQ==", "AQ"] {
            assert_eq!(bytes_of(text).as_deref(), Some(&vec![1]), "{text}");
        }
        for text in ["", "=", "A", "not base64!"] {
            assert!(bytes_of(text).is_none(), "{text}");
        }
        let bytes = [0xFB, 0xFF, 0x00, 0x01];
        assert_eq!(bytes_of(&text_of(&bytes)).as_deref(), Some(&bytes.to_vec()));
    }
}
