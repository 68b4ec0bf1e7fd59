use custody_core::ids::Timestamp;
use custody_core::{Error, Result};

use super::ResourceId;

/// A part of the Activity Log: what was done to resources from one instant to another.
///
/// Reads are not in it, and events come minutes late: what is missing shortly after an act was not necessarily left
/// out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ActivityWindow {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant.
    pub until: Timestamp,
}

impl ActivityWindow {
    /// From one instant to another.
    ///
    /// # Errors
    /// [`Error::Misuse`] when it ends before it begins.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self> {
        if until < from {
            return Err(Error::misuse(
                "the Activity Log is asked for a window that ends before it begins",
            ));
        }
        Ok(Self { from, until })
    }

    /// Where the events of a resource's group in the window are asked for. The service takes exactly this form of
    /// filter: times, and one property by `eq`.
    pub(crate) fn request(&self, of: &ResourceId) -> (String, Vec<(&'static str, String)>) {
        let path = format!(
            "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values",
            of.subscription()
        );
        let filter = format!(
            "eventTimestamp ge '{}' and eventTimestamp le '{}' and resourceGroupName eq '{}'",
            self.from,
            self.until,
            of.group()
        );
        (
            path,
            vec![("api-version", "2015-04-01".into()), ("$filter", filter)],
        )
    }
}
