use std::time::Duration;

use bytes::BytesMut;
use serde_json::json;

use super::FaultAction;
use crate::azure_sim::address::Service;
use crate::azure_sim::http::{Answer, Cut, Payload, escape};
use crate::azure_sim::vault::fault_body;

/// An error in the form of the service that was asked.
pub(crate) fn error_answer(service: &Service, status: u16, code: &str, message: &str) -> Answer {
    match service {
        Service::Blob(_) | Service::Export(_) => {
            let body = format!(
                "<Error><Code>{}</Code><Message>{}</Message></Error>",
                escape(code),
                escape(message)
            );
            Answer::xml(status, &body).with_header("x-ms-error-code", code)
        }
        Service::Vault(_) => Answer::json(status, &fault_body(code, message)),
        Service::Arm => Answer::json(status, &json!({"error": {"code": code, "message": message}})),
        Service::Entra | Service::Metadata => {
            Answer::json(status, &json!({"error": code, "error_description": message}))
        }
    }
}

/// The answer as a fault makes it.
pub(crate) fn rewrite(action: &FaultAction, mut answer: Answer) -> Answer {
    match action {
        FaultAction::Delay(milliseconds) => answer.delay += Duration::from_millis(*milliseconds),
        FaultAction::DropAfter => answer.cut = Cut::BeforeAnswer,
        FaultAction::Truncate(bytes) => answer.cut = Cut::After(*bytes),
        FaultAction::Lengthen(bytes) => answer.cut = Cut::Longer(*bytes),
        FaultAction::ShortRange(bytes) => shorten(&mut answer, *bytes),
        FaultAction::ContentRange(value) => answer.set_header("content-range", value),
        FaultAction::Etag(value) => answer.set_header("etag", value),
        FaultAction::Header(name, value) => answer.set_header(name, value),
        FaultAction::Malformed => {
            if let Some(text) = answer.text() {
                let half: String = text.chars().take(text.chars().count() / 2).collect();
                answer = answer.with_body(format!("{half}<{{"));
            }
        }
        FaultAction::Body(text) => answer = answer.with_body(text.clone()),
        FaultAction::HostileAddress(base) => {
            for (_, value) in &mut answer.headers {
                *value = redirect(value, base);
            }
            if let Some(text) = answer.text()
                && text.contains("://")
            {
                answer = answer.with_body(redirect(&text, base));
            }
        }
        FaultAction::FlipByte(offset) => flip(&mut answer, *offset),
        FaultAction::Status { .. }
        | FaultAction::DropBefore
        | FaultAction::Style(_)
        | FaultAction::OperationFails(_)
        | FaultAction::CopyFails(_)
        | FaultAction::CopyAborts
        | FaultAction::CopyCorrupts(_) => {}
    }
    answer
}

fn shorten(answer: &mut Answer, bytes: u64) {
    let kept = bytes.min(answer.payload.length());
    match &mut answer.payload {
        Payload::Bytes(whole) => whole.truncate(crate::azure_sim::content::index(kept)),
        Payload::Part { length, .. } => *length = kept,
    }
    let range = answer.header("content-range").and_then(|value| {
        let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
        let first: u64 = range.split_once('-')?.0.parse().ok()?;
        Some(format!(
            "bytes {first}-{}/{total}",
            (first + kept).saturating_sub(1)
        ))
    });
    if let Some(range) = range {
        answer.set_header("content-range", range);
    }
}

fn flip(answer: &mut Answer, offset: u64) {
    if offset >= answer.payload.length() {
        return;
    }
    match &mut answer.payload {
        Payload::Bytes(bytes) => {
            let mut changed = BytesMut::from(&bytes[..]);
            changed[crate::azure_sim::content::index(offset)] ^= 0xFF;
            *bytes = changed.freeze();
        }
        Payload::Part {
            content,
            offset: start,
            ..
        } => {
            let at = *start + offset;
            if let Ok(old) = content.read(at..at + 1) {
                content.write(at, vec![old[0] ^ 0xFF].into());
            }
        }
    }
}

/// Every `https://host` and `http://host` of a text, replaced.
fn redirect(text: &str, base: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let start = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |before| before + 1);
        let after = &rest[at + 3..];
        let end = after.find(['/', '?', '"', '<', ' ', '\\']).unwrap_or(after.len());
        out.push_str(&rest[..start]);
        out.push_str(base);
        rest = &after[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_redirected_and_the_rest_stays() {
        let text = r#"{"a":"https://md-1.z1.blob.storage.azure.net/t/abcd?sig=x","b":"http://x"}"#;
        let expected = r#"{"a":"https://evil.example/t/abcd?sig=x","b":"https://evil.example"}"#;
        assert_eq!(redirect(text, "https://evil.example"), expected);
    }

    #[test]
    fn a_short_range_says_honestly_how_short_it_is() {
        let answer = Answer::empty(206)
            .with_body(vec![0; 100])
            .with_header("content-range", "bytes 50-149/1000");
        let short = rewrite(&FaultAction::ShortRange(10), answer);
        assert_eq!(short.header("content-range"), Some("bytes 50-59/1000"));
        assert_eq!(short.payload.length(), 10);
    }
}
