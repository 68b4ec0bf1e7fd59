use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The simulated cloud's clock: the host's, plus what a test put it ahead.
#[derive(Debug, Default)]
pub(crate) struct CloudClock {
    ahead_nanoseconds: AtomicI64,
}

impl CloudClock {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + jiff::SignedDuration::from_nanos(self.ahead_nanoseconds.load(Ordering::Relaxed))
    }

    /// Puts the clock ahead.
    pub(crate) fn advance(&self, by: Duration) {
        let nanoseconds = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.ahead_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// `Sun, 22 Nov 2026 00:00:00 GMT`, as HTTP's Date and Last-Modified have it.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads what [`http_date`] writes.
pub(crate) fn from_http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// `2026-11-22T00:00:00.0000000Z`, with seven digits as Azure has them.
pub(crate) fn long_date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

/// `2026-11-22T00:00:00Z`, as shared access signatures have it.
pub(crate) fn short_date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads any of the forms in which a shared access signature may state an instant, UTC.
pub(crate) fn from_sas_date(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let date = text.strip_suffix('Z').unwrap_or(text);
    let civil = date.parse::<jiff::civil::DateTime>().ok()?;
    civil
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_azure_writes_them_and_read_back() {
        let at: Timestamp = "2026-11-22T01:02:03.5Z".parse().unwrap();
        assert_eq!(http_date(at), "Sun, 22 Nov 2026 01:02:03 GMT");
        assert_eq!(long_date(at), "2026-11-22T01:02:03.5000000Z");
        assert_eq!(
            from_http_date(&http_date(at)).unwrap().as_second(),
            at.as_second()
        );
        assert_eq!(
            from_sas_date("2026-11-22T01:02:03Z"),
            from_sas_date("2026-11-22T01:02:03.0Z")
        );
        assert!(from_sas_date("2026-11-22").is_some());
        assert!(from_sas_date("2026-11-22T01:02Z").is_some());
        assert!(from_sas_date("yesterday").is_none());
    }
}
