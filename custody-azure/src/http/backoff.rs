use std::time::Duration;

use custody_core::Error;

use super::sending::Patience;

/// The waits between the tries of a call that changes something, for whoever looks in between what came of it: each
/// twice the last, at least what the service asks for, until the patience for one call is at its end.
#[derive(Debug)]
pub(crate) struct Backoff {
    patience: Patience,
    tries: u32,
    left: Duration,
}

impl Backoff {
    pub(crate) const fn new(patience: Patience) -> Self {
        Self {
            patience,
            tries: 0,
            left: patience.in_all,
        }
    }

    /// The same, waiting no longer than this in all.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.left = self.left.min(limit);
        self
    }

    /// How long to wait after this failure; `None` when it is not to be tried again.
    pub(crate) fn after(&mut self, error: &Error) -> Option<Duration> {
        let patience = self.patience;
        if self.tries >= patience.retries {
            return None;
        }
        let own = patience.first_wait.saturating_mul(1 << self.tries.min(16));
        let asked = match error.meaning() {
            Error::Throttled { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let wait = own.min(patience.longest_wait).max(asked.min(patience.in_all));
        self.left = self.left.checked_sub(wait)?;
        self.tries += 1;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(seconds: Option<u64>) -> Error {
        Error::Throttled {
            object: "o".into(),
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    fn waits(patience: Patience, error: &Error) -> Vec<u64> {
        let mut backoff = Backoff::new(patience);
        let waits = std::iter::from_fn(|| backoff.after(error));
        waits.map(|wait| wait.as_secs()).collect()
    }

    #[test]
    fn waits_double_and_are_never_shorter_than_asked_for_nor_longer_in_all_than_the_patience() {
        let mut patience = Patience {
            first_wait: Duration::from_secs(1),
            ..Patience::default()
        };
        assert_eq!(
            waits(patience, &busy(None)),
            [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
        );
        assert_eq!(waits(patience, &busy(Some(300))), [300, 300, 300]);
        assert_eq!(waits(patience, &busy(Some(86_400))), [900]);
        let mut brief = Backoff::new(patience).within(Duration::from_secs(10));
        assert_eq!(brief.after(&busy(Some(11))), None);
        assert_eq!(brief.after(&busy(Some(7))), Some(Duration::from_secs(7)));
        patience.retries = 2;
        assert_eq!(waits(patience, &busy(Some(5))), [5, 5]);
        assert_eq!(waits(patience, &Error::NotFound { object: "o".into() }), [1, 2]);
    }
}
