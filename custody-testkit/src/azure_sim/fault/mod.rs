//! What goes wrong, and when.

mod action;
mod matcher;
mod plan;
mod rewriting;

pub use self::action::FaultAction;
pub use self::matcher::FaultMatcher;
pub(crate) use self::plan::FaultPlan;
pub(crate) use self::rewriting::{error_answer, rewrite};

use serde::{Deserialize, Serialize};

/// A fault: which calls it meets, and what becomes of them.
///
/// ```
/// use custody_testkit::azure_sim::{Fault, FaultAction};
///
/// let fault = Fault::on("PUT", "*/snapshots/*", FaultAction::status(429, "TooManyRequests").retry_after(7)).nth(1);
/// assert_eq!(fault.matcher.nth, Some(1));
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// The calls that it meets.
    pub matcher: FaultMatcher,
    /// What becomes of them.
    pub action: FaultAction,
}

impl Fault {
    /// A fault of every call with that method (`*` for any) and path. In the pattern `*` stands for anything.
    #[must_use]
    pub fn on(method: &str, path: &str, action: FaultAction) -> Self {
        let matcher = FaultMatcher {
            method: method.into(),
            path: path.into(),
            ..FaultMatcher::default()
        };
        Self { matcher, action }
    }

    /// Only calls to hosts of that pattern.
    #[must_use]
    pub fn at_host(mut self, host: &str) -> Self {
        self.matcher.host = host.into();
        self
    }

    /// Only calls whose query has this text.
    #[must_use]
    pub fn with_query(mut self, part: &str) -> Self {
        self.matcher.query = part.into();
        self
    }

    /// Only the nth call that matches, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.matcher.nth = Some(nth);
        self
    }

    /// Only the first so many calls that match.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.matcher.times = Some(times);
        self
    }
}
