//! The service's clock beside the host's.

use custody_core::ServiceRecord;
use custody_core::ids::Timestamp;

/// By how many seconds the host's clock is ahead of the service's, as its answer's `Date` says; negative behind. `None`
/// where the answer has no date that can be read. Exact to about a second and the way of the answer.
///
/// The service refuses signatures that begin after its own time or have ended: a host that is minutes off asks for
/// access in vain.
#[must_use]
pub fn host_clock_ahead_by(answer: &ServiceRecord, host: Timestamp) -> Option<i64> {
    let service = jiff::fmt::rfc2822::parse(answer.date.as_deref()?).ok()?;
    Some(host.unix_millis() / 1000 - service.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_told_in_seconds_and_nothing_is_told_without_a_date() {
        let host: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        let dated = |date: &str| ServiceRecord::none().with_date(date);
        let ahead = |date: &str| host_clock_ahead_by(&dated(date), host);
        assert_eq!(ahead("Sat, 28 Nov 2026 10:00:00 GMT"), Some(0));
        assert_eq!(ahead("Sat, 28 Nov 2026 09:50:00 GMT"), Some(600));
        assert_eq!(ahead("Sat, 28 Nov 2026 10:00:07 GMT"), Some(-7));
        assert_eq!(ahead("yesterday"), None);
        assert_eq!(host_clock_ahead_by(&ServiceRecord::none(), host), None);
    }
}
