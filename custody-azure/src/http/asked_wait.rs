use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};

/// The names under which a service asks to wait for milliseconds.
const MILLISECONDS: [&str; 2] = ["x-ms-retry-after-ms", "retry-after-ms"];

/// How long the service asks to wait.
///
/// `Retry-After` is a number of seconds or an instant (RFC 9110, 10.2.3). An instant is by the service's clock, so it
/// counts from the `Date` of the same answer: how wrong the host's clock is changes nothing. Without that date it tells
/// nothing.
pub(crate) fn asked_wait(headers: &Headers) -> Option<Duration> {
    let header = |name| headers.get_optional_str(&HeaderName::from_static(name));
    let milliseconds = MILLISECONDS
        .iter()
        .find_map(|name| header(name)?.trim().parse().ok());
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    of_retry_after(header("retry-after")?, header("date"))
}

/// What a `Retry-After` asks for, in an answer of this `Date`.
pub(crate) fn of_retry_after(asked: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = asked.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = instant(asked)?.as_second();
    let seconds = until.saturating_sub(instant(date?)?.as_second());
    // What lies behind the answer is no wait any more.
    Some(Duration::from_secs(seconds.try_into().unwrap_or_default()))
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_counts_from_the_answers_own_date() {
        let wait = |asked, date| of_retry_after(asked, date).map(|wait| wait.as_secs());
        // The host's clock says something else altogether.
        let date = Some("Fri, 01 Jan 2100 00:00:00 GMT");
        assert_eq!(wait("Fri, 01 Jan 2100 00:00:07 GMT", date), Some(7));
        assert_eq!(wait("Thu, 31 Dec 2099 23:59:59 GMT", date), Some(0));
        assert_eq!(wait(" 12 ", date), Some(12));
        assert_eq!(wait("Fri, 01 Jan 2100 00:00:07 GMT", None), None);
        assert_eq!(wait("Fri, 01 Jan 2100 00:00:07 GMT", Some("yesterday")), None);
        assert_eq!(wait("-5", date), None);
        assert_eq!(wait("99999999999999999999", date), None);
    }

    #[test]
    fn milliseconds_go_before_seconds() {
        let mut headers = Headers::new();
        headers.insert("retry-after", "7");
        assert_eq!(asked_wait(&headers), Some(Duration::from_secs(7)));
        headers.insert("x-ms-retry-after-ms", "150");
        assert_eq!(asked_wait(&headers), Some(Duration::from_millis(150)));
        assert_eq!(asked_wait(&Headers::new()), None);
    }
}
