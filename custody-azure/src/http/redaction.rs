/// The longest text of a service that is kept, in characters.
const MAX_CHARACTERS: usize = 600;

/// What comes before a value that is the authority itself, in lower case: names of parameters, the scheme of a header,
/// the beginning of every JSON Web Token; and addresses inside of others, percent-encoded, as a whole.
const SECRET_NAMES: [&str; 9] = [
    "sig=",
    "sig%3d",
    "%3a%2f%2f",
    "sas=",
    "access_token=",
    "client_secret=",
    "client_assertion=",
    "bearer ",
    "eyj",
];

/// A text from a service or a library made fit for errors and logs: addresses are cut to scheme and host, values
/// that could be signatures are taken out, control characters are written out, and it is one line of bounded length.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '<' | '>' | ','))
            .unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        out.push_str(host);
        if address.len() > authority.len() {
            out.push_str("/…");
        }
        rest = tail;
    }
    out.push_str(rest);
    for name in SECRET_NAMES {
        out = blot(&out, name);
    }
    let line: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = custody_core::visible::escape(&line);
    if let Some((cut, _)) = line.char_indices().nth(MAX_CHARACTERS) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

fn blot(text: &str, name: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut from = 0;
    while let Some(at) = lower.get(from..).and_then(|rest| rest.find(name)) {
        let value = from + at + name.len();
        out.push_str(text.get(from..value).unwrap_or_default());
        out.push('…');
        let tail = text.get(value..).unwrap_or_default();
        let end = tail
            .find(|c: char| c.is_whitespace() || matches!(c, '&' | '"' | '\'' | ')' | '<'))
            .unwrap_or(tail.len());
        from = value + end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_to_their_host() {
        let text = "error for url (https://md-1.blob.storage.azure.net/t/abcd?sv=1&sig=CANARY): reset";
        assert_eq!(
            redact(text),
            "error for url (https://md-1.blob.storage.azure.net/…): reset"
        );
        assert_eq!(redact("see https://user:CANARY@host/x"), "see https://host/…");
    }

    #[test]
    fn signatures_outside_of_addresses_are_taken_out() {
        let text = "the query sv=1&SIG=CANARY&se=2 and sig=CANARY";
        assert!(!redact(text).contains("CANARY"));
        assert!(redact(text).contains("se=2"));
        let inner = "source https%3A%2F%2Fmd-1.blob.storage.azure.net%2Fabcd%3Fsv%3D1%26sig%3DCANARY: no";
        assert!(!redact(inner).contains("CANARY"), "{}", redact(inner));
        assert!(!redact("sv%3D1%26SIG%3DCANARY").contains("CANARY"));
    }

    #[test]
    fn tokens_are_taken_out_whatever_names_them() {
        for text in [
            "Authorization: Bearer eyJCANARY.eyJCANARY.CANARY was refused",
            "bearer CANARY",
            "{\"access_token\":\"eyJ0CANARY\"}",
            "client_secret=CANARY&scope=x",
        ] {
            assert!(!redact(text).contains("CANARY"), "{}", redact(text));
        }
        assert!(redact("Bearer x was refused").ends_with("was refused"));
    }

    #[test]
    fn the_text_is_one_visible_line_of_bounded_length() {
        let text = format!("a\nb\u{202e}c {}", "x".repeat(5000));
        let redacted = redact(&text);
        assert!(!redacted.contains('\n') && !redacted.contains('\u{202e}'));
        assert!(redacted.chars().count() <= MAX_CHARACTERS + 1);
    }
}
