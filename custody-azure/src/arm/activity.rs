use custody_core::ids::Timestamp;
use custody_core::{Error, Result};
use serde_json::Value;

use super::ResourceId;
use super::client::Arm;

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
}

impl Arm {
    /// The Activity Log's events of a resource group in the window, as the service tells them.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] naming the right; otherwise the service's.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn activity_log(&self, of: &ResourceId, window: &ActivityWindow) -> Result<Vec<Value>> {
        let path = format!(
            "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/management/values",
            of.subscription()
        );
        // The service takes exactly this form: times, and one property by `eq`.
        let filter = format!(
            "eventTimestamp ge '{}' and eventTimestamp le '{}' and resourceGroupName eq '{}'",
            window.from,
            window.until,
            of.group()
        );
        self.list(
            &path,
            &[("api-version", "2015-04-01"), ("$filter", &filter)],
            "Microsoft.Insights/eventtypes/values/read",
        )
        .await
    }
}
